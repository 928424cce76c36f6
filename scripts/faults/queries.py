"""What the archive holds at the end of a run: all SQL of fault injection."""

from collections.abc import Iterator
from contextlib import closing

import psycopg2

from scripts.faults.errors import FaultsError
from scripts.faults.ledger import digest
from scripts.faults.verdict import Row


def stored_between(database_url: str, left: str, right: str) -> list[Row]:
    """Read a conversation from the archive in ascending seq. Raises FaultsError."""
    return list(
        _read(
            database_url,
            "SELECT seq, sender.username, message_id, body FROM messages"
            " JOIN users AS sender ON sender.id = sender_id"
            " WHERE conversation_id = (SELECT conversations.id FROM conversations"
            " JOIN users AS low ON low.id = user_low JOIN users AS high ON high.id = user_high"
            " WHERE ARRAY[low.username, high.username] <@ %s) ORDER BY seq",
            ([left, right],),
        )
    )


def stored_elsewhere(database_url: str, pairs: list[tuple[str, str]]) -> list[Row]:
    """Read what is in conversations that nobody has."""
    return list(
        _read(
            database_url,
            "SELECT seq, sender.username, message_id, body FROM messages"
            " JOIN users AS sender ON sender.id = sender_id"
            " JOIN conversations ON conversations.id = conversation_id"
            " JOIN users AS low ON low.id = user_low JOIN users AS high ON high.id = user_high"
            " WHERE NOT least(low.username, high.username) || ' ' || greatest(low.username, high.username)"
            " = ANY(%s::text[]) ORDER BY seq",
            ([" ".join(sorted(pair)) for pair in pairs],),
        )
    )


def count_stored(database_url: str) -> int:
    """Count the messages in the archive."""
    return _number(database_url, "SELECT count(*) FROM messages")


def count_dead_letters(database_url: str) -> int:
    """Count what the archive refused."""
    return _number(database_url, "SELECT count(*) FROM dead_letters")


def _number(database_url: str, statement: str) -> int:
    try:
        with closing(psycopg2.connect(database_url)) as database, database.cursor() as cursor:
            cursor.execute(statement)
            (number,) = cursor.fetchone() or (0,)
            return int(number)
    except psycopg2.Error as error:
        raise FaultsError(f"the archive cannot be counted: {error}") from error


def _read(database_url: str, statement: str, parameters: tuple[object, ...]) -> Iterator[Row]:
    try:
        with closing(psycopg2.connect(database_url)) as database, database.cursor("rows") as cursor:
            cursor.itersize = 5000
            cursor.execute(statement, parameters)
            for seq, sender, id_, body in cursor:
                yield Row(seq, sender, id_, digest(bytes(body)))
    except psycopg2.Error as error:
        raise FaultsError(f"the archive cannot be read: {error}") from error
