"""What is stored about a user, but for their messages: a page at a time, so that nobody waits for a long list.

Each list goes on after the last entry of the page before.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from auth_api.pool import Cursor
from auth_api.queries.groups import History, Role, Visibility
from auth_api.queries.messages import named
from auth_api.queries.readable import OTHER
from wire.conversations import Conversation
from wire.receipts import SEQ_MAX


@dataclass(frozen=True, slots=True)
class Membership:
    """A group that the user is in."""

    id: str
    title: str
    visibility: Visibility
    history: History
    created_at: datetime
    role: Role
    joined_at: datetime


class Block(NamedTuple):
    """Messages of another user that are hidden: those with after_seq < seq <= until_seq; for ever without that."""

    blocked_id: int
    username: str
    after_seq: int
    until_seq: int | None


class Participation(NamedTuple):
    """A conversation of the user, and their markers in it."""

    conversation_id: int
    conversation: Conversation
    read_seq: int
    delivered_seq: int


class Span(NamedTuple):
    """Messages of a group that the user may read: those with after_seq < seq <= until_seq; all without that."""

    conversation_id: int
    conversation: Conversation
    after_seq: int
    until_seq: int | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message of the user that was refused; `properties` are pairs of a name and a value."""

    id: int
    received_at: datetime
    topic: str
    reason: str
    detail: str
    content_type: str | None
    properties: list[list[str]]
    body: memoryview


def memberships(cur: Cursor, user_id: int) -> list[Membership]:
    """List the groups that a user is in; there are few."""
    cur.execute(
        """
        SELECT g.id, g.title, g.visibility, g.history, g.created_at, m.role, m.joined_at
        FROM members m JOIN groups g ON g.id = m.group_id WHERE m.user_id = %s ORDER BY g.id
        """,
        (user_id,),
    )
    return [Membership(*row) for row in cur.fetchall()]


def blocks(cur: Cursor, user_id: int, last: Block | None, most: int) -> list[Block]:
    """List blocks, those that have ended too."""
    cur.execute(
        """
        SELECT b.blocked_id, u.username, b.after_seq, nullif(b.until_seq, %s)
        FROM blocks b JOIN users u ON u.id = b.blocked_id
        WHERE b.user_id = %s AND (b.blocked_id, b.after_seq) > (%s, %s) ORDER BY b.blocked_id, b.after_seq LIMIT %s
        """,
        (SEQ_MAX, user_id, last.blocked_id if last else 0, last.after_seq if last else 0, most),
    )
    return [Block(*row) for row in cur.fetchall()]


def participations(cur: Cursor, user_id: int, last: Participation | None, most: int) -> list[Participation]:
    """List conversations."""
    cur.execute(
        f"""
        SELECT c.id, o.username, c.group_id, p.read_seq, p.delivered_seq
        FROM (SELECT %s::bigint AS id) me
        JOIN participants p ON p.user_id = me.id AND p.conversation_id > %s
        JOIN conversations c ON c.id = p.conversation_id
        LEFT JOIN users o ON {OTHER}
        ORDER BY p.conversation_id LIMIT %s
        """,  # noqa: S608  # a constant
        (user_id, last.conversation_id if last else 0, most),
    )
    return [Participation(id_, named(other, group), read, had) for id_, other, group, read, had in cur.fetchall()]


def spans(cur: Cursor, user_id: int, last: Span | None, most: int) -> list[Span]:
    """List what may be read of groups' conversations."""
    cur.execute(
        """
        SELECT s.conversation_id, c.group_id, s.after_seq, nullif(s.until_seq, %s)
        FROM spans s JOIN conversations c ON c.id = s.conversation_id
        WHERE s.user_id = %s AND (s.conversation_id, s.after_seq) > (%s, %s)
        ORDER BY s.conversation_id, s.after_seq LIMIT %s
        """,
        (SEQ_MAX, user_id, last.conversation_id if last else 0, last.after_seq if last else 0, most),
    )
    return [Span(id_, named(None, group), after, until) for id_, group, after, until in cur.fetchall()]


def conversation(cur: Cursor, user_id: int, conversation_id: int) -> Conversation | None:
    """Name one conversation as it is called now; None when the user has no part in it any more."""
    cur.execute(
        f"""
        SELECT o.username, c.group_id
        FROM (SELECT %s::bigint AS id) me
        JOIN participants p ON p.user_id = me.id AND p.conversation_id = %s
        JOIN conversations c ON c.id = p.conversation_id
        LEFT JOIN users o ON {OTHER}
        """,  # noqa: S608  # a constant
        (user_id, conversation_id),
    )
    row: tuple[Any, ...] | None = cur.fetchone()
    return named(*row) if row else None


def dead_letters(cur: Cursor, username: str, last: DeadLetter | None, most: int) -> list[DeadLetter]:
    """List what was refused of a user's."""
    cur.execute(
        """
        SELECT id, received_at, topic, reason, detail, content_type, properties, body FROM dead_letters
        WHERE left(split_part(topic, '/', -1), 32) COLLATE "C" = %s AND id > %s
        ORDER BY left(split_part(topic, '/', -1), 32) COLLATE "C", id LIMIT %s
        """,
        (username, last.id if last else 0, most),
    )
    return [DeadLetter(*row) for row in cur.fetchall()]
