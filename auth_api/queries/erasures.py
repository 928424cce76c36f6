"""What is left to take away of deleted accounts, a bounded part at a time: rows of `erasures` and `leftovers`.

None of it needs the archive lock: the account is deleted, so no row of its own comes any more; and a message that
nobody can read stays one that nobody can. Only one worker does it at a time.
"""

from typing import Final, NamedTuple

from auth_api.pool import Cursor
from wire.receipts import SEQ_MAX

_LOCK: Final = 0x6E6A6572617365
_STILL_PRESENT: Final = """
    SELECT e.user_id, e.username FROM erasures e
    WHERE e.username IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM revocations r WHERE r.id = e.revocation_id AND r.confirmed_at IS NULL)
    ORDER BY e.user_id LIMIT %s
"""


def add(cur: Cursor, user_id: int, username: str, revocation_id: int) -> None:
    """Note that an account has been deleted, in the transaction that does so; `username` is as it was."""
    cur.execute(
        "INSERT INTO erasures (user_id, username, revocation_id) VALUES (%s, %s, %s)",
        (user_id, username, revocation_id),
    )


def claim(cur: Cursor) -> bool:
    """Claim all this until the end of the transaction; whether nobody else has it."""
    cur.execute("SELECT pg_try_advisory_xact_lock(%s)", (_LOCK,))
    return cur.fetchone() == (True,)


def still_present(cur: Cursor, most: int) -> list[tuple[int, str]]:
    """List those whose presence the broker may still have, by ids and former names; it has cut them off already."""
    cur.execute(_STILL_PRESENT, (most,))
    return cur.fetchall()


def presence_cleared(cur: Cursor, user_ids: list[int]) -> None:
    """Note that the broker has forgotten their presence."""
    cur.execute("UPDATE erasures SET username = NULL WHERE user_id = ANY(%s)", (user_ids,))


def oldest(cur: Cursor) -> int | None:
    """Find a deleted user of whom there may be rows left; None when there is none."""
    cur.execute(
        """
        SELECT e.user_id FROM erasures e
        WHERE e.username IS NULL
        OR EXISTS (SELECT 1 FROM participants p WHERE p.user_id = e.user_id)
        OR EXISTS (SELECT 1 FROM spans s WHERE s.user_id = e.user_id)
        OR EXISTS (SELECT 1 FROM blocks b WHERE b.user_id = e.user_id)
        ORDER BY e.user_id LIMIT 1
        """
    )
    row = cur.fetchone()
    return row[0] if row else None


def take_away(cur: Cursor, user_id: int, most: int) -> None:
    """Take away at most so many rows of each kind of a deleted user, and the note about them when none is left.

    Their conversations are then to be looked through, from the beginning.
    """
    cur.execute(
        """
        WITH left_behind AS (
            DELETE FROM participants WHERE (user_id, conversation_id) IN (
                SELECT user_id, conversation_id FROM participants WHERE user_id = %(user)s
                ORDER BY conversation_id LIMIT %(most)s
            ) RETURNING conversation_id
        ), unreadable AS (
            DELETE FROM spans WHERE (user_id, conversation_id, after_seq) IN (
                SELECT user_id, conversation_id, after_seq FROM spans WHERE user_id = %(user)s
                ORDER BY conversation_id, after_seq LIMIT %(most)s
            ) RETURNING conversation_id
        ), unblocked AS (
            DELETE FROM blocks WHERE (user_id, blocked_id, after_seq) IN (
                SELECT user_id, blocked_id, after_seq FROM blocks WHERE user_id = %(user)s
                ORDER BY blocked_id, after_seq LIMIT %(most)s
            )
        )
        INSERT INTO leftovers (conversation_id)
        SELECT conversation_id FROM left_behind UNION SELECT conversation_id FROM unreadable
        ON CONFLICT (conversation_id) DO UPDATE SET after_seq = 0
        """,
        {"user": user_id, "most": most},
    )
    cur.execute(
        """
        DELETE FROM erasures e WHERE e.user_id = %s AND e.username IS NULL
        AND NOT EXISTS (SELECT 1 FROM participants p WHERE p.user_id = e.user_id)
        AND NOT EXISTS (SELECT 1 FROM spans s WHERE s.user_id = e.user_id)
        AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.user_id = e.user_id)
        """,
        (user_id,),
    )


class Leftover(NamedTuple):
    """A conversation that has been looked through up to `after_seq`."""

    conversation_id: int
    after_seq: int


def leftover(cur: Cursor) -> Leftover | None:
    """Find a conversation to look through; None when there is none."""
    cur.execute("SELECT conversation_id, after_seq FROM leftovers ORDER BY conversation_id LIMIT 1")
    row = cur.fetchone()
    return Leftover(*row) if row else None


LOOK: Final = f"""
    WITH readers AS MATERIALIZED (
        SELECT CASE WHEN u.has_blocked THEN u.id END AS id,
               range_agg(int8range(s.after_seq, least(s.until_seq, {SEQ_MAX} - 1), '(]')) AS seqs
        FROM (
            SELECT c.user_low AS user_id, 0::bigint AS after_seq, {SEQ_MAX} AS until_seq
            FROM conversations c WHERE c.id = %(conversation)s
            UNION ALL
            SELECT c.user_high, 0, {SEQ_MAX} FROM conversations c WHERE c.id = %(conversation)s
            UNION ALL
            SELECT s.user_id, s.after_seq, s.until_seq FROM spans s WHERE s.conversation_id = %(conversation)s
        ) s
        JOIN users u ON u.id = s.user_id AND u.deleted_at IS NULL
        GROUP BY 1
    ), page AS MATERIALIZED (
        SELECT m.seq, m.sender_id,
               CASE WHEN m.relation IN ('edit', 'retract', 'reaction') THEN m.relates_to_seq END AS target
        FROM messages m
        WHERE (m.conversation_id, m.seq) > (%(conversation)s, %(after)s) AND m.conversation_id = %(conversation)s
        ORDER BY m.conversation_id, m.seq LIMIT %(most)s
    ), dropped AS (
        DELETE FROM messages m USING page
        WHERE m.seq = page.seq AND NOT EXISTS (
            SELECT 1 FROM readers r CROSS JOIN (VALUES (page.seq), (page.target)) shown (seq)
            WHERE r.seqs @> shown.seq AND (r.id IS NULL OR NOT coalesce((
                SELECT b.until_seq FROM blocks b
                WHERE b.user_id = r.id AND b.blocked_id = page.sender_id AND b.after_seq < shown.seq
                ORDER BY b.after_seq DESC LIMIT 1
            ) >= shown.seq, false))
        )
    ), noted AS (
        UPDATE leftovers SET after_seq = (SELECT max(seq) FROM page)
        WHERE conversation_id = %(conversation)s AND EXISTS (SELECT 1 FROM page)
    )
    SELECT count(*) FROM page
"""  # noqa: S608  # a number


def drop_unreadable(cur: Cursor, left: Leftover, most: int) -> int:
    """Drop what nobody can read among the next messages of a conversation, at most so many; return how many these are.

    It is as readers' statements have it: in a direct conversation the two may read all, in a group those who have a
    span; and what somebody is blocked for is hidden from the blocker. A deleted user reads nothing. What changes a
    message that somebody can read stays with it.
    """
    cur.execute(LOOK, {"conversation": left.conversation_id, "after": left.after_seq, "most": most})
    (count,) = cur.fetchall()[0]
    return int(count)


def open_to_newcomers(cur: Cursor, conversation_id: int) -> bool:
    """Whether whoever joins may read all of a conversation, so that nothing in it is out of everybody's reach."""
    cur.execute(
        """
        SELECT 1 FROM conversations c JOIN groups g ON g.id = c.group_id
        WHERE c.id = %s AND g.deleted_at IS NULL AND g.history = 'all'
        """,
        (conversation_id,),
    )
    return cur.fetchone() is not None


def finish(cur: Cursor, conversation_id: int) -> bool:
    """Forget that a conversation is to be looked through, and the conversation, if nobody is left in it.

    Not while it calls a message its newest that has been dropped; whether that is so. A group's id is not given again,
    but its title goes.
    """
    if not _drop_if_empty(cur, conversation_id) and _lost_its_newest(cur, conversation_id):
        return False
    cur.execute("DELETE FROM leftovers WHERE conversation_id = %s", (conversation_id,))
    return True


def set_newest(cur: Cursor, conversation_id: int) -> None:
    """Say again what the newest message of a conversation is. Under the archive lock."""
    cur.execute(
        """
        UPDATE conversations SET last_seq = coalesce(
            (SELECT seq FROM messages WHERE conversation_id = %(id)s ORDER BY conversation_id DESC, seq DESC LIMIT 1), 0
        ) WHERE id = %(id)s
        """,
        {"id": conversation_id},
    )


def _lost_its_newest(cur: Cursor, conversation_id: int) -> bool:
    cur.execute(
        """
        SELECT 1 FROM conversations c WHERE c.id = %s AND c.last_seq > 0
        AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.seq = c.last_seq)
        """,
        (conversation_id,),
    )
    return cur.fetchone() is not None


def _drop_if_empty(cur: Cursor, conversation_id: int) -> bool:
    cur.execute(
        """
        DELETE FROM conversations c WHERE c.id = %(id)s
        AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.conversation_id = c.id)
        AND NOT EXISTS (SELECT 1 FROM participants p WHERE p.conversation_id = c.id)
        AND NOT EXISTS (SELECT 1 FROM spans s WHERE s.conversation_id = c.id)
        AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id IN (c.user_low, c.user_high) AND u.deleted_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM groups g WHERE g.id = c.group_id AND g.deleted_at IS NULL)
        RETURNING group_id
        """,
        {"id": conversation_id},
    )
    row: tuple[str | None] | None = cur.fetchone()
    if row is not None and row[0] is not None:
        cur.execute("UPDATE groups SET title = '' WHERE id = %s", (row[0],))
    return row is not None
