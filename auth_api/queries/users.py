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
    """Whether anybody has the name, or had it once."""
    cur.execute("SELECT 1 FROM users WHERE username = %s", (username,))
    return cur.fetchone() is not None


def add(cur: Cursor, username: str, display_name: str | None, password_hash: str) -> User | None:
    """Add a user; None when the name is taken."""
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


def delete(cur: Cursor, user_id: int, verified: str) -> bool:
    """Turn a user into a tombstone if the hash is still the one `verified`; whether it was."""
    cur.execute(
        """
        UPDATE users SET password_hash = NULL, display_name = NULL, deleted_at = now()
        WHERE id = %s AND password_hash = %s
        """,
        (user_id, verified),
    )
    return cur.rowcount == 1


def _user(row: tuple[int, str, str | None, datetime] | None) -> User | None:
    return User(*row) if row else None
