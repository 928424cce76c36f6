"""Blocks: rows of `blocks`, each an interval of numbers in which somebody's messages are hidden from a user."""

from auth_api.pool import Cursor
from wire.receipts import SEQ_MAX


def blocked(cur: Cursor, user_id: int) -> list[str]:
    """Name whom a user blocks now, in order; deleted accounts are left out, though their messages stay hidden."""
    cur.execute(
        """
        SELECT u.username FROM blocks b JOIN users u ON u.id = b.blocked_id
        WHERE b.user_id = %s AND b.until_seq = %s AND u.deleted_at IS NULL ORDER BY u.username
        """,
        (user_id, SEQ_MAX),
    )
    return [username for (username,) in cur.fetchall()]


def holds(cur: Cursor, user_id: int, blocked_id: int) -> bool:
    """Whether a user blocks another now."""
    cur.execute(
        "SELECT 1 FROM blocks WHERE user_id = %s AND blocked_id = %s AND until_seq = %s",
        (user_id, blocked_id, SEQ_MAX),
    )
    return cur.fetchone() is not None


def begin(cur: Cursor, user_id: int, blocked_id: int, newest: int) -> bool:
    """Block from the message after `newest` on, under the archive lock; False when the user is deleted by now.

    A block that ended without a message since goes on.
    """
    cur.execute("UPDATE users SET has_blocked = true WHERE id = %s AND deleted_at IS NULL", (user_id,))
    if cur.rowcount == 0:
        return False
    cur.execute(
        "UPDATE blocks SET until_seq = %s WHERE user_id = %s AND blocked_id = %s AND until_seq >= %s",
        (SEQ_MAX, user_id, blocked_id, newest),
    )
    if cur.rowcount == 0:
        cur.execute(
            "INSERT INTO blocks (user_id, blocked_id, after_seq) VALUES (%s, %s, %s)", (user_id, blocked_id, newest)
        )
    return True


def end(cur: Cursor, user_id: int, blocked_id: int, newest: int) -> None:
    """Show again what comes after `newest`, under the archive lock; what was hidden stays so."""
    cur.execute(
        "UPDATE blocks SET until_seq = %s WHERE user_id = %s AND blocked_id = %s AND until_seq = %s",
        (newest, user_id, blocked_id, SEQ_MAX),
    )
    cur.execute(
        "DELETE FROM blocks WHERE user_id = %s AND blocked_id = %s AND after_seq >= until_seq", (user_id, blocked_id)
    )
