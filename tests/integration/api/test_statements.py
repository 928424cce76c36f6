"""Statements that a connection plans once, and what they ask about the session."""

from collections.abc import Iterator
from contextlib import closing, suppress

import psycopg2
import pytest

from auth_api.errors import NotFoundError, UnauthenticatedError
from auth_api.history import conversation_page, feed, one_message, page
from auth_api.pool import Pool
from auth_api.tokens import AccessClaims
from wire.conversations import direct, group

ALICE = AccessClaims("alice", "device-of-a")
_PEOPLE = """
    INSERT INTO users (username) VALUES ('alice'), ('bobby'), ('carol');
    INSERT INTO devices (id, user_id) SELECT 'device-of-a', id FROM users WHERE username = 'alice';
    INSERT INTO conversations (user_low, user_high)
        SELECT a.id, o.id FROM users a, users o WHERE a.username = 'alice' AND o.username <> 'alice';
    INSERT INTO participants (user_id, conversation_id)
        SELECT u, id FROM conversations, unnest(ARRAY[user_low, user_high]) u WHERE group_id IS NULL;
"""
_MESSAGES = """
    INSERT INTO messages (seq, conversation_id, sender_id, received_at, message_id, body)
        SELECT nextval('message_seq'), c.id, c.user_low, now(), gen_random_uuid(), 'hello'
        FROM conversations c JOIN users o ON o.id = c.user_high, generate_series(1, %s) WHERE o.username = %s;
    UPDATE conversations c SET last_seq = m.max FROM (
        SELECT conversation_id, max(seq) FROM messages GROUP BY 1
    ) m WHERE m.conversation_id = c.id;
"""


_OTHERS = """
    INSERT INTO users (username) SELECT 'other' || n FROM generate_series(1, 200) n;
    INSERT INTO conversations (user_low, user_high)
        SELECT a.id, o.id FROM users a, users o WHERE a.username = 'alice' AND o.username LIKE 'other%';
    INSERT INTO participants (user_id, conversation_id)
        SELECT u, id FROM conversations, unnest(ARRAY[user_low, user_high]) u
        WHERE group_id IS NULL ON CONFLICT DO NOTHING;
"""


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    """Open a pool over a database with three people and no message."""
    run(database_url, _PEOPLE)
    opened = Pool(database_url, 1)
    yield opened
    opened.close()


def run(database_url: str, statements: str, *values: object) -> None:
    with closing(psycopg2.connect(database_url)) as db, db, db.cursor() as cur:
        cur.execute(statements, values or None)


@pytest.mark.parametrize("planned", ["while the archive was empty", "for a long archive"])
def test_a_plan_that_knows_no_conversation_does_for_each(database_url: str, pool: Pool, planned: str) -> None:
    """The quiet conversation's few messages lie below 20,000 of another one, which no plan may go through.

    Nor may one go through all of a user's conversations for the sake of one message.
    """
    run(database_url, _OTHERS)
    if planned == "while the archive was empty":
        read_all(pool)
    run(database_url, _MESSAGES, 3, "bobby")
    run(database_url, _MESSAGES, 20_000, "carol")
    if planned == "for a long archive":
        run(database_url, "ANALYZE")
    assert read_all(pool) == [3, 3, 50]
    asked = {
        "one_message": ("'device-of-a', 'alice', 1", 100),
        "page_before": ("'device-of-a', 'alice', 'bobby', 9223372036854775807, 51", 300),
        "page_after": ("'device-of-a', 'alice', 'bobby', 0, 51", 300),
        "feed": ("'device-of-a', 'alice', 0, 51", 4 * 202),  # it looks at each conversation
    }
    for name, (values, most) in asked.items():
        with pool.reading() as cur:
            cur.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE {name} ({values})")
            (((explained, *_),),) = cur.fetchall()
        plan = explained["Plan"]
        assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < most, (name, plan)


_GROUPS = """
    INSERT INTO groups (id, title, visibility, history)
        SELECT name, name, 'private', 'all' FROM unnest(ARRAY['gquietquietqu', 'gloudloudloud']) name;
    INSERT INTO conversations (group_id) SELECT id FROM groups ON CONFLICT DO NOTHING;
    INSERT INTO participants (user_id, conversation_id)
        SELECT u.id, c.id FROM users u, conversations c
        WHERE c.group_id IS NOT NULL AND u.username IN ('alice', 'bobby');
    INSERT INTO spans (user_id, conversation_id, after_seq)
        SELECT user_id, conversation_id, 0 FROM participants p JOIN conversations c ON c.id = p.conversation_id
        WHERE c.group_id IS NOT NULL;
"""
_TO_GROUP = """
    INSERT INTO messages (seq, conversation_id, sender_id, received_at, message_id, body)
        SELECT nextval('message_seq'), c.id, u.id, now(), gen_random_uuid(), 'hello'
        FROM conversations c, users u, generate_series(1, %s)
        WHERE c.group_id = %s AND u.username IN ('bobby', 'carol');
    UPDATE conversations c SET last_seq = m.max FROM (
        SELECT conversation_id, max(seq) FROM messages GROUP BY 1
    ) m WHERE m.conversation_id = c.id;
"""


@pytest.mark.parametrize("planned", ["while the archive was empty", "for a long archive"])
def test_plans_for_groups_read_no_more_than_is_shown(database_url: str, pool: Pool, planned: str) -> None:
    """The quiet group's few messages lie below 20,000 of another one; alice has 200 more conversations."""
    quiet = group("gquietquietqu")

    def read() -> list[int]:
        newest = page(pool, ALICE, quiet, before=None, after=None, limit=50)
        first = page(pool, ALICE, quiet, before=None, after=0, limit=50)
        listed, _ = conversation_page(pool, ALICE, None, 1)
        return [len(newest.messages), len(first.messages), len(feed(pool, ALICE, 0, 50)[0].messages), len(listed)]

    run(database_url, _OTHERS)
    run(database_url, _GROUPS)
    if planned == "while the archive was empty":
        assert read() == [0, 0, 0, 0]
    run(database_url, _TO_GROUP, 2, "gquietquietqu")
    run(database_url, _TO_GROUP, 10_000, "gloudloudloud")
    run(database_url, "UPDATE participants SET read_seq = (SELECT max(seq) FROM messages)")
    run(database_url, "INSERT INTO users (username) SELECT 'more' || n FROM generate_series(1, 5000) n")
    if planned == "for a long archive":
        run(database_url, "ANALYZE")
    assert read() == [4, 4, 50, 1]
    asked = {
        "group_page_before": ("'gquietquietqu', 9223372036854775807, 51", 100),
        "group_page_after": ("'gloudloudloud', 0, 51", 300),
        "feed": ("0, 51", 4 * 210 + 200),
        "conversations": ("9223372036854775807, 50", 6 * 210),
    }
    for name, (values, most) in asked.items():
        with pool.reading() as cur:
            cur.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE {name} ('device-of-a', 'alice', {values})")
            (((explained, *_),),) = cur.fetchall()
        plan = explained["Plan"]
        assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < most, (name, plan)
        if name == "feed":
            assert "Index Only Scan" in str(plan)


def read_all(pool: Pool) -> list[int]:
    """Ask once with each of the statements; return how many messages each page has."""
    newest = page(pool, ALICE, direct("bobby"), before=None, after=None, limit=50)
    first = page(pool, ALICE, direct("bobby"), before=None, after=0, limit=50)
    with suppress(NotFoundError):
        one_message(pool, ALICE, 1)
    return [len(each.messages) for each in (newest, first, feed(pool, ALICE, 0, 50)[0])]


def test_a_connection_that_is_new_learns_the_statements_too(database_url: str, pool: Pool) -> None:
    run(database_url, _MESSAGES, 3, "bobby")
    assert len(feed(pool, ALICE, 0, 50)[0].messages) == 3
    run(
        database_url,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    assert len(feed(pool, ALICE, 0, 50)[0].messages) == 3


@pytest.mark.parametrize("claims", [AccessClaims("bobby", "device-of-a"), AccessClaims("alice", "another-one")])
def test_a_token_for_another_device_than_the_users_own_reads_nothing(pool: Pool, claims: AccessClaims) -> None:
    with pytest.raises(UnauthenticatedError):
        feed(pool, claims, 0, 50)
    with pytest.raises(UnauthenticatedError):
        page(pool, claims, direct("carol"), before=None, after=None, limit=50)


def test_a_migration_that_changes_a_type_costs_a_connection_and_not_the_worker(database_url: str, pool: Pool) -> None:
    feed(pool, ALICE, 0, 50)
    run(database_url, "ALTER TABLE messages ALTER content_type TYPE varchar(255)")
    with pytest.raises(psycopg2.errors.FeatureNotSupported):
        feed(pool, ALICE, 0, 50)
    assert feed(pool, ALICE, 0, 50)[0].messages == []
