"""What becomes of the groups of a user whose account is deleted. Under the archive lock, like all about members."""

from auth_api.pool import Cursor
from wire.names import LOBBY


def pass_on(cur: Cursor, user_id: int) -> list[tuple[str, str]]:
    """Give groups that a user alone owns another owner; return their ids and the new owners' names.

    That is the admin who has been a member for longest, or else the member who has. Nobody is left to own some groups.
    """
    cur.execute(
        """
        UPDATE members heir SET role = 'owner'
        FROM (
            SELECT DISTINCT ON (m.group_id) m.group_id, m.user_id
            FROM members gone JOIN members m ON m.group_id = gone.group_id AND m.user_id <> gone.user_id
            WHERE gone.user_id = %s AND gone.role = 'owner' AND NOT EXISTS (
                SELECT 1 FROM members o
                WHERE o.group_id = gone.group_id AND o.role = 'owner' AND o.user_id <> gone.user_id
            )
            ORDER BY m.group_id, m.role <> 'admin', m.joined_at, m.user_id
        ) chosen
        JOIN users u ON u.id = chosen.user_id
        WHERE heir.group_id = chosen.group_id AND heir.user_id = chosen.user_id
        RETURNING heir.group_id, u.username
        """,
        (user_id,),
    )
    return cur.fetchall()


def leave_all(cur: Cursor, user_id: int) -> None:
    """End all memberships of a user, and each group that has no member then; the lobby stays."""
    cur.execute("DELETE FROM members WHERE user_id = %s RETURNING group_id", (user_id,))
    left = [group_id for (group_id,) in cur.fetchall()]
    cur.execute(
        """
        UPDATE groups g SET deleted_at = clock_timestamp()
        WHERE g.id = ANY(%s) AND g.id <> %s AND NOT EXISTS (SELECT 1 FROM members m WHERE m.group_id = g.id)
        """,
        (left, LOBBY),
    )
