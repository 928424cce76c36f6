"""Who is in a group: rows of `members`, and of `spans` and `participants`, which say what they may read and have read.

They change under the archive lock only (`archive.lock`), so that each message is stored before or after the change. But
the members of a new group, which has no messages and may be large, are added without: the archiver would wait for it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from auth_api.pool import Cursor
from auth_api.queries.groups import Role
from wire.names import LOBBY
from wire.receipts import SEQ_MAX

_ADDING_LOCK: Final = 0x6E6A6D656D626572


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a group, as others see them."""

    username: str
    role: Role
    joined_at: datetime


def take_turns(cur: Cursor) -> None:
    """Let nobody else add members until the commit, so that limits hold. It comes before the archive lock."""
    cur.execute("SELECT pg_advisory_xact_lock(%s)", (_ADDING_LOCK,))


def lock_users(cur: Cursor, usernames: Collection[str]) -> dict[str, int]:
    """Find users who have not been deleted, by their names, and keep them from being so until the commit."""
    cur.execute(
        "SELECT username, id FROM users WHERE username = ANY(%s) AND deleted_at IS NULL ORDER BY id FOR SHARE",
        (list(usernames),),
    )
    return dict(cur.fetchall())


def hold_tokens(cur: Cursor, user_ids: Collection[int]) -> dict[int, str]:
    """Let no MQTT token be made for users until the commit (`sessions.grounds`); return their names by their ids."""
    cur.execute(
        "SELECT id, username FROM users WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
        (list(user_ids),),
    )
    return dict(cur.fetchall())


def role(cur: Cursor, group_id: str, user_id: int) -> Role | None:
    """Find a user's role in a group."""
    cur.execute("SELECT role FROM members WHERE group_id = %s AND user_id = %s", (group_id, user_id))
    row = cur.fetchone()
    return row[0] if row else None


def owners(cur: Cursor, group_id: str) -> int:
    """Count a group's owners."""
    cur.execute("SELECT count(*) FROM members WHERE group_id = %s AND role = 'owner'", (group_id,))
    (count,) = cur.fetchall()[0]
    return int(count)


def names(cur: Cursor, group_id: str) -> dict[int, str]:
    """Return the names of all members by their ids."""
    cur.execute(
        "SELECT u.id, u.username FROM members m JOIN users u ON u.id = m.user_id WHERE m.group_id = %s", (group_id,)
    )
    return dict(cur.fetchall())


def with_many_groups(cur: Cursor, user_ids: Collection[int], most: int) -> list[int]:
    """List those of some users who are in `most` groups or more, the lobby not counted."""
    cur.execute(
        """
        SELECT user_id FROM members WHERE user_id = ANY(%s) AND group_id <> %s
        GROUP BY user_id HAVING count(*) >= %s
        """,
        (list(user_ids), LOBBY, most),
    )
    return [user_id for (user_id,) in cur.fetchall()]


def page(cur: Cursor, group_id: str, after: str, limit: int) -> list[Member]:
    """List at most `limit` members in the order of their names, those after a name."""
    cur.execute(
        """
        SELECT u.username, m.role, m.joined_at FROM members m JOIN users u ON u.id = m.user_id
        WHERE m.group_id = %s AND u.username > %s ORDER BY u.username LIMIT %s
        """,
        (group_id, after, limit),
    )
    return [Member(*row) for row in cur.fetchall()]


def add(cur: Cursor, group_id: str, user_ids: Sequence[int], role: Role, newest_seq: int) -> None:
    """Add members; they may read what comes after `newest_seq`, or everything if that is the group's setting.

    Nothing is unread to them. Who comes back keeps what they could read before.
    """
    cur.execute(
        "INSERT INTO members (group_id, user_id, role, joined_at) SELECT %s, u, %s, clock_timestamp() "
        "FROM unnest(%s::bigint[]) u",
        (group_id, role, list(user_ids)),
    )
    cur.execute(
        """
        INSERT INTO participants (user_id, conversation_id, read_seq, delivered_seq)
        SELECT u, c.id, c.last_seq, c.last_seq FROM conversations c CROSS JOIN unnest(%s::bigint[]) u
        WHERE c.group_id = %s
        ON CONFLICT (user_id, conversation_id) DO UPDATE SET
            read_seq = greatest(participants.read_seq, excluded.read_seq),
            delivered_seq = greatest(participants.delivered_seq, excluded.delivered_seq)
        """,
        (list(user_ids), group_id),
    )
    cur.execute(
        """
        DELETE FROM spans s USING conversations c, groups g
        WHERE c.group_id = %s AND g.id = c.group_id AND g.history = 'all'
        AND s.conversation_id = c.id AND s.user_id = ANY(%s)
        """,
        (group_id, list(user_ids)),
    )
    cur.execute(
        """
        INSERT INTO spans (user_id, conversation_id, after_seq)
        SELECT u, c.id, CASE g.history WHEN 'all' THEN 0 ELSE %s END
        FROM conversations c JOIN groups g ON g.id = c.group_id CROSS JOIN unnest(%s::bigint[]) u
        WHERE c.group_id = %s
        ON CONFLICT (user_id, conversation_id, after_seq) DO UPDATE SET until_seq = excluded.until_seq
        """,
        (newest_seq, list(user_ids), group_id),
    )


def remove(cur: Cursor, group_id: str, user_ids: Collection[int], newest_seq: int) -> None:
    """Remove members; they may go on reading what they could, up to `newest_seq`."""
    cur.execute("DELETE FROM members WHERE group_id = %s AND user_id = ANY(%s)", (group_id, list(user_ids)))
    cur.execute(
        """
        UPDATE spans s SET until_seq = %s FROM conversations c
        WHERE c.group_id = %s AND s.conversation_id = c.id AND s.user_id = ANY(%s) AND s.until_seq = %s
        """,
        (newest_seq, group_id, list(user_ids), SEQ_MAX),
    )


def change_role(cur: Cursor, group_id: str, user_id: int, role: Role) -> None:
    """Change a member's role."""
    cur.execute("UPDATE members SET role = %s WHERE group_id = %s AND user_id = %s", (role, group_id, user_id))
