"""The archive's lock: whoever changes who may read what holds it, so that each message comes before or after that."""

from auth_api.pool import Cursor
from db import ARCHIVE_LOCK


def lock(cur: Cursor) -> None:
    """Take the lock until the end of the transaction; its first statement, for each later one sees what was stored.

    The archiver waits meanwhile, so the transaction must be short.
    """
    cur.execute("SELECT pg_advisory_xact_lock(%s)", (ARCHIVE_LOCK,))


def newest_seq(cur: Cursor) -> int:
    """Return the number of the newest message of all, 0 if there is none. Under the lock it stays that."""
    cur.execute("SELECT coalesce(max(seq), 0) FROM messages")
    (newest,) = cur.fetchall()[0]
    return int(newest)
