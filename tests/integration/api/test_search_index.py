"""What the indexer of search commits, how and when, and what it takes out of the index again."""

import tracemalloc
from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2.extensions import connection

from auth_api.errors import UnavailableError
from auth_api.pool import Pool
from auth_api.queries import search_index
from auth_api.search import indexing
from auth_api.search.finding import Asked, find
from auth_api.search.indexing import Indexer
from auth_api.search.postings import SEGMENT
from auth_api.tokens import AccessClaims
from tests.integration.api.search_model import Row, World


@pytest.fixture
def pool_of_one(database_url: str) -> Iterator[Pool]:
    """Open a pool of one connection, which every transaction gets."""
    opened = Pool(database_url, 1)
    yield opened
    opened.close()


def language(pool: Pool) -> str:
    """Return the language that the index is in."""
    with pool.transaction() as cur:
        state = search_index.claim(cur)
        assert state
        return state.language


def waits_for_the_disk(pool_cursor: psycopg2.extensions.cursor) -> bool:
    """Whether the commit of this transaction does."""
    pool_cursor.execute("SHOW synchronous_commit")
    return pool_cursor.fetchone() == ("on",)


def test_a_commit_of_the_index_waits_for_no_disk_and_a_change_of_its_language_does(pool_of_one: Pool) -> None:
    with pool_of_one.transaction() as cur:
        assert search_index.claim(cur)
        assert not waits_for_the_disk(cur)
    with pool_of_one.transaction() as cur:
        assert waits_for_the_disk(cur), "other transactions of the same connection do"
        search_index.claim(cur)
        search_index.set_language(cur, "simple")
        assert waits_for_the_disk(cur)


def test_a_change_of_language_that_was_not_committed_is_made_again(
    pool_of_one: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexer = Indexer(pool_of_one, "german")
    assert language(pool_of_one) != "german"

    def cut(*_: object) -> bool:
        raise psycopg2.OperationalError("the connection was cut")

    with monkeypatch.context() as patched:
        patched.setattr(indexing, "_forget_stale", cut)
        with pytest.raises(UnavailableError):
            indexer.step()
    assert language(pool_of_one) != "german"
    indexer.step()
    assert language(pool_of_one) == "german"


def test_nothing_of_what_was_retracted_stays_in_the_index(own_db: connection, pool: Pool) -> None:
    """Nor of what was dropped."""
    world = World(own_db, pool)
    world.sql("UPDATE search_state SET generation = generation + 1")
    for body in (b"hello secret", b"hello", b"hello other", b"dropped hello"):
        seq = world.insert("alice", "alice bobby", body)
        world.rows.append(Row(seq, "alice", "alice bobby", ["hello"]))
    world.insert("alice", "alice bobby", b"far away", step=SEGMENT)
    world.insert("alice", "alice bobby", b"edited twice", "edit", 3)
    world.indexer.catch_up()
    world.retract(0)
    world.sql("UPDATE messages SET body = '' WHERE relation = 'edit'")
    world.sql("DELETE FROM messages WHERE seq = 4")
    world.indexer.catch_up()
    with own_db.cursor() as cur:
        cur.execute("SELECT word FROM search_words UNION SELECT word FROM search_new_words")
        words = {word for (word,) in cur.fetchall() if not word.startswith(" ")}
    assert words == {"hello", "other", "far", "away"}


def test_a_retraction_takes_no_more_memory_however_much_was_written(own_db: connection, pool: Pool) -> None:
    """A message with 20 MB of edits, one of which is retracted, in a segment of 100,000 different words."""
    world = World(own_db, pool)
    seq = world.insert("alice", "alice bobby", b"hello")
    world.sql(
        "INSERT INTO messages"
        " (seq, conversation_id, sender_id, relates_to_seq, received_at, message_id, relation, body)"
        " SELECT seq + n, conversation_id, sender_id, seq, now(), gen_random_uuid(), 'edit',"
        " convert_to(repeat('x', 65000) || ' last' || n, 'utf8') FROM messages, generate_series(1, 300) n"
    )
    world.newest = seq + 300
    world.sql("UPDATE messages SET changed = true WHERE seq = %s", seq)
    world.sql("INSERT INTO search_words SELECT 0, 'word' || n, '\\x0500' FROM generate_series(1, 100000) n")
    world.sql("INSERT INTO search_words VALUES (0, 'last299', '\\x0100'), (0, 'last300', '\\x0100')")
    world.sql("UPDATE search_state SET indexed_seq = %s", world.newest)
    world.sql("UPDATE messages SET body = '' WHERE seq = %s", world.newest)
    tracemalloc.start()
    try:
        world.indexer.catch_up()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * 1024 * 1024
    assert world.one("SELECT count(*) FROM search_words WHERE word = 'last300'") == 0
    found = find(pool, AccessClaims("bobby", "bobby"), Asked("last299"), 9).found
    assert [each.seq for each, _ in found] == [seq]


def test_indexing_leaves_the_machine_to_those_who_store(own_db: connection, pool: Pool) -> None:
    """It waits while thousands come in a second, and goes on after that."""
    world = World(own_db, pool)
    world.insert("alice", "alice bobby", b"hello")
    considerate = Indexer(pool, "simple", least=1)
    assert considerate.step(considerate=True)
    world.insert("alice", "alice bobby", b"hello", step=40_000)
    assert not considerate.step(considerate=True)
    world.insert("alice", "alice bobby", b"hello", step=40_000)
    assert considerate.step(considerate=True)
