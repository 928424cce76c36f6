"""Sessions: rows of `devices` and `refresh_tokens`.

Whoever changes a session locks its `devices` row first, so that no two wait for each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from auth_api.pool import Cursor, Statement
from auth_api.queries import clock
from auth_api.queries.users import User
from auth_api.tokens import AccessClaims, session_ended


@dataclass(frozen=True, slots=True)
class Device:
    """One session, as its user sees it."""

    id: str
    name: str | None
    created_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a user on one of their devices. `seen_lately` is whether that was noted within a minute."""

    user: User
    device_id: str
    device_name: str | None
    seen_lately: bool


@dataclass(frozen=True, slots=True)
class RefreshState:
    """A refresh token's state. `spent_seconds` is how long ago it was used, None when it was not."""

    device_id: str
    expired: bool
    spent_seconds: float | None


@dataclass(frozen=True, slots=True)
class Grounds:
    """What an MQTT token is made of: when (Unix milliseconds), and for which groups."""

    issued_ms: int
    groups: list[str]


_SEEN_LATELY: Final = "d.last_seen_at > clock_timestamp() - interval '1 minute'"
_CALLER: Final = Statement(
    "caller",
    ("text",),
    f"""
    SELECT u.id, u.username, u.display_name, u.created_at, d.id, d.name, {_SEEN_LATELY}
    FROM devices d JOIN users u ON u.id = d.user_id
    WHERE d.id = $1 AND u.deleted_at IS NULL
    """,  # noqa: S608  # a constant
)


def caller(cur: Cursor, device_id: str) -> Caller | None:
    """Find whose device it is; None when the session has ended."""
    cur.run(_CALLER, device_id)
    row = cur.fetchone()
    return Caller(User(*row[:4]), row[4], row[5], row[6]) if row else None


def session_statement(name: str, types: tuple[str, ...], columns: str, joined: str) -> Statement:
    """Make a statement for `for_session`, so that whether the session lasts is no question of its own.

    `joined` are outer joins to the user `me`, so that a session that lasts gives a row at least; its own parameters,
    of the given types, begin with $3. After its columns, each row has the user's id and whether the device was seen
    lately.
    """
    return Statement(
        name,
        ("text", "text", *types),
        f"""
        SELECT {columns}, me.id, me.seen_lately
        FROM (
            SELECT u.id, u.has_blocked, {_SEEN_LATELY} AS seen_lately FROM devices d JOIN users u ON u.id = d.user_id
            WHERE d.id = $1 AND u.username = $2 AND u.deleted_at IS NULL
        ) me
        {joined}
        """,  # noqa: S608  # constants
    )


def for_session(cur: Cursor, claims: AccessClaims, statement: Statement, *values: object) -> list[tuple[Any, ...]]:
    """Return the rows of a `session_statement`, and note that the device was seen.

    Raises UnauthenticatedError when the session has ended.
    """
    cur.run(statement, claims.device_id, claims.username, *values)
    rows = cur.fetchall()
    if not rows:
        raise session_ended()
    if not rows[0][-1]:
        seen(cur, claims.device_id)
    return rows


def seen(cur: Cursor, device_id: str) -> None:
    """Note that a device was seen now, if that was not noted within a minute."""
    cur.execute(
        """
        UPDATE devices SET last_seen_at = clock_timestamp()
        WHERE id = %s AND last_seen_at <= clock_timestamp() - interval '1 minute'
        """,
        (device_id,),
    )


def start(cur: Cursor, user_id: int, verified: str, device_id: str, name: str | None) -> bool:
    """Add a session if the user's password hash is still the one `verified`; whether it was.

    The user's row is locked against a change of the password until the commit: a password that has been changed
    starts no session any more.
    """
    cur.execute(
        """
        WITH u AS (SELECT id FROM users WHERE id = %s AND password_hash = %s FOR SHARE)
        INSERT INTO devices (id, user_id, name) SELECT %s, u.id, %s FROM u
        """,
        (user_id, verified, device_id, name),
    )
    return cur.rowcount == 1


def grounds(cur: Cursor, user_id: int, device_id: str) -> Grounds | None:
    """Find what to make an MQTT token of; None when the session has ended.

    Inside a transaction. The user's row stays locked until the commit: whoever ends a membership locks it too, before
    reading the same clock, so a token that knows of it is older than its end, and void.
    """
    cur.execute("SELECT 1 FROM users WHERE id = %s FOR SHARE", (user_id,))
    issued_ms = clock.now_ms(cur)
    cur.execute(
        """
        SELECT ARRAY(SELECT m.group_id FROM members m WHERE m.user_id = d.user_id ORDER BY m.group_id)
        FROM devices d WHERE d.id = %s AND d.user_id = %s
        """,
        (device_id, user_id),
    )
    row = cur.fetchone()
    return Grounds(issued_ms, row[0]) if row else None


def add_refresh_token(cur: Cursor, digest: bytes, device_id: str, seconds: int) -> None:
    """Store a refresh token's digest."""
    cur.execute(
        """
        INSERT INTO refresh_tokens (token_sha256, device_id, expires_at)
        VALUES (%s, %s, clock_timestamp() + %s * interval '1 second')
        """,
        (digest, device_id, seconds),
    )


def lock_by_refresh_token(cur: Cursor, digest: bytes) -> Caller | None:
    """Lock the session that a refresh token belongs to; None when there is none."""
    cur.execute(
        "SELECT id FROM devices WHERE id = (SELECT device_id FROM refresh_tokens WHERE token_sha256 = %s) FOR UPDATE",
        (digest,),
    )
    row = cur.fetchone()
    return caller(cur, row[0]) if row else None


def refresh_state(cur: Cursor, digest: bytes) -> RefreshState | None:
    """Read a refresh token's state; its session must be locked."""
    cur.execute(
        """
        SELECT device_id, expires_at <= clock_timestamp(),
               extract(epoch FROM clock_timestamp() - spent_at)::float8
        FROM refresh_tokens WHERE token_sha256 = %s
        """,
        (digest,),
    )
    row = cur.fetchone()
    return RefreshState(*row) if row else None


def spend_refresh_token(cur: Cursor, digest: bytes) -> None:
    """Note that a refresh token has been used, and that its device was seen."""
    cur.execute(
        """
        WITH t AS (
            UPDATE refresh_tokens SET spent_at = clock_timestamp() WHERE token_sha256 = %s RETURNING device_id
        )
        UPDATE devices SET last_seen_at = clock_timestamp() WHERE id = (SELECT device_id FROM t)
        """,
        (digest,),
    )


def of_user(cur: Cursor, user_id: int) -> list[Device]:
    """List a user's sessions, the newest first."""
    cur.execute(
        "SELECT id, name, created_at, last_seen_at FROM devices WHERE user_id = %s ORDER BY created_at DESC, id",
        (user_id,),
    )
    return [Device(*row) for row in cur.fetchall()]


def end(cur: Cursor, user_id: int, device_id: str) -> bool:
    """End one session of a user; whether there was one."""
    cur.execute("DELETE FROM devices WHERE id = %s AND user_id = %s", (device_id, user_id))
    return cur.rowcount == 1


def end_all(cur: Cursor, user_id: int, but: Sequence[str] = ()) -> list[str]:
    """End a user's sessions, all or all but some; return the ids of those that ended."""
    cur.execute(
        """
        DELETE FROM devices WHERE id IN (
            SELECT id FROM devices WHERE user_id = %s AND NOT id = ANY(%s) ORDER BY id FOR UPDATE
        ) RETURNING id
        """,
        (user_id, list(but)),
    )
    return [row[0] for row in cur.fetchall()]


def purge_expired(cur: Cursor, most: int) -> int:
    """Drop expired refresh tokens, and sessions that none can renew any more; return how many tokens went.

    A session that somebody changes at the moment waits for the next purge.
    """
    cur.execute(
        """
        SELECT id FROM devices WHERE id IN (
            SELECT device_id FROM refresh_tokens WHERE expires_at <= now() ORDER BY expires_at LIMIT %s
        ) FOR UPDATE SKIP LOCKED
        """,
        (most,),
    )
    devices = [row[0] for row in cur.fetchall()]
    cur.execute(
        """
        DELETE FROM refresh_tokens WHERE token_sha256 IN (
            SELECT token_sha256 FROM refresh_tokens
            WHERE device_id = ANY(%s) AND expires_at <= now() ORDER BY expires_at LIMIT %s
        )
        """,
        (devices, most),
    )
    gone = cur.rowcount
    cur.execute(
        """
        DELETE FROM devices d WHERE id = ANY(%s) AND NOT EXISTS (
            SELECT 1 FROM refresh_tokens t
            WHERE t.device_id = d.id AND t.spent_at IS NULL AND t.expires_at > now()
        )
        """,
        (devices,),
    )
    return gone
