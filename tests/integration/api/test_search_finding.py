"""How search compares, how much it reads for that, and where it does not look."""

import itertools
import time

import pytest
from psycopg2.extensions import connection

from auth_api.errors import NotFoundError, UnavailableError
from auth_api.pool import Pool
from auth_api.queries.search import TEXTS_BYTES, scope, texts
from auth_api.search.finding import Asked, find
from auth_api.search.indexing import Indexer
from auth_api.tokens import AccessClaims
from tests.integration.api.search_model import GROUP, World


def test_a_language_knows_the_forms_of_words(own_db: connection, pool: Pool) -> None:
    world = World(own_db, pool)
    seq = world.insert("alice", "alice bobby", b"She was running the happy ponies")

    def finds(query_: str) -> bool:
        page = find(pool, AccessClaims("alice", "alice"), Asked(query_), 9)
        return [message.seq for message, _ in page.found] == [seq]

    world.indexer.catch_up()
    assert (finds("running"), finds("run"), finds("the")) == (True, False, True)
    english = Indexer(pool, "english", least=1)
    for indexed in (False, True):
        if indexed:
            english.catch_up()
        else:
            world.sql("UPDATE search_state SET language = 'english', indexed_seq = 0, generation = generation + 1")
            world.sql("DELETE FROM search_new_words")
        assert [finds(each) for each in ("runs", "pony", "happ*", "runni*", "the*", '"run the happiness"')] == [
            True
        ] * 6
        assert [finds(each) for each in ("the", "ran", "walk")] == [False] * 3
    Indexer(pool, "klingon", least=1).catch_up()
    assert finds("runs")
    Indexer(pool, "simple", least=1).catch_up()
    assert (finds("running"), finds("run")) == (True, False)


def test_a_phrase_of_frequent_words_that_stand_nowhere_so_is_given_up(own_db: connection, pool: Pool) -> None:
    world = World(own_db, pool)
    for _ in range(30):
        world.insert("alice", "alice bobby", b"of the")
    clock = itertools.count(0.0, 5.0)
    with pytest.raises(UnavailableError, match="too long"):
        find(pool, AccessClaims("alice", "alice"), Asked('"the of"'), 9, clock=lambda: next(clock))


def test_a_search_that_needs_one_reading_is_answered_however_slow_the_machine_is(
    own_db: connection, pool: Pool
) -> None:
    world = World(own_db, pool)
    seq = world.insert("alice", "alice bobby", b"the owl")
    clock = itertools.count(0.0, 5.0)
    page = find(pool, AccessClaims("alice", "alice"), Asked('"the owl"'), 9, clock=lambda: next(clock))
    assert [each.seq for each, _ in page.found] == [seq]


def test_large_messages_are_read_a_few_at_a_time(own_db: connection, pool: Pool) -> None:
    """Of 60 that have all words only the oldest and the newest have the phrase."""
    world = World(own_db, pool)
    for number in range(60):
        end = b"zz ab" if number in {0, 59} else b"zz"
        world.insert("alice", "alice bobby", b"ab cd " * 10_000 + end)
    world.indexer.catch_up()
    alice = AccessClaims("alice", "alice")
    with pool.reading() as cur:
        read = texts(cur, scope(cur, alice, None, None), range(60, 0, -1))
    assert [each.seq for each in read] == list(range(60, 60 - len(read), -1))
    assert TEXTS_BYTES <= sum(len(each.body) for each in read) < TEXTS_BYTES + 65_536
    found = find(pool, alice, Asked('"cd zz ab"'), 100, clock=lambda: 0.0).found
    assert [seq.seq for seq, _ in found] == [60, 1]


def test_who_left_a_group_does_not_go_through_what_was_said_since(own_db: connection, pool: Pool) -> None:
    world = World(own_db, pool)
    old = world.insert("alice", GROUP, b"hello")
    world.sql("UPDATE spans SET until_seq = %s WHERE user_id = (SELECT id FROM users WHERE username = 'alice')", old)
    world.sql(
        "INSERT INTO messages (seq, conversation_id, sender_id, received_at, message_id, body)"
        " SELECT seq + n, conversation_id, sender_id, now(), gen_random_uuid(), body"
        " FROM messages, generate_series(1, 20000) n"
    )
    world.sql("UPDATE conversations SET last_seq = 20001 WHERE group_id = %s", GROUP)
    world.indexer.catch_up()
    looks = itertools.count()
    for asked in (Asked("hello"), Asked("hello", group=GROUP), Asked("hel*")):
        found = find(pool, AccessClaims("alice", "alice"), asked, 9, clock=lambda: next(looks) * 0.1).found
        assert [each.seq for each, _ in found] == [old]
    assert next(looks) < 12, "few looks at the clock, one for each portion that is read"


@pytest.mark.parametrize("indexed", [True, False])
def test_numbers_that_were_left_out_are_not_gone_through(own_db: connection, pool: Pool, indexed: bool) -> None:
    """After a restoration the numbers go on a billion higher, or fifty billion if that was done often."""
    world = World(own_db, pool)
    olds = [world.insert("alice", "alice bobby", b"hello", step=70_000) for _ in range(3)]
    world.indexer.catch_up()
    new = world.insert("alice", "alice bobby", b"hello", step=50_000_000_000)
    if indexed:
        world.indexer.catch_up()
    for query, found in (("hello", [new, *reversed(olds)]), ("hel*", [new, *reversed(olds)]), ("jar", []), ("j*", [])):
        began = time.monotonic()
        page = find(pool, AccessClaims("alice", "alice"), Asked(query), 9, clock=lambda: 0.0)
        assert [message.seq for message, _ in page.found] == found
        assert time.monotonic() - began < 2


def test_where_one_never_was_nothing_is_searched(own_db: connection, pool: Pool) -> None:
    World(own_db, pool)
    carol = AccessClaims("carol", "carol")
    for asked in (Asked("x", group=GROUP), Asked("x", group="gnothinghere2"), Asked("x", other="nobody")):
        with pytest.raises(NotFoundError):
            find(pool, carol, asked, 9)
    assert find(pool, carol, Asked("x", other="carol"), 9).found == []
