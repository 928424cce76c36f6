"""Messages and conversations, as one user may read them."""

from dataclasses import dataclass
from typing import Any

from auth_api.message_json import StoredMessage
from auth_api.pool import Cursor
from wire.conversations import Conversation, direct
from wire.receipts import SEQ_MAX

_TIME = """'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'"""
_MESSAGE = (
    "m.seq, m.message_id::text, m.sender_id, m.content_type, m.body, "
    f"to_char(coalesce(m.sent_at, m.received_at), {_TIME}), to_char(m.received_at, {_TIME}), "
    "m.relation, m.relates_to_seq"
)
"""Times come as they are shown: a driver's datetime for each would cost more than all the rest of a page."""


@dataclass(frozen=True, slots=True)
class ConversationState:
    """A conversation in a user's list."""

    last_message: StoredMessage
    unread: int
    read_seq: int


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, and how their name is shown as a sender."""

    id: int
    username: str


def history(
    cur: Cursor, reader: Reader, other: Reader, *, before: int | None, after: int | None, limit: int
) -> list[StoredMessage]:
    """List at most `limit` messages of a direct conversation, in ascending seq.

    Those right after `after`; else those right before `before`; else the newest. Looking the other user up in the same
    statement would take the database longer than being asked twice.
    """
    forward = after is not None
    cur.execute(
        f"""
        SELECT {_MESSAGE} FROM messages m
        WHERE m.conversation_id = (SELECT id FROM conversations WHERE user_low = %s AND user_high = %s)
          AND m.seq {">" if forward else "<"} %s
        ORDER BY m.seq {"ASC" if forward else "DESC"} LIMIT %s
        """,  # noqa: S608  # constants
        (*sorted((reader.id, other.id)), after if forward else _below(before), limit),
    )
    shown = direct(other.username)
    found = [_message(row, reader, shown) for row in cur.fetchall()]
    return found if forward else found[::-1]


def feed(cur: Cursor, reader: Reader, after: int, limit: int) -> list[StoredMessage]:
    """List at most `limit` messages of all of a user's conversations right after `after`, in ascending seq.

    The numbers come from the index alone, a few of each conversation that has anything new; then those rows are read.
    """
    cur.execute(
        f"""
        SELECT {_MESSAGE}, o.username
        FROM (
            SELECT n.seq, CASE WHEN c.user_low = p.user_id THEN c.user_high ELSE c.user_low END AS other
            FROM participants p
            JOIN conversations c ON c.id = p.conversation_id AND c.last_seq > %(after)s
            CROSS JOIN LATERAL (
                SELECT seq FROM messages WHERE conversation_id = c.id AND seq > %(after)s ORDER BY seq LIMIT %(limit)s
            ) n
            WHERE p.user_id = %(reader)s
            ORDER BY n.seq LIMIT %(limit)s
        ) f
        JOIN messages m ON m.seq = f.seq
        JOIN users o ON o.id = f.other
        ORDER BY m.seq
        """,  # noqa: S608  # a constant
        {"reader": reader.id, "after": after, "limit": limit},
    )
    return [_message(row, reader, direct(row[9])) for row in cur.fetchall()]


def one(cur: Cursor, reader: Reader, seq: int) -> StoredMessage | None:
    """Find a message that the user may read."""
    cur.execute(
        f"""
        SELECT {_MESSAGE}, o.username
        FROM messages m
        JOIN participants p ON p.conversation_id = m.conversation_id AND p.user_id = %s
        JOIN conversations c ON c.id = m.conversation_id
        JOIN users o ON o.id = CASE WHEN c.user_low = p.user_id THEN c.user_high ELSE c.user_low END
        WHERE m.seq = %s
        """,  # noqa: S608  # a constant
        (reader.id, seq),
    )
    row = cur.fetchone()
    return _message(row, reader, direct(row[9])) if row else None


def conversations(cur: Cursor, reader: Reader, before: int | None, limit: int) -> tuple[list[ConversationState], bool]:
    """List at most `limit` of a user's conversations whose newest message lies below `before`, the newest first.

    Says too whether there are more. Counting what is unread reads each unread message, so it is done only for those
    that are listed.
    """
    cur.execute(
        f"""
        SELECT {_MESSAGE}, o.username, p.read_seq, unread.count
        FROM (
            SELECT p.user_id, p.read_seq, c.*, row_number() OVER (ORDER BY c.last_seq DESC) <= %(limit)s AS listed
            FROM participants p JOIN conversations c ON c.id = p.conversation_id
            WHERE p.user_id = %(reader)s AND c.last_seq > 0 AND c.last_seq < %(before)s
            ORDER BY c.last_seq DESC LIMIT %(limit)s + 1
        ) p
        JOIN messages m ON m.seq = p.last_seq
        JOIN users o ON o.id = CASE WHEN p.user_low = p.user_id THEN p.user_high ELSE p.user_low END
        CROSS JOIN LATERAL (
            SELECT count(*) FROM messages n
            WHERE p.listed AND n.conversation_id = p.id AND n.seq > p.read_seq AND n.sender_id <> p.user_id
        ) unread
        ORDER BY p.last_seq DESC
        """,  # noqa: S608  # a constant
        {"reader": reader.id, "before": _below(before), "limit": limit},
    )
    found = [
        ConversationState(_message(row, reader, direct(row[9])), unread=row[11], read_seq=row[10])
        for row in cur.fetchall()
    ]
    return found[:limit], len(found) > limit


def _below(before: int | None) -> int:
    return SEQ_MAX if before is None else before


def _message(row: tuple[Any, ...], reader: Reader, conversation: Conversation) -> StoredMessage:
    seq, message_id, sender_id, content_type, body, sent_at, received_at, relation, relates_to = row[:9]
    return StoredMessage(
        seq,
        message_id,
        conversation,
        reader.username if sender_id == reader.id else conversation.name,
        content_type,
        bytes(body),
        sent_at,
        received_at,
        relation,
        relates_to,
    )
