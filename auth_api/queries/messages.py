"""Messages and conversations, as one user may read them.

Each statement asks in the same go whether the session lasts (`sessions.for_session`), and is planned once a connection.
"""

from dataclasses import dataclass
from typing import Any, Final

from auth_api.message_json import StoredMessage
from auth_api.pool import Cursor, Statement
from auth_api.queries.sessions import for_session, session_statement
from auth_api.tokens import AccessClaims
from wire.conversations import Conversation, direct
from wire.receipts import SEQ_MAX

_TIME = """'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'"""
_MESSAGE = (
    "m.seq, m.message_id::text, m.sender_id, m.content_type, m.body, "
    f"to_char(coalesce(m.sent_at, m.received_at), {_TIME}), to_char(m.received_at, {_TIME}), "
    "m.relation, m.relates_to_seq"
)
"""Times come as they are shown: a driver's datetime for each would cost more than all the rest of a page."""

_OTHER = "o.id = CASE WHEN c.user_low = me.id THEN c.user_high ELSE c.user_low END"


@dataclass(frozen=True, slots=True)
class ConversationState:
    """A conversation in a user's list."""

    last_message: StoredMessage
    unread: int
    read_seq: int


def _page_statement(name: str, within: str, beyond: str, direction: str) -> Statement:
    """Make a statement for a page of a direct conversation; the other user's id is given even if there is no message.

    It asks for order by both columns of the index, though all rows are of one conversation: a plan that is made
    without knowing which conversation it is for could else go through the messages of all.
    """
    return session_statement(
        name,
        ("text", "bigint", "bigint"),
        "m.*, o.id",
        f"""
        LEFT JOIN users o ON o.username = $3
        LEFT JOIN conversations c
            ON o.id IS NOT NULL AND c.user_low = least(o.id, me.id) AND c.user_high = greatest(o.id, me.id)
        LEFT JOIN LATERAL (
            SELECT {_MESSAGE} FROM messages m
            WHERE m.conversation_id {within} c.id AND (m.conversation_id, m.seq) {beyond} (c.id, $4)
            ORDER BY m.conversation_id {direction}, m.seq {direction} LIMIT $5
        ) m ON true
        ORDER BY m.seq
        """,  # noqa: S608  # constants
    )


_PAGE_BEFORE: Final = _page_statement("page_before", ">=", "<", "DESC")
_PAGE_AFTER: Final = _page_statement("page_after", "<=", ">", "ASC")
_FEED: Final = session_statement(
    "feed",
    ("bigint", "bigint"),
    "f.*",
    f"""
    LEFT JOIN LATERAL (
        SELECT {_MESSAGE}, f.username
        FROM (
            SELECT n.seq, o.username
            FROM participants p
            JOIN conversations c ON c.id = p.conversation_id AND c.last_seq > $3
            JOIN users o ON {_OTHER}
            CROSS JOIN LATERAL (
                SELECT m.seq FROM messages m
                WHERE m.conversation_id <= c.id AND (m.conversation_id, m.seq) > (c.id, $3)
                ORDER BY m.conversation_id, m.seq LIMIT $4
            ) n
            WHERE p.user_id = me.id
            ORDER BY n.seq LIMIT $4
        ) f
        JOIN messages m ON m.seq = f.seq
    ) f ON true
    ORDER BY f.seq
    """,  # noqa: S608  # a constant
)
_ONE: Final = session_statement(
    "one_message",
    ("bigint",),
    "m.*",
    f"""
    LEFT JOIN LATERAL (
        SELECT {_MESSAGE}, o.username
        FROM (SELECT * FROM messages WHERE seq = $3 OFFSET 0) m
        JOIN participants p ON p.conversation_id = m.conversation_id AND p.user_id = me.id
        JOIN conversations c ON c.id = m.conversation_id
        JOIN users o ON {_OTHER}
    ) m ON true
    """,  # noqa: S608  # constants
)
"""OFFSET 0 keeps the planner from beginning with all of the user's conversations."""
_CONVERSATIONS: Final = session_statement(
    "conversations",
    ("bigint", "integer"),
    "c.*",
    f"""
    LEFT JOIN LATERAL (
        SELECT {_MESSAGE}, o.username, c.read_seq, unread.count
        FROM (
            SELECT p.read_seq, c.*, row_number() OVER (ORDER BY c.last_seq DESC) <= $4 AS listed
            FROM participants p JOIN conversations c ON c.id = p.conversation_id
            WHERE p.user_id = me.id AND c.last_seq > 0 AND c.last_seq < $3
            ORDER BY c.last_seq DESC LIMIT $4 + 1
        ) c
        JOIN messages m ON m.seq = c.last_seq
        JOIN users o ON {_OTHER}
        CROSS JOIN LATERAL (
            SELECT count(*) FROM messages n
            WHERE c.listed AND n.conversation_id = c.id AND n.seq > c.read_seq AND n.sender_id <> me.id
        ) unread
    ) c ON true
    ORDER BY c.seq DESC
    """,  # noqa: S608  # constants
)


def history(
    cur: Cursor, claims: AccessClaims, other: str, *, before: int | None, after: int | None, limit: int
) -> list[StoredMessage] | None:
    """List at most `limit` messages of the conversation with a user, in ascending seq; None when there is no such user.

    Those right after `after`; else those right before `before`; else the newest. Raises UnauthenticatedError.
    """
    if after is not None:
        rows = for_session(cur, claims, _PAGE_AFTER, other, after, limit)
    else:
        rows = for_session(cur, claims, _PAGE_BEFORE, other, _below(before), limit)
    if rows[0][9] is None:
        return None
    shown = direct(other)
    return [_message(row, claims, shown) for row in rows if row[0] is not None]


def feed(cur: Cursor, claims: AccessClaims, after: int, limit: int) -> list[StoredMessage]:
    """List at most `limit` messages of all of a user's conversations right after `after`, in ascending seq.

    The numbers come from the index alone, a few of each conversation that has anything new; then those rows are read.
    Raises UnauthenticatedError.
    """
    rows = for_session(cur, claims, _FEED, after, limit)
    shown = {name: direct(name) for name in {row[9] for row in rows}}
    return [_message(row, claims, shown[row[9]]) for row in rows if row[0] is not None]


def one(cur: Cursor, claims: AccessClaims, seq: int) -> StoredMessage | None:
    """Find a message that the user may read. Raises UnauthenticatedError."""
    (row,) = for_session(cur, claims, _ONE, seq)
    return _message(row, claims, direct(row[9])) if row[0] is not None else None


def conversations(
    cur: Cursor, claims: AccessClaims, before: int | None, limit: int
) -> tuple[list[ConversationState], bool]:
    """List at most `limit` of a user's conversations whose newest message lies below `before`, the newest first.

    Says too whether there are more. Counting what is unread reads each unread message, so it is done only for those
    that are listed. Raises UnauthenticatedError.
    """
    rows = for_session(cur, claims, _CONVERSATIONS, _below(before), limit)
    found = [
        ConversationState(_message(row, claims, direct(row[9])), unread=row[11], read_seq=row[10])
        for row in rows
        if row[0] is not None
    ]
    return found[:limit], len(found) > limit


def _below(before: int | None) -> int:
    return SEQ_MAX if before is None else before


def _message(row: tuple[Any, ...], claims: AccessClaims, conversation: Conversation) -> StoredMessage:
    seq, message_id, sender_id, content_type, body, sent_at, received_at, relation, relates_to = row[:9]
    return StoredMessage(
        seq,
        message_id,
        conversation,
        claims.username if sender_id == row[-2] else conversation.name,
        content_type,
        body,
        sent_at,
        received_at,
        relation,
        relates_to,
    )
