"""The database's clock: the one that all workers share, on whichever machine they are."""

from auth_api.pool import Cursor


def now_ms(cur: Cursor) -> int:
    """Return Unix milliseconds at this moment, not at the transaction's beginning."""
    cur.execute("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint")
    (now,) = cur.fetchall()[0]
    return int(now)


def pass_by(cur: Cursor) -> None:
    """Let the present millisecond pass."""
    cur.execute("SELECT pg_sleep(0.001)")
