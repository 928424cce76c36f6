"""That only one worker purges at a time."""

from typing import Final

from auth_api.pool import Cursor

_PURGE_LOCK: Final = 0x6E6A7075726765


def claim(cur: Cursor) -> bool:
    """Claim the purge until the end of the transaction; whether nobody else has it."""
    cur.execute("SELECT pg_try_advisory_xact_lock(%s)", (_PURGE_LOCK,))
    return cur.fetchone() == (True,)
