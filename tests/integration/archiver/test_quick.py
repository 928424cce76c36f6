"""A few plain messages, stored by one statement on a real database."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import psycopg2
import pytest

from archiver import queries, quick
from archiver.delivery import Delivery
from archiver.letters import Letter, Mail
from archiver.rows import COLUMNS
from archiver.storage import Storage
from tests.integration.archiver.deliveries import (
    LOBBY,
    ORIGIN,
    US,
    add_block,
    add_member,
    change,
    in_group,
    item,
    mail,
    muted,
    new_id,
    numbers,
    rows,
)

_MAKE_CONVERSATIONS = """
    INSERT INTO users (username) SELECT 'many' || n FROM generate_series(1, {}) n;
    INSERT INTO conversations (user_low, user_high)
        SELECT a.id, o.id FROM users a, users o WHERE a.username = 'user0' AND o.username LIKE 'many%';
    INSERT INTO participants (user_id, conversation_id) SELECT user_low, id FROM conversations WHERE group_id IS NULL
"""


_TABLES = {"users", "conversations", "messages", "participants", "groups", "members", "spans", "blocks"}


def related(target: Mail) -> Mail:
    """Make a reply."""
    assert isinstance(target, Letter)
    properties = [("id", str(uuid4())), ("relation", "reply"), ("relates-to", target.id)]
    return mail(Delivery(1, 1, False, "users/user1/inbox/user0", b"reply", None, properties, US))


@pytest.fixture
def conversation(storage: Storage) -> Mail:
    """Store a first message from user0 to user1."""
    first = item(b"first")
    storage.store(ORIGIN, [first])
    return first


@pytest.fixture
def quick_cursor(url: str) -> Iterator[Any]:
    """Open a connection as the storage does."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(queries.SET_UP)
        yield cursor


@pytest.mark.usefixtures("conversation")
def test_a_few_plain_messages_are_stored_by_one_statement(quick_cursor: Any, url: str) -> None:
    stored = quick.store(quick_cursor, [item(b"%d" % number) for number in range(quick.MOST)])
    assert stored
    assert numbers(stored) == list(range(2, quick.MOST + 2))
    bodies = [b"first", *[b"%d" % number for number in range(quick.MOST)]]
    assert [bytes(body) for (body,) in rows(url, "SELECT body FROM messages ORDER BY seq")] == bodies
    assert rows(url, "SELECT last_seq FROM conversations WHERE group_id IS NULL") == [(quick.MOST + 1,)]
    assert rows(url, "SELECT last_value FROM message_seq") == [(quick.MOST + 1,)]


@pytest.mark.usefixtures("conversation")
def test_plain_messages_to_groups_take_the_same_way_alone_and_among_others(quick_cursor: Any, url: str) -> None:
    add_member(url, "user0")
    assert numbers(quick.store(quick_cursor, [in_group(b"2")]) or []) == [2]
    stored = quick.store(quick_cursor, [item(b"3"), in_group(b"4"), item(b"5"), in_group(b"6")])
    assert numbers(stored or []) == [3, 4, 5, 6]
    in_lobby = (
        "SELECT seq, convert_from(body, 'UTF8') FROM messages JOIN conversations c ON c.id = conversation_id"
        " WHERE group_id IS NOT NULL ORDER BY seq"
    )
    assert rows(url, in_lobby) == [(2, "2"), (4, "4"), (6, "6")]
    assert rows(url, "SELECT group_id, last_seq FROM conversations ORDER BY 1") == [(LOBBY, 6), (None, 5)]


@pytest.mark.usefixtures("conversation")
def test_it_says_whose_receivers_block_the_sender(quick_cursor: Any, url: str) -> None:
    add_member(url, "user0")
    change(url, "UPDATE users SET has_blocked = true WHERE username IN ('user0', 'user1')")
    add_block(url, "user1", "user2")
    assert muted(quick.store(quick_cursor, [item(b"x"), in_group(b"x")])) == [False, False]
    add_block(url, "user1", "user0")
    assert muted(quick.store(quick_cursor, [item(b"x"), in_group(b"x"), item(b"x")])) == [True, False, True]
    assert muted(quick.store(quick_cursor, [item(b"x")])) == [True]
    change(url, "UPDATE blocks SET until_seq = 1")
    assert muted(quick.store(quick_cursor, [item(b"x")])) == [False]


def test_whatever_is_not_plain_is_left_to_the_long_way_as_a_whole(
    quick_cursor: Any, url: str, conversation: Mail
) -> None:
    plain = item(b"x")
    left: list[list[Mail]] = [
        [plain, item(b"x", to=2)],
        [plain, item(b"x", to=99)],
        [plain, item(b"x", sender=99)],
        [plain, item(b"x", ids=False)],
        [plain, in_group(b"x", sender=2)],
        [plain, in_group(b"x", group="gabcdefghijkl")],
        [plain, in_group(b"x", group="user1")],
        [plain, item(b"")],
        [plain, related(conversation)],
        [plain, plain],
        [item(b"x") for _ in range(quick.MOST + 1)],
        [item(b"x" * (quick.MOST_BYTES // 2 + 1)) for _ in range(2)],
    ]
    assert [quick.store(quick_cursor, items) for items in left] == [None] * len(left)
    change(url, "UPDATE groups SET deleted_at = now()")
    assert quick.store(quick_cursor, [plain, in_group(b"x")]) is None
    change(url, "UPDATE users SET deleted_at = now() WHERE username = 'user1'")
    assert quick.store(quick_cursor, [plain]) is None
    assert rows(url, "SELECT count(*) FROM messages") == [(1,)]
    assert rows(url, "SELECT last_value FROM message_seq") == [(1,)], "and no number is wasted"


def test_both_ways_of_storing_write_the_same_rows(storage: Storage, url: str, conversation: Mail) -> None:
    contents: list[tuple[bytes, str | None, list[tuple[str, str]]]] = [
        (b"text", None, []),
        (b"\xff\x00'\\", None, [("sent-at", "0001-01-01T00:00:00.001Z")]),
        (b"'; \\x", 'a/b; c="\'\\,{}%s"', [("sent-at", "9999-12-31T23:59:59.999Z")]),
    ]
    few: list[Mail] = [
        mail(Delivery(1, 1, False, "users/user1/inbox/user0", body, kind, [("id", str(uuid4())), *more], US + 7))
        for body, kind, more in contents
    ]
    assert numbers(storage.store(ORIGIN, few)) == [2, 3, 4]
    again = [each._replace(id=new_id()) for each in few if isinstance(each, Letter)]
    assert numbers(storage.store(ORIGIN, [*again, related(conversation)])) == [5, 6, 7, 8]
    columns = ", ".join(set(COLUMNS) - {"seq", "message_id"})
    found = rows(url, f"SELECT {columns} FROM messages WHERE seq BETWEEN 2 AND 7 ORDER BY seq")  # noqa: S608  # names of ours
    assert found[:3] == found[3:]
    ids = rows(url, "SELECT message_id FROM messages WHERE seq BETWEEN 2 AND 7 ORDER BY seq")
    assert [id_ for (id_,) in ids] == [each.id for each in [*few, *again] if isinstance(each, Letter)]


@pytest.mark.parametrize("conversations", [0, 45, 300])
def test_statements_find_rows_by_their_keys_however_small_the_tables_were(
    quick_cursor: Any, url: str, conversations: int
) -> None:
    """Reading a table of 45 rows as a whole is the shorter way; the plan is kept when there are millions."""
    if conversations:
        change(url, _MAKE_CONVERSATIONS.format(conversations))
        change(url, "ANALYZE")
    one = "ARRAY[now()], ARRAY[now()], ARRAY['a/b'], ARRAY[''::bytea]"
    for call in (
        f"quick (ARRAY['user0'], ARRAY['user1'], ARRAY[gen_random_uuid()], {one})",
        f"quick_mixed (ARRAY['user0'], ARRAY['user1'], ARRAY[gen_random_uuid()], {one}, ARRAY[true])",
        "routes (ARRAY['user0'], ARRAY['user1'], ARRAY['user0'], ARRAY['g'])",
        "newest (ARRAY[1], ARRAY[1])",
        "mark (ARRAY['user0'], ARRAY['user1'], ARRAY['g'], ARRAY[1], ARRAY[1])",
        "targets (ARRAY[gen_random_uuid()], ARRAY[1], ARRAY[1])",
    ):
        quick_cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE {call}")
        (((explained, *_),),) = quick_cursor.fetchall()
        for node in nodes(explained["Plan"]):
            if node.get("Relation Name") in _TABLES and "Scan" in node["Node Type"]:
                newest_of_all = node.get("Index Name") == "messages_pkey"
                condition = node.get("Index Cond", node.get("Recheck Cond", ""))
                assert newest_of_all or condition, (call, node)
                if node["Relation Name"] == "members":
                    assert "group_id" in condition, "not all members"
                    assert "user_id" in condition, "not all groups"
                if node["Relation Name"] == "messages":
                    assert "conversation_id" not in condition, "not a whole conversation"


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """List a plan's nodes."""
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def test_a_migration_that_adds_to_the_tables_disturbs_nobody(storage: Storage, url: str, conversation: Mail) -> None:
    assert numbers(storage.store(ORIGIN, [item(b"before")])) == [2]
    for table in ("users", "conversations", "messages"):
        change(url, f"ALTER TABLE {table} ADD COLUMN more text")
    assert numbers(storage.store(ORIGIN, [item(b"after")])) == [3]
    assert numbers(storage.store(ORIGIN, [item(b"after"), related(conversation)])) == [4, 5]
