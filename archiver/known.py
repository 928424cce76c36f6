"""What the database knows of a batch. Pure data."""

from collections.abc import Mapping, Set
from typing import NamedTuple

from wire.conversations import Conversation
from wire.message import MessageId, RejectReason, Relation

Pair = tuple[int, int]
"""Ids of two users, the lower first: what a direct conversation is known by."""
Names = tuple[str, Conversation]
"""Of a sender, and of a conversation as that sender names it."""
Identity = tuple[MessageId, int]
"""Message id and sender."""


class Filed(NamedTuple):
    """A message that has its number."""

    seq: int
    conversation_id: int
    body_sha256: bytes | None
    """None when it was retracted: then nobody can say any more what it was."""
    edit_of: int | None = None
    """The number of the message that it edits, if it is an edit."""
    orphaned: bool = False
    """Whether it was to somebody whose account, and so whose name, is gone."""


class Target(NamedTuple):
    """A message that another relates to."""

    seq: int
    sender_id: int
    relation: Relation | None
    root: int
    """The number of the message that it edits, or its own."""
    root_received_at: int
    """When that one arrived, in Unix microseconds."""
    retracted: bool
    readable: bool
    """Whether who relates to it may read it."""


class Route(NamedTuple):
    """What the database knows of a sender and a conversation."""

    sender_id: int | None
    """None when there is no such user."""
    conversation_id: int
    """Negative if it is not made yet, nothing if it cannot be."""
    closed: tuple[RejectReason, str] | None = None
    """Why the conversation takes nothing new from this sender. Without a conversation there always is a reason."""
    muted: bool = False
    """Whether the receiver of a direct message blocks the sender."""
    sender_blocks: bool = False
    """Whether the sender may have blocked somebody."""


class Known(NamedTuple):
    """What the database knows of the names and ids in a batch."""

    routes: Mapping[Names, Route]
    filed: Mapping[Identity, Filed]
    """Empty, too, when it has not been asked yet."""
    targets: Mapping[tuple[MessageId, int, int], Target]
    """By message id, conversation, and who relates to it; the lowest seq if senders share the id."""
    blocked: Set[tuple[int, int]] = frozenset()
    """Who blocks whom at present, of the users who relate to messages."""


def pair_of(user_id: int, other_id: int) -> Pair:
    """Name the direct conversation of two users by their ids."""
    return (user_id, other_id) if user_id <= other_id else (other_id, user_id)
