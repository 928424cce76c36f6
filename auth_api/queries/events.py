"""Events: what users' devices have to be told, until the broker has confirmed it."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from auth_api.pool import Cursor


class StoredEvent(NamedTuple):
    """An event, the number of its row, and for how long it has been there."""

    id: int
    username: str
    payload: str
    age_seconds: int


def add(cur: Cursor, usernames: Collection[str], *payloads: str) -> None:
    """Store events, each of the payloads for each of the users, in the transaction that does what they tell of."""
    cur.execute(
        """
        INSERT INTO events (username, payload)
        SELECT u.name, p.text FROM unnest(%s::text[]) u (name) CROSS JOIN unnest(%s::text[]) WITH ORDINALITY p (text, n)
        ORDER BY u.name, p.n
        """,
        (list(usernames), list(payloads)),
    )


def add_for_devices(cur: Cursor, user_id: int, payloads: Sequence[str], but: str = "") -> None:
    """Store events for a user if they have any device but the one named."""
    cur.execute(
        """
        INSERT INTO events (username, payload)
        SELECT u.username, p.text FROM users u CROSS JOIN unnest(%s::text[]) p (text)
        WHERE u.id = %s AND EXISTS (SELECT 1 FROM devices d WHERE d.user_id = u.id AND d.id <> %s)
        """,
        (list(payloads), user_id, but),
    )


def claim(cur: Cursor, most: int) -> list[StoredEvent]:
    """Take the oldest events until the end of the transaction; those that another worker has taken are left to it."""
    cur.execute(
        """
        SELECT id, username, payload, greatest(0, extract(epoch FROM now() - created_at))::int
        FROM events ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
        """,
        (most,),
    )
    return [StoredEvent(*row) for row in cur.fetchall()]


def drop(cur: Cursor, ids: Sequence[int]) -> None:
    """Forget events."""
    cur.execute("DELETE FROM events WHERE id = ANY(%s)", (list(ids),))


def purge(cur: Cursor, seconds: int, most: int) -> int:
    """Drop events older than `seconds`; return how many."""
    cur.execute(
        """
        DELETE FROM events WHERE id IN (
            SELECT id FROM events WHERE created_at < now() - %s * interval '1 second' ORDER BY id LIMIT %s
            FOR UPDATE SKIP LOCKED
        )
        """,
        (seconds, most),
    )
    return cur.rowcount
