"""That only one worker purges at a time; and dropping what was refused."""

from typing import Final

from auth_api.pool import Cursor
from db.dead_letters import OUR_FAULTS

_PURGE_LOCK: Final = 0x6E6A7075726765


def claim(cur: Cursor) -> bool:
    """Claim the purge until the end of the transaction; whether nobody else has it."""
    cur.execute("SELECT pg_try_advisory_xact_lock(%s)", (_PURGE_LOCK,))
    return cur.fetchone() == (True,)


def dead_letters_of_deleted(cur: Cursor, most: int) -> int:
    """Drop dead letters of deleted accounts; return how many.

    That is done again and again for as long as a name is retired, since a message may reach the archive much later than
    it was sent. Each name is looked up by itself: a join may read all that there is, to find none of it. And BETWEEN,
    because the planner would take what equals a name to be as much as most senders have.
    """
    cur.execute(
        """
        DELETE FROM dead_letters WHERE id IN (
            SELECT d.id FROM retired_names n
            CROSS JOIN LATERAL (
                SELECT id FROM dead_letters
                WHERE left(split_part(topic, '/', -1), 32) COLLATE "C" BETWEEN n.username AND n.username LIMIT %s
            ) d
            WHERE n.until > now() LIMIT %s
        )
        """,
        (most, most),
    )
    return cur.rowcount


def old_dead_letters(cur: Cursor, most: int, *, days: int) -> int:
    """Drop dead letters older than `days`, the oldest first; return how many. What somebody holds is passed over.

    What was refused by a fault of ours is a message that the archive has not got yet: that stays.
    """
    cur.execute(
        """
        DELETE FROM dead_letters WHERE id IN (
            SELECT id FROM dead_letters WHERE received_at < now() - %s * interval '1 day'
            AND detail NOT LIKE ALL(%s)
            ORDER BY received_at LIMIT %s FOR UPDATE SKIP LOCKED
        )
        """,
        (days, [f"{fault}%" for fault in OUR_FAULTS], most),
    )
    return cur.rowcount
