"""Messages, as one user may read them: pages of history, the sync feed, one message.

Each statement asks in the same go whether the session lasts (`sessions.for_session`), and is planned once a connection.
What became of messages that were edited, retracted or reacted to is another statement, `outcomes`, for those alone.
"""

from typing import Final

from auth_api.message_json import StoredMessage
from auth_api.pool import Cursor, Statement
from auth_api.queries import outcomes
from auth_api.queries.readable import (
    AFTER_SENDER,
    BEFORE_SENDER,
    COLUMNS,
    MEMBER,
    OTHER,
    hidden,
    hidden_number,
    in_span,
    message,
    page,
    ranges,
    sender,
    within,
)
from auth_api.queries.sessions import for_session, session_statement
from auth_api.tokens import AccessClaims
from wire.conversations import Conversation, direct, group
from wire.receipts import SEQ_MAX


def _direct_statement(name: str, lowest: str, beyond: str, direction: str) -> Statement:
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
            SELECT {message("CASE WHEN m.sender_id = me.id THEN $2 ELSE $3 END")} FROM messages m
            WHERE m.conversation_id {lowest} c.id AND (m.conversation_id, m.seq) {beyond} (c.id, $4)
            AND NOT {hidden("m")}
            ORDER BY m.conversation_id {direction}, m.seq {direction} LIMIT $5
        ) m ON true
        ORDER BY m.seq
        """,  # noqa: S608  # constants
    )


def _group_statement(name: str, after: str, until: str, direction: str) -> Statement:
    """Make a statement for a page of a group's conversation; its id is given to who is or was a member only."""
    return session_statement(
        name,
        ("text", "bigint", "bigint"),
        f"{BEFORE_SENDER}, {MEMBER}, m.content_type, m.body, m.sent_at, m.received_at, m.relation, m.relates_to_seq, "
        "m.changed, p.conversation_id",
        f"""
        LEFT JOIN conversations c ON c.group_id = $3
        LEFT JOIN participants p ON p.user_id = me.id AND p.conversation_id = c.id
        LEFT JOIN LATERAL (
            SELECT n.* FROM spans s
            CROSS JOIN LATERAL (
                SELECT {BEFORE_SENDER}, m.sender_id, {AFTER_SENDER} FROM messages m
                WHERE {within("m", after, until)} AND NOT {hidden("m")}
                ORDER BY m.conversation_id {direction}, m.seq {direction} LIMIT $5
            ) n (seq, message_id, sender_id, content_type, body, sent_at, received_at)
            WHERE s.user_id = me.id AND s.conversation_id = c.id AND {after} < {until}
            ORDER BY n.seq {direction} LIMIT $5
        ) m ON true
        ORDER BY m.seq
        """,  # noqa: S608  # constants
    )


_DIRECT_BEFORE: Final = _direct_statement("page_before", ">=", "<", "DESC")
_DIRECT_AFTER: Final = _direct_statement("page_after", "<=", ">", "ASC")
_GROUP_BEFORE: Final = _group_statement("group_page_before", "s.after_seq", "least(s.until_seq, $4 - 1)", "DESC")
_GROUP_AFTER: Final = _group_statement("group_page_after", "greatest(s.after_seq, $4)", "s.until_seq", "ASC")
_FEED: Final = session_statement(
    "feed",
    ("bigint", "bigint"),
    "f.*, CASE WHEN me.has_blocked THEN (SELECT max(seq) FROM messages) END",
    f"""
    LEFT JOIN LATERAL (
        SELECT {message(sender("f"))}, f.username, f.group_id
        FROM (
            SELECT n.seq, o.username, c.group_id
            FROM participants p
            JOIN conversations c ON c.id = p.conversation_id AND c.last_seq > $3
            LEFT JOIN users o ON {OTHER}
            CROSS JOIN LATERAL {ranges("$3")} r
            CROSS JOIN LATERAL (
                SELECT n.seq FROM messages n
                WHERE {within("n", "r.after_seq", "r.until_seq")} AND NOT {hidden_number("n")}
                ORDER BY n.conversation_id, n.seq LIMIT $4
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
        SELECT {message(sender("c"))}, c.username, c.group_id
        FROM (SELECT * FROM messages WHERE seq = $3 OFFSET 0) m
        JOIN participants p ON p.conversation_id = m.conversation_id AND p.user_id = me.id
        CROSS JOIN LATERAL (
            SELECT c.*, o.username FROM conversations c LEFT JOIN users o ON {OTHER} WHERE c.id = m.conversation_id
        ) c
        WHERE {in_span("m")} AND NOT {hidden("m")}
    ) m ON true
    """,  # noqa: S608  # constants
)
"""OFFSET 0 keeps the planner from beginning with all of the user's conversations."""


def history(
    cur: Cursor, claims: AccessClaims, conversation: Conversation, *, before: int | None, after: int | None, limit: int
) -> list[StoredMessage] | None:
    """List at most `limit` messages of a conversation, in ascending seq.

    None when there is no such user, or no such group that the caller is or was in. Those right after `after`; else
    those right before `before`; else the newest. Raises UnauthenticatedError.
    """
    if conversation.kind == "direct":
        statement = _DIRECT_AFTER if after is not None else _DIRECT_BEFORE
    else:
        statement = _GROUP_AFTER if after is not None else _GROUP_BEFORE
    rows = for_session(cur, claims, statement, conversation.name, below(before) if after is None else after, limit)
    if rows[0][COLUMNS] is None:
        return None
    return outcomes.added(cur, rows[0][-2], page(conversation, rows))


def feed(cur: Cursor, claims: AccessClaims, after: int, limit: int) -> tuple[list[StoredMessage], int]:
    """List at most `limit` messages of all of a user's conversations right after `after`, in ascending seq.

    The numbers come from the index alone, a few of each conversation that has anything new; then those rows are read.
    If these are fewer than `limit`, there is nothing more up to the number that comes with them: to go on from there
    saves who blocks somebody from going through all that is hidden each time. Raises UnauthenticatedError.
    """
    rows = for_session(cur, claims, _FEED, after, limit)
    known: dict[tuple[str | None, str | None], Conversation] = {}
    found: list[StoredMessage] = []
    for row in rows:
        names = row[COLUMNS : COLUMNS + 2]
        found += page(known.get(names) or known.setdefault(names, named(*names)), (row,))
    last = found[-1].seq if found else after
    return outcomes.added(cur, rows[0][-2], found), max(last, rows[0][COLUMNS + 2] or 0)


def one(cur: Cursor, claims: AccessClaims, seq: int) -> tuple[int, StoredMessage | None]:
    """Find a message that the user may read, and the user's id. Raises UnauthenticatedError."""
    (row,) = rows = for_session(cur, claims, _ONE, seq)
    found = outcomes.added(cur, row[-2], page(named(*row[COLUMNS : COLUMNS + 2]), rows))
    return row[-2], found[0] if found else None


def named(other: str | None, group_id: str | None) -> Conversation:
    """Name a conversation by the other user, or by the group, of which one is NULL."""
    return direct(other or "") if group_id is None else group(group_id)


def below(before: int | None) -> int:
    """Return a bound above everything where there is none."""
    return SEQ_MAX if before is None else before
