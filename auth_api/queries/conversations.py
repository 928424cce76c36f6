"""The list of a user's conversations."""

from dataclasses import dataclass
from typing import Any, Final

from auth_api.message_json import StoredMessage
from auth_api.pool import Cursor
from auth_api.queries import outcomes
from auth_api.queries.messages import below, named
from auth_api.queries.readable import COLUMNS, MEMBER, OTHER, hidden, message, ranges, stored, within
from auth_api.queries.sessions import for_session, session_statement
from auth_api.tokens import AccessClaims
from wire.receipts import SEQ_MAX

UNREAD_MOST: Final = 10_000
"""More are not counted."""
OWN_LOOKED_AT: Final = 200
"""Messages since a block, in which one of one's own is looked for: the blocked one may have sent very many."""


@dataclass(frozen=True, slots=True)
class ConversationState:
    """A conversation in a user's list; a group has a title. 0 stands for no marker."""

    last_message: StoredMessage
    unread: int
    read_seq: int
    title: str | None
    their_delivered_seq: int
    their_read_seq: int


_SHUT: Final = f"""
    SELECT CASE WHEN me.has_blocked AND c.group_id IS NULL THEN (
        SELECT min(b.after_seq) FROM blocks b
        WHERE b.user_id = me.id AND b.until_seq = {SEQ_MAX}
        AND b.blocked_id = CASE WHEN c.user_low = me.id THEN c.user_high ELSE c.user_low END
    ) END AS seq
    OFFSET 0
"""  # noqa: S608  # constants
"""Where a block of the other of a direct conversation begins, if it lasts: nothing of theirs is shown after that."""
_NEWEST: Final = f"""
    SELECT CASE WHEN c.group_id IS NULL AND NOT me.has_blocked THEN c.last_seq ELSE greatest((
        SELECT n.seq FROM (
            SELECT n.seq, n.sender_id FROM messages n WHERE {within("n", "shut.seq", str(SEQ_MAX))}
            ORDER BY n.conversation_id DESC, n.seq DESC LIMIT {OWN_LOOKED_AT}
        ) n
        WHERE n.sender_id = me.id ORDER BY n.seq DESC LIMIT 1
    ), (
        SELECT n.seq FROM {ranges(until=f"coalesce(shut.seq, {SEQ_MAX})")} r
        CROSS JOIN LATERAL (
            SELECT n.seq FROM messages n WHERE {within("n", "r.after_seq", "r.until_seq")} AND NOT {hidden("n")}
            ORDER BY n.conversation_id DESC, n.seq DESC LIMIT 1
        ) n
        ORDER BY n.seq DESC LIMIT 1
    )) END AS seq
    OFFSET 0
"""  # noqa: S608  # constants
_UNREAD: Final = f"""
    SELECT count(*) FROM (
        SELECT FROM {ranges("c.read_seq", f"coalesce(c.shut, {SEQ_MAX})")} r
        CROSS JOIN LATERAL (
            SELECT FROM messages n
            WHERE {within("n", "r.after_seq", "r.until_seq")} AND n.sender_id <> me.id
            AND (n.relation IS NULL OR n.relation IN ('reply', 'thread')) AND NOT {hidden("n")}
        ) n
        WHERE c.listed LIMIT {UNREAD_MOST}
    ) n
"""  # noqa: S608  # constants
_FROZEN: Final = f"""
    CASE WHEN o.has_blocked THEN (
        SELECT min(b.after_seq) FROM blocks b
        WHERE b.user_id = o.id AND b.blocked_id = me.id AND b.until_seq = {SEQ_MAX}
    ) END
"""  # noqa: S608  # constants
"""Where the other's markers stand still: at the block by which they see nothing that has come since."""
_THEIRS: Final = f"""
    SELECT least(p.delivered_seq, {_FROZEN}, c.seq) AS delivered_seq, least(p.read_seq, {_FROZEN}, c.seq) AS read_seq
    FROM participants p WHERE p.user_id = o.id AND p.conversation_id = c.id AND o.id <> me.id
    OFFSET 0
"""  # noqa: S608  # constants
_SENDER: Final = f"CASE WHEN m.sender_id = me.id THEN $2 WHEN c.group_id IS NULL THEN o.username ELSE {MEMBER} END"
_CONVERSATIONS: Final = session_statement(
    "conversations",
    ("bigint", "integer"),
    "c.*",
    f"""
    LEFT JOIN LATERAL (
        SELECT {message(_SENDER)}, o.username, c.group_id, c.read_seq, unread.count,
               CASE WHEN c.group_id IS NOT NULL THEN (SELECT title FROM groups WHERE groups.id = c.group_id) END,
               theirs.delivered_seq, theirs.read_seq
        FROM (
            SELECT p.read_seq, c.*, shut.seq AS shut, newest.seq,
                   row_number() OVER (ORDER BY newest.seq DESC) <= $4 AS listed
            FROM participants p
            JOIN conversations c ON c.id = p.conversation_id
            CROSS JOIN LATERAL ({_SHUT}) shut
            CROSS JOIN LATERAL ({_NEWEST}) newest
            WHERE p.user_id = me.id AND c.last_seq > 0 AND newest.seq < $3
            ORDER BY newest.seq DESC LIMIT $4 + 1
        ) c
        JOIN messages m ON m.seq = c.seq
        LEFT JOIN users o ON {OTHER}
        LEFT JOIN LATERAL ({_THEIRS}) theirs ON true
        CROSS JOIN LATERAL ({_UNREAD}) unread
    ) c ON true
    ORDER BY c.seq DESC
    """,  # noqa: S608  # constants
)


def conversations(
    cur: Cursor, claims: AccessClaims, before: int | None, limit: int
) -> tuple[list[ConversationState], bool]:
    """List at most `limit` of a user's conversations whose newest message lies below `before`, the newest first.

    The newest message is the newest that the user may read; a conversation without any is not listed. Says too whether
    there are more. Counting what is unread reads each unread message, so it is done only for those that are listed.
    Raises UnauthenticatedError.
    """
    rows = for_session(cur, claims, _CONVERSATIONS, below(before), limit)
    found = [row for row in rows if row[0] is not None]
    listed = [stored(named(*row[COLUMNS : COLUMNS + 2]), row) for row in found[:limit]]
    newest = outcomes.added(cur, rows[0][-2], listed)
    states = [_state(each, row) for each, row in zip(newest, found, strict=False)]
    return states, len(found) > limit


def _state(newest: StoredMessage, row: tuple[Any, ...]) -> ConversationState:
    read_seq, unread, title, delivered, read = row[COLUMNS + 2 : COLUMNS + 7]
    return ConversationState(newest, unread, read_seq, title, delivered or 0, read or 0)
