"""Users: rows of `users`."""

from dataclasses import dataclass
from datetime import datetime

from auth_api.pool import Cursor


@dataclass(frozen=True, slots=True)
class User:
    """A user as others see them."""

    id: int
    username: str
    display_name: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """A user, and the hash of their password."""

    user: User
    password_hash: str


def is_taken(cur: Cursor, username: str) -> bool:
    """Whether anybody has the name, or had it not long ago."""
    cur.execute("SELECT 1 FROM users WHERE username = %s", (username,))
    return cur.fetchone() is not None or is_retired(cur, username)


def is_retired(cur: Cursor, username: str) -> bool:
    """Whether it is the name of a deleted account, and cannot be given again yet."""
    cur.execute("SELECT 1 FROM retired_names WHERE username = %s AND until > clock_timestamp()", (username,))
    return cur.fetchone() is not None


def add(cur: Cursor, username: str, display_name: str | None, password_hash: str) -> User | None:
    """Add a user; None when somebody has the name.

    It waits for whoever is giving the name up, and does not see that it is retired then: `is_retired`, asked next in
    the same transaction, does.
    """
    cur.execute(
        """
        INSERT INTO users (username, display_name, password_hash) VALUES (%s, %s, %s)
        ON CONFLICT (username) DO NOTHING
        RETURNING id, username, display_name, created_at
        """,
        (username, display_name, password_hash),
    )
    return _user(cur.fetchone())


def find(cur: Cursor, username: str) -> User | None:
    """Find a user who has not been deleted."""
    cur.execute(
        "SELECT id, username, display_name, created_at FROM users WHERE username = %s AND deleted_at IS NULL",
        (username,),
    )
    return _user(cur.fetchone())


def find_account(cur: Cursor, username: str) -> Account | None:
    """Find what a login needs; None when nobody can log in by that name."""
    cur.execute(
        """
        SELECT id, username, display_name, created_at, password_hash FROM users
        WHERE username = %s AND deleted_at IS NULL AND password_hash IS NOT NULL
        """,
        (username,),
    )
    row = cur.fetchone()
    return Account(User(*row[:4]), row[4]) if row else None


def rename(cur: Cursor, user_id: int, display_name: str | None) -> User | None:
    """Change a display name; None when the account has been deleted meanwhile."""
    cur.execute(
        """
        UPDATE users SET display_name = %s WHERE id = %s AND deleted_at IS NULL
        RETURNING id, username, display_name, created_at
        """,
        (display_name, user_id),
    )
    return _user(cur.fetchone())


def replace_hash(cur: Cursor, user_id: int, old: str, new: str) -> bool:
    """Change the password's hash if it is still `old`; whether it was."""
    cur.execute("UPDATE users SET password_hash = %s WHERE id = %s AND password_hash = %s", (new, user_id, old))
    return cur.rowcount == 1


def delete(cur: Cursor, user_id: int, verified: str, tombstone: str) -> bool:
    """Turn a user into a tombstone of that name if the hash is still the one `verified`; whether it was."""
    cur.execute(
        """
        UPDATE users
        SET username = %s, password_hash = NULL, display_name = NULL, deleted_at = now(), has_blocked = false
        WHERE id = %s AND password_hash = %s
        """,
        (tombstone, user_id, verified),
    )
    return cur.rowcount == 1


def retire(cur: Cursor, username: str, seconds: int) -> None:
    """Keep the name of a deleted account from being given again for so long."""
    cur.execute(
        """
        INSERT INTO retired_names (username, until) VALUES (%s, clock_timestamp() + %s * interval '1 second')
        ON CONFLICT (username) DO UPDATE SET until = excluded.until
        """,
        (username, seconds),
    )


def purge_retired(cur: Cursor, most: int) -> int:
    """Let names be given again whose time is over; return how many."""
    cur.execute(
        """
        DELETE FROM retired_names WHERE username IN (
            SELECT username FROM retired_names WHERE until <= now() ORDER BY until LIMIT %s FOR UPDATE SKIP LOCKED
        )
        """,
        (most,),
    )
    return cur.rowcount


def _user(row: tuple[int, str, str | None, datetime] | None) -> User | None:
    return User(*row) if row else None
