"""What the archive holds at the end of a run: all SQL of fault injection."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

import psycopg2

from scripts.faults.errors import FaultsError
from scripts.faults.facts import Row, Span
from scripts.faults.ledger import digest
from wire.topics import group_messages

_MESSAGES = "SELECT seq, sender.username, message_id, body FROM messages JOIN users AS sender ON sender.id = sender_id"


def stored_between(database_url: str, left: str, right: str) -> list[Row]:
    """Read a conversation from the archive in ascending seq. Raises FaultsError."""
    return list(
        _read(
            database_url,
            f"{_MESSAGES} WHERE conversation_id = (SELECT conversations.id FROM conversations"  # noqa: S608  # a constant
            " JOIN users AS low ON low.id = user_low JOIN users AS high ON high.id = user_high"
            " WHERE ARRAY[low.username, high.username] <@ %s) ORDER BY seq",
            ([left, right],),
        )
    )


def stored_in(database_url: str, group: str) -> list[Row]:
    """Read a group's conversation from the archive in ascending seq. Raises FaultsError."""
    where = "WHERE conversation_id = (SELECT id FROM conversations WHERE group_id = %s)"
    statement = f"{_MESSAGES} {where} ORDER BY seq"
    return list(_read(database_url, statement, (group,)))


def stored_elsewhere(database_url: str, names: Iterable[tuple[str, ...]], groups: Iterable[str]) -> list[Row]:
    """Read what is in conversations that nobody has: between others than two of `names`, in others than `groups`."""
    return list(
        _read(
            database_url,
            f"{_MESSAGES} JOIN conversations ON conversations.id = conversation_id"
            " LEFT JOIN users AS low ON low.id = user_low LEFT JOIN users AS high ON high.id = user_high"
            " WHERE NOT CASE WHEN group_id IS NULL THEN"
            " least(low.username, high.username) || ' ' || greatest(low.username, high.username) = ANY(%s::text[])"
            " ELSE group_id = ANY(%s::text[]) END ORDER BY seq",
            ([" ".join(sorted(pair)) for pair in names], list(groups)),
        )
    )


def spans_of(database_url: str, group: str, username: str) -> list[Span]:
    """Read which numbers of a group's conversation somebody may read. Raises FaultsError."""
    statement = (
        "SELECT after_seq, until_seq FROM spans JOIN users ON users.id = user_id"
        " JOIN conversations ON conversations.id = conversation_id"
        " WHERE group_id = %s AND username = %s ORDER BY after_seq"
    )
    return [Span(*row) for row in _rows(database_url, statement, (group, username))]


def count_dead_letters(database_url: str, removed: Iterable[tuple[str, str]]) -> int:
    """Count what the archive refused, but for what people sent to a group that they had been removed from."""
    topics = [group_messages(group, name) for group, name in removed]
    statement = "SELECT count(*) FROM dead_letters WHERE NOT (reason = 'not_a_member' AND topic = ANY(%s::text[]))"
    return int(_rows(database_url, statement, (topics,))[0][0])


def _rows(database_url: str, statement: str, parameters: tuple[object, ...]) -> list[tuple[Any, ...]]:
    try:
        with closing(psycopg2.connect(database_url)) as database, database.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall()
    except psycopg2.Error as error:
        raise FaultsError(f"the archive cannot be asked: {error}") from error


def _read(database_url: str, statement: str, parameters: tuple[object, ...]) -> Iterator[Row]:
    try:
        with closing(psycopg2.connect(database_url)) as database, database.cursor("rows") as cursor:
            cursor.itersize = 5000
            cursor.execute(statement, parameters)
            for seq, sender, id_, body in cursor:
                yield Row(seq, sender, id_, digest(bytes(body)))
    except psycopg2.Error as error:
        raise FaultsError(f"the archive cannot be read: {error}") from error
