"""Revocations: what the broker has to know, and whether it does."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg2.extras import execute_values

from auth_api.pool import Cursor
from wire.control import Revocation


@dataclass(frozen=True, slots=True)
class StoredRevocation:
    """A revocation and the number of its row."""

    id: int
    revocation: Revocation


_COLUMNS = "id, username, client_id, issued_before_ms"


def add(cur: Cursor, revocations: Sequence[Revocation]) -> list[StoredRevocation]:
    """Store revocations, in the transaction that ends what they revoke."""
    if not revocations:
        return []
    rows = [(each.username, each.client_id, each.issued_before_ms) for each in revocations]
    statement = f"INSERT INTO revocations (username, client_id, issued_before_ms) VALUES %s RETURNING {_COLUMNS}"  # noqa: S608  # a constant
    return [_stored(row) for row in execute_values(cur, statement, rows, page_size=1000, fetch=True)]


def confirm(cur: Cursor, ids: Sequence[int]) -> None:
    """Note that the broker has confirmed revocations."""
    cur.execute("UPDATE revocations SET confirmed_at = now() WHERE id = ANY(%s) AND confirmed_at IS NULL", (list(ids),))


def unconfirmed(cur: Cursor) -> list[StoredRevocation]:
    """List what the broker has not confirmed, the oldest first, but what was stored within the last second.

    Whoever stored those is about to tell the broker.
    """
    cur.execute(
        f"""
        SELECT {_COLUMNS} FROM revocations
        WHERE confirmed_at IS NULL AND created_at < now() - interval '1 second' ORDER BY id LIMIT 10000
        """  # noqa: S608  # a constant
    )
    return [_stored(row) for row in cur.fetchall()]


def current(cur: Cursor, seconds: int) -> list[StoredRevocation]:
    """List what the broker must know: unconfirmed ones first, then those younger than `seconds`."""
    cur.execute(
        f"""
        SELECT {_COLUMNS} FROM revocations
        WHERE confirmed_at IS NULL OR created_at > now() - %s * interval '1 second'
        ORDER BY confirmed_at IS NOT NULL, id
        """,  # noqa: S608  # a constant
        (seconds,),
    )
    return [_stored(row) for row in cur.fetchall()]


def purge(cur: Cursor, seconds: int, most: int) -> int:
    """Drop confirmed ones older than `seconds`; return how many."""
    cur.execute(
        """
        DELETE FROM revocations WHERE id IN (
            SELECT id FROM revocations
            WHERE confirmed_at IS NOT NULL AND created_at < now() - %s * interval '1 second'
            ORDER BY created_at LIMIT %s
        )
        """,
        (seconds, most),
    )
    return cur.rowcount


def _stored(row: tuple[int, str, str | None, int]) -> StoredRevocation:
    return StoredRevocation(row[0], Revocation(row[1], row[2], row[3]))
