"""Groups: rows of `groups`, each with its conversation.

Whoever changes a group locks its row first, and takes the archive lock before that if members come or go.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from auth_api.pool import Cursor

Role = Literal["owner", "admin", "member"]
Visibility = Literal["private", "open"]
History = Literal["since_joining", "all"]


@dataclass(frozen=True, slots=True)
class Group:
    """A group as one user sees it: `role` is theirs, None for one who is no member; `members` how many it has."""

    id: str
    title: str
    visibility: Visibility
    history: History
    created_at: datetime
    role: Role | None
    members: int


_COLUMNS: Final = """
    g.id, g.title, g.visibility, g.history, g.created_at, me.role,
    (SELECT count(*) FROM members n WHERE n.group_id = g.id)
"""


def add(cur: Cursor, group_id: str, title: str, visibility: Visibility, history: History) -> None:
    """Add a group without members, and its conversation."""
    cur.execute(
        "INSERT INTO groups (id, title, visibility, history) VALUES (%s, %s, %s, %s)",
        (group_id, title, visibility, history),
    )
    cur.execute("INSERT INTO conversations (group_id) VALUES (%s)", (group_id,))


def find(cur: Cursor, group_id: str, user_id: int) -> Group | None:
    """Find a group that has not been deleted, whether or not the user may see it."""
    cur.execute(
        f"""
        SELECT {_COLUMNS} FROM groups g LEFT JOIN members me ON me.group_id = g.id AND me.user_id = %s
        WHERE g.id = %s AND g.deleted_at IS NULL
        """,  # noqa: S608  # a constant
        (user_id, group_id),
    )
    row = cur.fetchone()
    return Group(*row) if row else None


def lock(cur: Cursor, group_id: str, user_id: int) -> Group | None:
    """Lock a group until the end of the transaction, and find it as it then is."""
    cur.execute("SELECT 1 FROM groups WHERE id = %s FOR NO KEY UPDATE", (group_id,))
    return find(cur, group_id, user_id)


def of_user(cur: Cursor, user_id: int) -> list[Group]:
    """List a user's groups, in the order of their titles."""
    cur.execute(
        f"""
        SELECT {_COLUMNS} FROM members me JOIN groups g ON g.id = me.group_id
        WHERE me.user_id = %s AND g.deleted_at IS NULL ORDER BY g.title, g.id
        """,  # noqa: S608  # a constant
        (user_id,),
    )
    return [Group(*row) for row in cur.fetchall()]


def open_after(cur: Cursor, user_id: int, after: str, limit: int) -> list[Group]:
    """List at most `limit` open groups in the order of their titles, those after the group of an id."""
    cur.execute(
        f"""
        SELECT {_COLUMNS}
        FROM (
            SELECT * FROM groups
            WHERE visibility = 'open' AND deleted_at IS NULL
            AND (%s = '' OR (title, id) > (SELECT title, id FROM groups WHERE id = %s))
            ORDER BY title, id LIMIT %s
        ) g
        LEFT JOIN members me ON me.group_id = g.id AND me.user_id = %s
        ORDER BY g.title, g.id
        """,  # noqa: S608  # a constant
        (after, after, limit, user_id),
    )
    return [Group(*row) for row in cur.fetchall()]


def change(cur: Cursor, group_id: str, title: str, visibility: Visibility, history: History) -> None:
    """Change a group's settings."""
    cur.execute(
        "UPDATE groups SET title = %s, visibility = %s, history = %s WHERE id = %s",
        (title, visibility, history, group_id),
    )


def delete(cur: Cursor, group_id: str) -> None:
    """Delete a group, whose members must be gone; its messages stay for those who could read them."""
    cur.execute("UPDATE groups SET deleted_at = clock_timestamp() WHERE id = %s", (group_id,))
