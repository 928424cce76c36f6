"""What is done after an account was deleted: in bounded pieces, by anybody, and keeping nobody waiting."""

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import connection

from auth_api.erasure import Eraser
from auth_api.pool import Pool
from auth_api.queries import erasures
from db import ARCHIVE_LOCK
from tests.support.stack import wait_for

_MANY = """
    INSERT INTO users (username) VALUES ('alice'), ('bobby');
    INSERT INTO conversations (user_low, user_high, last_seq) SELECT id, id, 2500 FROM users WHERE username = 'alice';
    INSERT INTO conversations (user_low, user_high, last_seq) SELECT min(id), max(id), 5000 FROM users;
    INSERT INTO participants (user_id, conversation_id)
        SELECT DISTINCT u, id FROM conversations, unnest(ARRAY[user_low, user_high]) u WHERE group_id IS NULL;
    INSERT INTO messages (seq, conversation_id, sender_id, received_at, message_id, body)
        SELECT n, c.id, c.user_low, now(), gen_random_uuid(), 'hello'
        FROM conversations c, generate_series(c.last_seq - 2499, c.last_seq) n WHERE group_id IS NULL;
    SELECT setval('message_seq', 5000);
"""
_DELETE = """
    UPDATE users SET username = 'deleted-' || repeat(left(username, 1), 10), deleted_at = now() WHERE username = %s
    RETURNING id
"""


def rows_handled(plan: dict[str, Any]) -> float:
    """Count the rows that a plan's nodes gave out or left out, each time that they ran."""
    here = sum(plan.get(name, 0) for name in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Join Filter"))
    return float(here * plan["Actual Loops"] + sum(map(rows_handled, plan.get("Plans", []))))


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    """Open a pool over a database of this test's own."""
    opened = Pool(database_url, 4)
    yield opened
    opened.close()


@pytest.fixture
def db(database_url: str) -> Iterator[connection]:
    """Open a database with 2,500 notes of alice and 2,500 messages of hers to bobby."""
    with closing(psycopg2.connect(database_url)) as opened:
        opened.autocommit = True
        with opened.cursor() as cur:
            cur.execute(_MANY)
        yield opened


def one(db: connection, query: str) -> object:
    with db.cursor() as cur:
        cur.execute(query)
        row = cur.fetchone()
    assert row is not None
    return row[0]


def delete(db: connection, username: str) -> None:
    with db.cursor() as cur:
        cur.execute(_DELETE, (username,))
        [(id_,)] = cur.fetchall()
        cur.execute("INSERT INTO erasures (user_id, revocation_id) VALUES (%s, 1)", (id_,))


def left(db: connection) -> object:
    return one(db, "SELECT count(*) FROM messages")


def finish(eraser: Eraser) -> None:
    while eraser.take_away() or eraser.look_through():
        pass


def test_a_large_history_goes_a_page_at_a_time_and_anybody_goes_on_with_it(
    database_url: str, pool: Pool, db: connection
) -> None:
    delete(db, "alice")
    first = Eraser(pool)
    assert first.take_away()
    assert not first.take_away()
    assert left(db) == 5000
    assert first.look_through()
    assert left(db) == 4000
    other = Pool(database_url, 1)
    try:
        second = Eraser(other)
        assert second.look_through()
        assert left(db) == 3000
        finish(second)
    finally:
        other.close()
    assert left(db) == 2500
    assert one(db, "SELECT count(*) FROM conversations WHERE group_id IS NULL") == 1
    assert one(db, "SELECT count(*) FROM leftovers") == 0
    assert one(db, "SELECT count(*) FROM erasures") == 0


def test_only_one_worker_is_at_it(pool: Pool, db: connection) -> None:
    delete(db, "alice")
    with pool.transaction() as cur:
        assert erasures.claim(cur)
        assert not Eraser(pool).take_away()
        assert not Eraser(pool).look_through()
    assert Eraser(pool).take_away()


def test_the_archive_is_not_kept_waiting_by_it(database_url: str, pool: Pool, db: connection) -> None:
    """Whoever has the archive lock, all can be done: both accounts are gone, so nobody asks for a newest message."""
    delete(db, "alice")
    delete(db, "bobby")
    with closing(psycopg2.connect(database_url)) as storing, storing.cursor() as cur:
        cur.execute("SELECT pg_advisory_xact_lock(%s)", (ARCHIVE_LOCK,))
        finish(Eraser(pool))
    assert left(db) == 0
    assert one(db, "SELECT count(*) FROM conversations WHERE group_id IS NULL") == 0


def test_what_a_conversation_calls_its_newest_is_set_right_under_the_lock(
    database_url: str, pool: Pool, db: connection
) -> None:
    """A message that is being stored meanwhile is not forgotten: it is the newest then."""
    with db.cursor() as cur:
        cur.execute(
            """
            UPDATE users SET has_blocked = true WHERE username = 'bobby';
            INSERT INTO blocks (user_id, blocked_id, after_seq) SELECT max(id), min(id), 4000 FROM users;
            """
        )
    delete(db, "alice")
    eraser = Eraser(pool)
    with closing(psycopg2.connect(database_url)) as storing, storing.cursor() as cur:
        cur.execute("SELECT pg_advisory_xact_lock(%s)", (ARCHIVE_LOCK,))
        finishing = threading.Thread(target=finish, args=(eraser,))
        finishing.start()
        wait_for(lambda: left(db) == 1500, "all that can be is dropped")
        cur.execute(
            """
            INSERT INTO messages (seq, conversation_id, sender_id, received_at, message_id, body)
                SELECT 5001, c.id, user_high, now(), gen_random_uuid(), 'late' FROM conversations c
                WHERE user_low <> user_high;
            UPDATE conversations SET last_seq = 5001 WHERE user_low <> user_high;
            """
        )
        storing.commit()
    finishing.join()
    assert one(db, "SELECT last_seq FROM conversations WHERE user_low <> user_high") == 5001
    assert one(db, "SELECT count(*) FROM leftovers") == 0


def test_a_conversation_whose_newest_messages_went_names_the_newest_that_is_left(pool: Pool, db: connection) -> None:
    with db.cursor() as cur:
        cur.execute(
            """
            UPDATE users SET has_blocked = true WHERE username = 'bobby';
            INSERT INTO blocks (user_id, blocked_id, after_seq) SELECT max(id), min(id), 4000 FROM users;
            """
        )
    delete(db, "alice")
    finish(Eraser(pool))
    assert one(db, "SELECT last_seq FROM conversations WHERE user_low <> user_high") == 4000
    assert left(db) == 1500


def test_a_page_costs_the_same_wherever_it_lies(pool: Pool, db: connection) -> None:
    with db.cursor() as cur:
        cur.execute(
            """
            INSERT INTO messages (seq, conversation_id, sender_id, received_at, message_id, body)
            SELECT 5000 + n, c.id, c.user_low, now(), gen_random_uuid(), 'hello'
            FROM conversations c, generate_series(1, 30000) n WHERE c.user_low <> c.user_high;
            INSERT INTO leftovers (conversation_id) SELECT id FROM conversations WHERE user_low <> user_high;
            """
        )
    read = {}
    for after in (0, 32_000):
        with pool.reading() as cur:
            found = erasures.leftover(cur)
            assert found is not None
            values = {"conversation": found.conversation_id, "after": after, "most": 1000}
            cur.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {erasures.LOOK}", values)
            (((explained, *_),),) = cur.fetchall()
            plan = explained["Plan"]
            read[after] = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    assert read[32_000] < 2 * read[0], read
    assert left(db) == 35_000


def test_who_came_and_went_very_often_does_not_stop_it(pool: Pool, db: connection) -> None:
    """Else one conversation that takes too long would keep all others waiting for ever."""
    with db.cursor() as cur:
        cur.execute(
            """
            INSERT INTO groups (id, title, visibility, history)
                VALUES ('goftenoftenof', '', 'private', 'since_joining');
            INSERT INTO conversations (group_id, last_seq) VALUES ('goftenoftenof', 1000000);
            INSERT INTO participants (user_id, conversation_id)
                SELECT u.id, c.id FROM users u, conversations c WHERE group_id = 'goftenoftenof';
            INSERT INTO spans (user_id, conversation_id, after_seq, until_seq)
                SELECT max(u.id), max(c.id), n, n + 1 FROM users u, conversations c, generate_series(5010, 205010, 2) n
                WHERE group_id = 'goftenoftenof' GROUP BY n;
            INSERT INTO messages (seq, conversation_id, sender_id, received_at, message_id, body)
                SELECT 500000 + n, c.id, 1, now(), gen_random_uuid(), 'hello'
                FROM conversations c, generate_series(1, 1000) n WHERE group_id = 'goftenoftenof';
            INSERT INTO messages (seq, conversation_id, sender_id, received_at, message_id, body)
                SELECT 5013, c.id, 1, now(), gen_random_uuid(), 'hello' FROM conversations c
                WHERE group_id = 'goftenoftenof';
            INSERT INTO leftovers (conversation_id) SELECT id FROM conversations WHERE group_id = 'goftenoftenof';
            """
        )
    with pool.transaction() as cur:
        found = erasures.leftover(cur)
        assert found is not None
        values = {"conversation": found.conversation_id, "after": found.after_seq, "most": 2000}
        cur.execute("SET LOCAL statement_timeout = '100s'")
        cur.execute("SAVEPOINT untouched")
        cur.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {erasures.LOOK}", values)
        (((explained, *_),),) = cur.fetchall()
        cur.execute("ROLLBACK TO untouched")
        assert rows_handled(explained["Plan"]) < 2_000_000, "each span a few times, not with each message"
        assert erasures.drop_unreadable(cur, found, 2000) == 1001
    assert left(db) == 5001
    assert one(db, "SELECT count(*) FROM messages WHERE seq = 5013") == 1
