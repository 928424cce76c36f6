"""The storage by itself, on a real database: several writers, a reader, and every value a message can have."""

import random
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from uuid import uuid4

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archiver.delivery import Delivery, Origin
from archiver.letters import Letter, Refused, read_delivery, refuse
from archiver.plan import Archived
from archiver.queries import MANY
from archiver.redelivery import SWEEP_EVERY, WINDOW
from archiver.rows import COLUMNS, copy_data
from archiver.storage import CAREFUL_SECONDS, Storage
from tests.integration.archiver.deliveries import ORIGIN, US, change, item, new_id, numbers, rows
from wire.message import BODY_MAX, Envelope, MessageId, RefusedError, read_message, user_properties


def write(url: str, seed: int, batches: int) -> list[int]:
    """Store batches of messages between random users, with random pauses; returns their numbers."""
    chance = random.Random(seed)
    storage = Storage(url)
    made: list[int] = []
    for _ in range(batches):
        items = [
            item(b"x", sender=chance.randrange(10), to=chance.randrange(10)) for _ in range(chance.randrange(1, 30))
        ]
        made += numbers(storage.store(Origin(f"archiver.{seed}", 1, resumed=False), items))
        time.sleep(chance.random() * 0.01)
    storage.end()
    return made


def test_a_reader_that_pages_by_number_skips_nothing_while_two_archivers_write(url: str) -> None:
    made: list[int] = []
    writers = [threading.Thread(target=lambda seed=seed: made.extend(write(url, seed, 60))) for seed in (1, 2)]
    for writer in writers:
        writer.start()
    seen: list[int] = []
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        while True:
            running = any(writer.is_alive() for writer in writers)
            after = seen[-1] if seen else 0
            cursor.execute("SELECT seq FROM messages WHERE seq > %s ORDER BY seq LIMIT 7", (after,))
            page = [seq for (seq,) in cursor.fetchall()]
            seen += page
            if not page and not running:
                break
    assert seen == sorted(made)
    assert seen == list(range(1, len(made) + 1)), "and no number is wasted"
    assert rows(url, "SELECT count(*) FROM conversations WHERE last_seq = 0 AND group_id IS NULL") == [(0,)]
    newest = (
        "SELECT count(*) FROM conversations c"
        " WHERE group_id IS NULL AND last_seq <> (SELECT max(seq) FROM messages WHERE conversation_id = c.id)"
    )
    assert rows(url, newest) == [(0,)]
    members = (
        "SELECT count(*) FROM participants JOIN conversations c ON c.id = conversation_id"
        " WHERE user_id NOT IN (user_low, user_high)"
    )
    assert rows(url, members) == [(0,)]


def test_a_batch_of_many_conversations_is_stored_as_any_other(storage: Storage, url: str) -> None:
    change(url, f"INSERT INTO users (username) SELECT 'user' || n FROM generate_series(10, {MANY}) AS n")  # noqa: S608  # a number
    items = [item(b"%d" % to, to=to) for to in range(MANY + 1)]
    assert numbers(storage.store(ORIGIN, items)) == list(range(1, MANY + 2))
    assert numbers(storage.store(ORIGIN, items)) == list(range(1, MANY + 2))
    assert rows(url, "SELECT count(*) FROM conversations WHERE last_seq > 0") == [(MANY + 1,)]


def test_bodies_of_any_size_are_stored_as_they_were_sent(storage: Storage, url: str) -> None:
    """They go to the database in parts, which end where they will; a body may be larger than one."""
    chance = random.Random(1)
    bodies = [chance.randbytes(chance.choice((0, 1, 100, 8191, 30_000, BODY_MAX - 1)) + 1) for _ in range(300)]
    storage.store(ORIGIN, [item(body, number=number) for number, body in enumerate(bodies, 1)])
    stored = rows(url, "SELECT seq, body FROM messages ORDER BY seq")
    assert [(seq, bytes(body)) for seq, body in stored] == list(enumerate(bodies, 1))


def test_storing_the_same_batch_again_says_the_same(storage: Storage, url: str) -> None:
    items = [item(b"%d" % number, ids=number % 2 == 0, number=number) for number in range(1, 20)]
    items.append(item(b"", number=20))
    first = storage.store(ORIGIN, items)
    assert storage.store(ORIGIN, items) == first
    assert numbers(first) == list(range(1, 20))
    assert rows(url, "SELECT count(*) FROM messages") == [(19,)]


def test_messages_sent_again_among_new_ones_keep_their_numbers(url: str) -> None:
    """Whether the first such one makes the storage look, or it looks already, or looks no more."""
    now = 0.0
    storage = Storage(url, lambda: now)
    old = [item(b"%d" % number, number=number) for number in range(1, 4)]
    assert numbers(storage.store(ORIGIN, old)) == [1, 2, 3]
    for first_new in (4, 6, 8):
        new = [item(b"new", number=number) for number in (first_new, first_new + 1)]
        assert numbers(storage.store(ORIGIN, [new[0], *old, new[1]])) == [first_new, 1, 2, 3, first_new + 1]
        now += 0.6 * CAREFUL_SECONDS
    storage.end()
    assert rows(url, "SELECT count(*) FROM messages") == [(9,)]


def test_a_message_sent_again_to_an_account_deleted_since_keeps_its_number(storage: Storage, url: str) -> None:
    sent = item(b"x", number=1)
    first = storage.store(ORIGIN, [sent])
    change(url, "UPDATE users SET deleted_at = now() WHERE username = 'user1'")
    assert storage.store(ORIGIN, [sent]) == first
    assert rows(url, "SELECT count(*) FROM dead_letters") == [(0,)]


def test_what_is_stored_stays_stored_when_its_recipient_is_deleted_before_the_redelivery(
    storage: Storage, url: str
) -> None:
    """The archiver was killed between commit and PUBACK, or the receipt was lost."""
    named, unnamed = item(b"named", number=1), item(b"unnamed", ids=False, number=2)
    first = storage.store(ORIGIN, [named, unnamed])
    change(url, "UPDATE users SET deleted_at = now() WHERE username = 'user1'")
    again = [each._replace(delivery=each.delivery._replace(duplicate=True)) for each in (named, unnamed)]
    assert isinstance(again[1], Letter)
    again[1] = again[1]._replace(id=new_id())
    assert storage.store(Origin("archiver.1", 2, resumed=True), again) == first
    assert rows(url, "SELECT count(*) FROM dead_letters") == [(0,)]
    [refused] = storage.store(Origin("archiver.1", 2, resumed=True), [item(b"new", number=3)])
    assert isinstance(refused, Refused)
    assert refused.reason == "unknown_recipient"


def test_a_sequence_that_lags_after_a_restore_costs_no_message(storage: Storage, url: str) -> None:
    storage.store(ORIGIN, [item(b"%d" % number) for number in range(3)])
    change(url, "SELECT setval('message_seq', 1, false)")
    assert numbers(storage.store(ORIGIN, [item(b"3"), item(b"4")])) == [4, 5]
    assert rows(url, "SELECT last_value FROM message_seq") == [(5,)]
    change(url, "SELECT setval('message_seq', 10)")
    assert numbers(storage.store(ORIGIN, [item(b"5")])) == [11]


def test_the_numbers_are_in_order_whatever_isolation_the_database_has_by_default(url: str) -> None:
    name = rows(url, "SELECT current_database()")[0][0]
    change(url, f'ALTER DATABASE "{name}" SET default_transaction_isolation = serializable')
    made: list[int] = []
    writers = [threading.Thread(target=lambda seed=seed: made.extend(write(url, seed, 20))) for seed in (1, 2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(made) == list(range(1, len(made) + 1))


texts = st.text(st.characters(codec="utf-8"))
bodies = st.binary(max_size=300)


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, str | None, list[tuple[str, str]]]:
    """Make a message that may be right."""
    moment = st.datetimes(timezones=st.just(UTC))
    envelope = Envelope(
        draw(st.none() | st.uuids().map(lambda made: MessageId(str(made)))), None, draw(st.none() | moment)
    )
    extra = draw(st.lists(st.tuples(texts, texts), max_size=3))
    content_type = draw(st.none() | texts | st.sampled_from(["text/plain", 'a/b; c="\\"', "a/\\n"]))
    return draw(bodies), content_type, [*user_properties(envelope), *extra]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(made=messages(), topic=st.none() | texts)
def test_whatever_is_received_is_stored_as_it_is_or_kept_as_a_dead_letter(
    storage: Storage, url: str, made: tuple[bytes, str | None, list[tuple[str, str]]], topic: str | None
) -> None:
    body, content_type, properties = made
    name = "users/user1/inbox/user0" if topic is None else topic
    letter = read_delivery(Delivery(1, 1, False, name, body, content_type, properties, US), uuid4)
    [outcome] = storage.store(ORIGIN, [letter])
    if isinstance(outcome, Archived):
        envelope = read_message(body, content_type, properties)
        found = rows(url, f"SELECT body, content_type, sent_at, received_at FROM messages WHERE seq = {outcome.seq}")  # noqa: S608  # a number
        assert bytes(found[0][0]) == body
        assert found[0][2] == envelope.sent_at
        assert found[0][3] == datetime.fromtimestamp(US / 1e6, UTC)
    else:
        assert isinstance(outcome, Refused)
        found = rows(url, "SELECT body, reason FROM dead_letters ORDER BY id DESC LIMIT 1")
        assert (bytes(found[0][0]), found[0][1]) == (body, outcome.reason)


def test_a_dead_letter_takes_nul_and_surrogates_too(storage: Storage, url: str) -> None:
    delivery = Delivery(1, 1, False, "a\0b", b"\0", "\ud800", [("\0", "\udfff")], US)
    storage.store(ORIGIN, [refuse(delivery, None, "malformed", "\0", uuid4)])
    assert rows(url, "SELECT topic, detail, content_type, properties::text FROM dead_letters") == [
        ("a\ufffdb", "\ufffd", "?", '[["\\u0000", "\\udfff"]]')
    ]


def test_a_refused_message_that_comes_again_is_judged_alike_when_its_dead_letter_has_been_dropped(
    storage: Storage, url: str
) -> None:
    refused = item(b"x", to=999)
    [first] = storage.store(ORIGIN, [refused])
    assert isinstance(first, Refused)
    assert first.reason == "unknown_recipient"
    change(url, "DELETE FROM dead_letters")
    redelivered = refused._replace(delivery=refused.delivery._replace(duplicate=True))
    [second] = storage.store(Origin("archiver.1", 2, resumed=True), [redelivered])
    assert isinstance(second, Refused)
    assert (second.id, second.reason, second.detail) == (first.id, first.reason, first.detail)


def test_the_columns_of_copy_are_those_of_the_table(url: str) -> None:
    named = rows(url, "SELECT column_name FROM information_schema.columns WHERE table_name = 'messages'")
    assert {name for (name,) in named} == {*COLUMNS, "changed"}
    assert copy_data([]) == [b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\xff\xff"]


def test_a_redelivery_without_an_id_is_known_only_in_a_resumed_session_and_as_a_redelivery(
    storage: Storage, url: str
) -> None:
    first = storage.store(ORIGIN, [item(b"same", ids=False, number=1)])
    again = item(b"same", ids=False, number=1, duplicate=True)
    known = storage.store(Origin("archiver.1", 2, resumed=True), [again])
    assert known == first
    other = item(b"other", ids=False, number=1, duplicate=True)
    elsewhere = item(b"same", ids=False, number=2, duplicate=True)
    assert numbers(storage.store(Origin("archiver.1", 3, resumed=True), [other, elsewhere])) == [2, 3]
    assert isinstance(again, Letter)
    assert numbers(storage.store(Origin("archiver.2", 4, resumed=True), [again._replace(id=new_id())])) == [4]
    fresh = item(b"same", ids=False, number=2)
    assert numbers(storage.store(Origin("archiver.1", 5, resumed=True), [fresh])) == [5]
    afresh = item(b"same", ids=False, number=2, duplicate=True)
    assert numbers(storage.store(Origin("archiver.1", 6, resumed=False), [afresh])) == [6]
    assert rows(url, "SELECT count(*) FROM messages") == [(6,)]


def test_rows_about_packet_ids_go_before_the_packet_ids_come_round_again(storage: Storage, url: str) -> None:
    storage.store(ORIGIN, [item(b"early", ids=False, number=1)])
    for start in range(2, WINDOW + 2 * SWEEP_EVERY, SWEEP_EVERY):
        storage.store(ORIGIN, [item(b"x", number=start)])
    assert rows(url, "SELECT count(*) FROM unacknowledged") == [(0,)]
    assert WINDOW + 2 * SWEEP_EVERY + 20_000 < 65_535


def test_redeliveries_come_before_the_first_new_one_so_only_that_clears_what_earlier_connections_left(
    storage: Storage, url: str
) -> None:
    storage.store(ORIGIN, [item(b"%d" % number, ids=False, number=number) for number in range(1, 5)])
    resumed = Origin("archiver.1", 2, resumed=True)
    storage.store(resumed, [item(b"1", ids=False, number=1, duplicate=True)])
    assert rows(url, "SELECT count(*) FROM unacknowledged") == [(4,)]
    storage.store(resumed, [item(b"new", number=5)])
    assert rows(url, "SELECT packet_id FROM unacknowledged") == [(1,)]


def test_a_refused_first_message_makes_no_conversation(storage: Storage, url: str) -> None:
    properties = [("relation", "reply"), ("relates-to", str(uuid4()))]
    letter = read_delivery(Delivery(1, 1, False, "users/user1/inbox/user0", b"x", None, properties, US), uuid4)
    assert isinstance(letter, Letter)
    storage.store(ORIGIN, [letter])
    assert rows(url, "SELECT count(*) FROM conversations WHERE group_id IS NULL") == [(0,)]


def test_read_message_refuses_what_the_archive_could_not_hold() -> None:
    with pytest.raises(RefusedError):
        read_message(b"x", "text/\0", [])
