"""What a session tells whoever shows it: typed events, free of any user interface."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

from mqtt_client.models import RestMessage, Version
from wire.conversations import Conversation
from wire.message import BINARY
from wire.receipts import Rejected, Stored


@dataclass(frozen=True, slots=True)
class Message:
    """A message to show. `seq` and `rest` (the object as REST gave it) are there once it is stored.

    What it relates to is known by its id as long as it comes from the broker, and by its seq from the archive.
    """

    conversation: Conversation
    sender: str
    id: str
    content_type: str
    body: bytes
    sent_at: datetime
    relation: str | None = None
    seq: int | None = None
    rest: dict[str, object] | None = None
    relates_to_id: str | None = None
    relates_to_seq: int | None = None
    edited_at: datetime | None = None
    retracted_at: datetime | None = None
    reactions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def identity(self) -> tuple[str, str]:
        """What makes it this message and no other (contract, section 1)."""
        return self.sender, self.id

    @property
    def is_text(self) -> bool:
        """Whether the body is to be shown as text."""
        kind = self.content_type.partition(";")[0].strip().lower()
        return kind != BINARY and (kind.startswith("text/") or kind == "application/json")


@dataclass(frozen=True, slots=True)
class MessageArrived:
    """A message not shown before."""

    message: Message


@dataclass(frozen=True, slots=True)
class ReceiptArrived:
    """The archive stored a message, or refused one of ours. It may be told twice: by a receipt, and by the feed."""

    receipt: Stored | Rejected


@dataclass(frozen=True, slots=True)
class ConnectionChanged:
    """The profile's connection to the broker, or what can be read over REST, came or went."""

    connected: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """All that was stored until now has been told."""


@dataclass(frozen=True, slots=True)
class MessageEdited:
    """A stored message was edited: `message` is the edit, with the new body; `target` the seq of what it changes."""

    message: Message
    target: int


@dataclass(frozen=True, slots=True)
class MessageRetracted:
    """A stored message was retracted, or with it an edit or a reaction taken back. `target` is its seq."""

    message: Message
    target: int


@dataclass(frozen=True, slots=True)
class MessageReacted:
    """Somebody reacted to a stored message; the body of `message` is the reaction, `target` the seq it is to."""

    message: Message
    target: int


@dataclass(frozen=True, slots=True)
class MarkerArrived:
    """How far somebody else has got in a conversation: highest seqs; 0 for what was not told."""

    conversation: Conversation
    username: str
    delivered: int
    read: int


@dataclass(frozen=True, slots=True)
class MarkerMoved:
    """How far we have got in a conversation ourselves, on whichever device."""

    conversation: Conversation
    delivered: int
    read: int


@dataclass(frozen=True, slots=True)
class TypingChanged:
    """Somebody types in a conversation, or has stopped. Nobody may ever say that they have: let it pass by itself."""

    conversation: Conversation
    username: str
    active: bool


PresenceStatus = Literal["online", "away", "offline"]


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    """Whether somebody is there. `since` is by their clock; of a connection that broke, when it was made."""

    username: str
    status: PresenceStatus
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class GroupChanged:
    """We were added to a group, or are not in it any more, or something about it has changed: ask REST."""

    group: str
    change: Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class GroupsKnown:
    """The groups that the connection is good for: all that we are in, but for what has happened a moment ago."""

    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class SessionsChanged:
    """Another of our devices has logged in or was logged out."""

    device: str
    change: Literal["added", "removed"]


MessageChange = MessageEdited | MessageRetracted | MessageReacted
Signal = MarkerArrived | MarkerMoved | TypingChanged | PresenceChanged | GroupChanged | GroupsKnown | SessionsChanged
"""What is told once and never stored as a message."""
Event = MessageArrived | MessageChange | Signal | ReceiptArrived | ConnectionChanged | CaughtUp
CHANGES: Final[Mapping[str, type[MessageChange]]] = {
    "edit": MessageEdited,
    "retract": MessageRetracted,
    "reaction": MessageReacted,
}


def is_change(message: Message) -> bool:
    """Whether a message is no message to show but changes another."""
    return message.relation in CHANGES


def arrival(message: Message) -> MessageArrived | MessageChange:
    """Make the event of a message that has just come."""
    make = CHANGES.get(message.relation or "")
    if make is None or message.relates_to_seq is None:
        return MessageArrived(message)
    return make(message, message.relates_to_seq)


def version_message(message: Message, version: Version) -> Message:
    """Make what is shown of one version of a message."""
    return replace(
        message,
        seq=version.seq,
        content_type=version.content_type,
        body=version.content(),
        sent_at=version.sent_at,
        edited_at=None,
        reactions={},
    )


def message_of(rest: RestMessage, raw: dict[str, object]) -> Message:
    """Make what is shown of what REST answered; `raw` is kept beside it for scripts."""
    kind, _, name = rest.conversation.name.partition(":")
    conversation = Conversation("direct" if kind == "direct" else "group", name)
    return Message(
        conversation=conversation,
        sender=rest.sender,
        id=rest.id,
        content_type=rest.content_type,
        body=rest.content(),
        sent_at=rest.sent_at,
        relation=rest.relation,
        seq=rest.seq,
        rest=raw,
        relates_to_seq=rest.relates_to,
        edited_at=rest.edited_at,
        retracted_at=rest.retracted_at,
        reactions={reaction: tuple(names) for reaction, names in (rest.reactions or {}).items()},
    )
