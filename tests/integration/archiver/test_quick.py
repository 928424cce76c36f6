"""A few plain messages, stored by one statement on a real database."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import psycopg2
import pytest

from archiver import queries, quick
from archiver.delivery import Delivery
from archiver.letters import Item, Letter, read_delivery
from archiver.rows import COLUMNS
from archiver.storage import Storage
from tests.integration.archiver.deliveries import ORIGIN, US, change, item, new_id, numbers, rows

_MAKE_CONVERSATIONS = """
    INSERT INTO users (username) SELECT 'many' || n FROM generate_series(1, {}) n;
    INSERT INTO conversations (user_low, user_high)
        SELECT a.id, o.id FROM users a, users o WHERE a.username = 'user0' AND o.username LIKE 'many%'
"""


def related(target: Item) -> Item:
    """Make a reply."""
    assert isinstance(target, Letter)
    properties = [("id", str(uuid4())), ("relation", "reply"), ("relates-to", target.id)]
    return read_delivery(Delivery(1, 1, False, "users/user1/inbox/user0", b"reply", None, properties, US), uuid4)


@pytest.fixture
def conversation(storage: Storage) -> Item:
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
    assert rows(url, "SELECT last_seq FROM conversations") == [(quick.MOST + 1,)]
    assert rows(url, "SELECT last_value FROM message_seq") == [(quick.MOST + 1,)]


def test_whatever_is_not_plain_is_left_to_the_long_way_as_a_whole(
    quick_cursor: Any, url: str, conversation: Item
) -> None:
    plain = item(b"x")
    left = [
        [plain, item(b"x", to=2)],
        [plain, item(b"x", to=99)],
        [plain, item(b"x", sender=99)],
        [plain, item(b"x", ids=False)],
        [plain, item(b"")],
        [plain, related(conversation)],
        [plain, plain],
        [item(b"x") for _ in range(quick.MOST + 1)],
        [item(b"x" * (quick.MOST_BYTES // 2 + 1)) for _ in range(2)],
    ]
    assert [quick.store(quick_cursor, items) for items in left] == [None] * len(left)
    change(url, "UPDATE users SET deleted_at = now() WHERE username = 'user1'")
    assert quick.store(quick_cursor, [plain]) is None
    assert rows(url, "SELECT count(*) FROM messages") == [(1,)]
    assert rows(url, "SELECT last_value FROM message_seq") == [(1,)], "and no number is wasted"


def test_both_ways_of_storing_write_the_same_rows(storage: Storage, url: str, conversation: Item) -> None:
    contents: list[tuple[bytes, str | None, list[tuple[str, str]]]] = [
        (b"text", None, []),
        (b"\xff\x00'\\", None, [("sent-at", "0001-01-01T00:00:00.001Z")]),
        (b"'; \\x", 'a/b; c="\'\\,{}%s"', [("sent-at", "9999-12-31T23:59:59.999Z")]),
    ]
    few = [
        read_delivery(
            Delivery(1, 1, False, "users/user1/inbox/user0", body, kind, [("id", str(uuid4())), *more], US + 7), uuid4
        )
        for body, kind, more in contents
    ]
    assert all(isinstance(each, Letter) for each in few)
    assert numbers(storage.store(ORIGIN, few)) == [2, 3, 4]
    again = [each._replace(id=new_id()) for each in few]
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
        "routes (ARRAY['user0'], ARRAY['user1'])",
        "newest (ARRAY[1], ARRAY[1])",
    ):
        quick_cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE {call}")
        (((explained, *_),),) = quick_cursor.fetchall()
        for node in nodes(explained["Plan"]):
            if node.get("Relation Name") in {"users", "conversations", "messages"} and "Scan" in node["Node Type"]:
                newest_of_all = node.get("Index Name") == "messages_pkey"
                assert newest_of_all or "Index Cond" in node, (call, node)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """List a plan's nodes."""
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def test_a_migration_that_adds_to_the_tables_disturbs_nobody(storage: Storage, url: str, conversation: Item) -> None:
    assert numbers(storage.store(ORIGIN, [item(b"before")])) == [2]
    for table in ("users", "conversations", "messages"):
        change(url, f"ALTER TABLE {table} ADD COLUMN more text")
    assert numbers(storage.store(ORIGIN, [item(b"after")])) == [3]
    assert numbers(storage.store(ORIGIN, [item(b"after"), related(conversation)])) == [4, 5]
