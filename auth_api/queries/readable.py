"""What one user may read, as parts of statements in which `me` is the user's row and `c` a conversation's.

Of a direct conversation its two users may read everything; of a group's, what lies in one of their spans, which never
overlap. What is blocked is hidden. For users who never blocked anybody and for direct conversations none of it costs
more than looking at one column.
"""

from collections.abc import Iterable
from typing import Any, Final

from auth_api.message_json import StoredMessage
from wire.conversations import Conversation
from wire.receipts import SEQ_MAX

TIME: Final = """'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'"""
"""Times come as they are shown: a driver's datetime for each would cost more than all the rest of a page."""
BEFORE_SENDER: Final = "m.seq, m.message_id"
AFTER_SENDER: Final = (
    f"m.content_type, m.body, to_char(coalesce(m.sent_at, m.received_at), {TIME}), to_char(m.received_at, {TIME}), "
    "m.relation, m.relates_to_seq, m.changed"
)
COLUMNS: Final = 10
"""How many columns `message` has."""
OTHER: Final = "o.id = CASE WHEN c.user_low = me.id THEN c.user_high ELSE c.user_low END"
"""Of a direct conversation; NULL for a group's."""
MEMBER: Final = "(SELECT u.username FROM users u WHERE u.id = m.sender_id)"
"""Who sent a message; no join, so that a plan for few users does not read them all for each."""
_BLOCK: Final = "b.user_id = me.id AND b.blocked_id = h.sender_id AND b.after_seq < h.seq AND h.seq <= b.until_seq"


def message(sender: str) -> str:
    """Name a message's columns, for `stored`; `sender` is an expression for the sender's name."""
    return f"{BEFORE_SENDER}, {sender}, {AFTER_SENDER}"


def sender(conversation: str) -> str:
    """Name a message's sender. Of a direct conversation's two both names are known, and nothing has to be looked up."""
    other = f"WHEN {conversation}.group_id IS NULL THEN {conversation}.username"
    return f"CASE WHEN m.sender_id = me.id THEN $2 {other} ELSE {MEMBER} END"


def hidden(alias: str) -> str:
    """Say that a message is hidden from the user by a block. OFFSET 0 keeps it from being asked for all at once."""
    block = _BLOCK.replace("h.", f"{alias}.")
    return f"(me.has_blocked AND EXISTS (SELECT FROM blocks b WHERE {block} OFFSET 0))"


def hidden_number(alias: str) -> str:
    """Say the same of a message of which only `seq` is known, so that the index alone can be read for all others."""
    return (
        "(me.has_blocked AND EXISTS ("
        f"SELECT FROM messages h JOIN blocks b ON {_BLOCK} WHERE h.seq = {alias}.seq OFFSET 0))"
    )


def in_span(alias: str) -> str:
    """Say that the user may read a message of the conversation, as far as spans are concerned."""
    return f"""(c.group_id IS NULL OR EXISTS (
        SELECT FROM spans s WHERE s.user_id = me.id AND s.conversation_id = c.id
        AND s.after_seq < {alias}.seq AND {alias}.seq <= s.until_seq OFFSET 0
    ))"""


def ranges(after: str = "0::bigint", until: str = str(SEQ_MAX)) -> str:
    """Select the ranges of numbers that may be read, (after_seq, until_seq], as far as they lie above `after`.

    `until` is where that of a direct conversation ends.
    """
    return f"""(
        SELECT {after} AS after_seq, {until} AS until_seq WHERE c.group_id IS NULL
        UNION ALL
        SELECT greatest(s.after_seq, {after}), s.until_seq FROM spans s
        WHERE c.group_id IS NOT NULL AND s.user_id = me.id AND s.conversation_id = c.id AND s.until_seq > {after}
    )"""  # noqa: S608  # constants


def within(alias: str, after: str, until: str) -> str:
    """Say that a message of the conversation has after < seq <= until.

    Both ends are those of the index on conversation and number: so no other index will do, whatever the plan knows.
    """
    at = f"({alias}.conversation_id, {alias}.seq)"
    return f"{at} > (c.id, {after}) AND {at} <= (c.id, {until})"


def stored(conversation: Conversation, row: tuple[Any, ...]) -> StoredMessage:
    """Make a message of what begins with the columns of `message`; its outcome is for `outcomes` to add."""
    return StoredMessage(row[0], row[1], conversation, *row[2:COLUMNS])


def page(conversation: Conversation, rows: Iterable[tuple[Any, ...]]) -> list[StoredMessage]:
    """Make messages of rows of one conversation, as `stored` does, but of all that have one, and faster."""
    make = tuple.__new__
    return [make(StoredMessage, (*row[:2], conversation, *row[2:COLUMNS], None)) for row in rows if row[0] is not None]
