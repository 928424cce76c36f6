"""An archive that is there at once, and the plain SQL that finds what the API shows of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from benchmarks.queries import cursor_of

_BODY = "x" * 100
_TIME: Final = """'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'"""
_MESSAGE: Final = (
    "m.seq, m.message_id::text, m.sender_id, m.content_type, m.body, "
    f"to_char(coalesce(m.sent_at, m.received_at), {_TIME}), to_char(m.received_at, {_TIME}), "
    "m.relation, m.relates_to_seq"
)
FIND: Final = "SELECT id FROM users WHERE username = %s"
PAGE: Final = f"""
    SELECT {_MESSAGE} FROM messages m
    WHERE m.conversation_id = (SELECT id FROM conversations WHERE user_low = %s AND user_high = %s) AND m.seq < %s
    ORDER BY m.seq DESC LIMIT %s
"""  # noqa: S608  # a constant
FEED: Final = f"""
    SELECT {_MESSAGE}, o.username
    FROM (
        SELECT n.seq, CASE WHEN c.user_low = p.user_id THEN c.user_high ELSE c.user_low END AS other
        FROM participants p
        JOIN conversations c ON c.id = p.conversation_id AND c.last_seq > %(after)s
        CROSS JOIN LATERAL (
            SELECT seq FROM messages WHERE conversation_id = c.id AND seq > %(after)s ORDER BY seq LIMIT %(limit)s
        ) n
        WHERE p.user_id = %(reader)s
        ORDER BY n.seq LIMIT %(limit)s
    ) f
    JOIN messages m ON m.seq = f.seq
    JOIN users o ON o.id = f.other
    ORDER BY m.seq
"""  # noqa: S608  # a constant
Fetch = Callable[[str, Any], list[tuple[Any, ...]]]
"""Executes SQL with parameters and fetches its rows."""


@contextmanager
def bare(database_url: str) -> Iterator[Fetch]:
    """Give a function that executes plain statements over one open connection."""
    with cursor_of(database_url, "-c timezone=UTC") as cursor:

        def fetch(statement: str, parameters: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401  # the driver's own
            cursor.execute(statement, parameters)
            return cursor.fetchall()

        yield fetch


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
