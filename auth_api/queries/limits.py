"""Counters of the limits, kept in Postgres so that they hold across all workers."""

from collections.abc import Sequence
from datetime import datetime

from limits.storage import Storage
from psycopg2 import Error

from auth_api.pool import Cursor


class PostgresStorage(Storage):
    """The storage that the `limits` library counts in: one cursor's view of the table `rate_limits`.

    `keys` are read at once; later questions about them are answered from what was read. What `incr` does becomes
    visible with the cursor's transaction, and until then holds the counter's row against others.
    """

    STORAGE_SCHEME = None

    def __init__(self, cur: Cursor, keys: Sequence[str]) -> None:
        super().__init__()
        self._cursor = cur
        self._rows = _read(cur, keys)

    @property
    def base_exceptions(self) -> type[Exception]:
        """Name what may go wrong."""
        return Error

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, in a window of `expiry` seconds that starts with the first hit; return the count."""
        self._cursor.execute(
            """
            INSERT INTO rate_limits AS r (key, hits, expires_at)
            VALUES (%s, %s, clock_timestamp() + %s * interval '1 second')
            ON CONFLICT (key) DO UPDATE SET
                hits = CASE WHEN r.expires_at <= clock_timestamp() THEN excluded.hits ELSE r.hits + excluded.hits END,
                expires_at = CASE WHEN r.expires_at <= clock_timestamp() THEN excluded.expires_at ELSE r.expires_at END
            RETURNING hits, expires_at
            """,
            (key, amount, expiry),
        )
        row = self._cursor.fetchone()
        assert row is not None  # noqa: S101  # an upsert without a condition returns its row
        self._rows[key] = row
        hits: int = row[0]
        return hits

    def get(self, key: str) -> int:
        """Return the count; 0 when the window is over."""
        return self._rows[key][0] if key in self._rows else 0

    def get_expiry(self, key: str) -> float:
        """Return when the window ends, in Unix seconds."""
        return self._rows[key][1].timestamp() if key in self._rows else 0.0

    def check(self) -> bool:
        """Whether the storage can be used: the cursor says so when it is."""
        return not self._cursor.closed

    def reset(self) -> int:
        """Drop all counters; return how many there were."""
        self._cursor.execute("DELETE FROM rate_limits")
        self._rows.clear()
        return self._cursor.rowcount

    def clear(self, key: str) -> None:
        """Drop one counter."""
        self._cursor.execute("DELETE FROM rate_limits WHERE key = %s", (key,))
        self._rows.pop(key, None)


def hold(cur: Cursor, key: str, token: int, seconds: int) -> bool:
    """Hold what only one may hold, for so long; whether nobody else does. `token` is the holder's own."""
    cur.execute(
        """
        INSERT INTO rate_limits AS r (key, hits, expires_at)
        VALUES (%s, %s, clock_timestamp() + %s * interval '1 second')
        ON CONFLICT (key) DO UPDATE SET hits = excluded.hits, expires_at = excluded.expires_at
        WHERE r.expires_at <= clock_timestamp() OR r.hits = excluded.hits
        """,
        (key, token, seconds),
    )
    return cur.rowcount == 1


def let_go(cur: Cursor, key: str, token: int) -> None:
    """Hold it no longer, if the holder still does."""
    cur.execute("DELETE FROM rate_limits WHERE key = %s AND hits = %s", (key, token))


def purge(cur: Cursor, most: int) -> int:
    """Drop counters whose window is over; return how many."""
    cur.execute(
        """
        DELETE FROM rate_limits WHERE key IN (
            SELECT key FROM rate_limits WHERE expires_at <= now() ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED
        )
        """,
        (most,),
    )
    return cur.rowcount


def _read(cur: Cursor, keys: Sequence[str]) -> dict[str, tuple[int, datetime]]:
    cur.execute(
        "SELECT key, hits, expires_at FROM rate_limits WHERE key = ANY(%s) AND expires_at > clock_timestamp()",
        (list(keys),),
    )
    return {key: (hits, expires) for key, hits, expires in cur.fetchall()}
