"""An archive that is there at once, and what the API asks of it, asked without the API."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from auth_api.pool import Cursor
from auth_api.queries.messages import Reader
from benchmarks.queries import cursor_of

_BODY = "x" * 100
Statement = tuple[str, Any]
"""SQL and its parameters."""


class _Recorder:
    """Stands in for a cursor, and only keeps what it is asked to execute."""

    def __init__(self) -> None:
        self.statement: Statement = ("", None)

    def execute(self, sql: str, parameters: object) -> None:
        """Keep a statement."""
        self.statement = (sql, parameters)

    def fetchall(self) -> list[object]:
        """Find nothing."""
        return []

    def fetchone(self) -> None:
        """Find nothing."""


def statement_of(query: Callable[[Cursor], object]) -> Statement:
    """Return the one statement that a query of the API executes, to the letter."""
    recorder = _Recorder()
    query(cast("Cursor", recorder))
    return recorder.statement


@contextmanager
def bare(database_url: str) -> Iterator[Callable[[Statement], list[tuple[Any, ...]]]]:
    """Give a function that executes a statement over one open connection and fetches its rows."""
    with cursor_of(database_url, "-c timezone=UTC") as cursor:

        def fetch(statement: Statement) -> list[tuple[Any, ...]]:
            cursor.execute(*statement)
            return cursor.fetchall()

        yield fetch


def reader(database_url: str, username: str) -> Reader:
    """Find a user."""
    with cursor_of(database_url) as cursor:
        cursor.execute("SELECT id FROM users WHERE username = %s", (username,))
        return Reader(cursor.fetchall()[0][0], username)


def fill(database_url: str, user: str, others: Sequence[str], count: int) -> tuple[int, int]:
    """Store `count` messages of 100 bytes between a user and the others, in turn; return the first and last seq."""
    with cursor_of(database_url) as cursor:
        cursor.execute(
            "INSERT INTO conversations (user_low, user_high) SELECT least(u.id, o.id), greatest(u.id, o.id)"
            " FROM users u, users o WHERE u.username = %s AND o.username = ANY(%s)"
            " RETURNING id, user_low, user_high",
            (user, list(others)),
        )
        made = cursor.fetchall()
        cursor.execute(
            "INSERT INTO participants (conversation_id, user_id)"
            " SELECT id, unnest(ARRAY[user_low, user_high]) FROM conversations WHERE id = ANY(%s)",
            ([id_ for id_, _, _ in made],),
        )
        cursor.execute(
            """
            INSERT INTO messages (seq, conversation_id, sender_id, sent_at, received_at, message_id, body)
            SELECT nextval('message_seq'), ids[at], CASE WHEN random() < 0.5 THEN lows[at] ELSE highs[at] END,
                   now(), now(), gen_random_uuid(), convert_to(%(body)s, 'UTF8')
            FROM (SELECT 1 + n %% %(conversations)s AS at FROM generate_series(0, %(count)s - 1) AS n) AS turns,
                 (SELECT %(ids)s::bigint[] AS ids, %(lows)s::bigint[] AS lows, %(highs)s::bigint[] AS highs) AS made
            """,
            {
                "body": _BODY,
                "count": count,
                "conversations": len(made),
                "ids": [each[0] for each in made],
                "lows": [each[1] for each in made],
                "highs": [each[2] for each in made],
            },
        )
        cursor.execute(
            "UPDATE conversations c SET last_seq = (SELECT max(seq) FROM messages WHERE conversation_id = c.id)"
            " WHERE id = ANY(%s)",
            ([id_ for id_, _, _ in made],),
        )
        cursor.execute("SELECT last_value FROM message_seq")
        last = cursor.fetchall()[0][0]
    return last - count + 1, last


def settle(database_url: str) -> None:
    """Leave the database as it is after a while: swept, and with statistics."""
    with cursor_of(database_url) as cursor:
        cursor.execute("VACUUM ANALYZE")
