"""What a session tells whoever shows it: typed events, free of any user interface."""

from dataclasses import dataclass
from datetime import datetime

from mqtt_client.models import RestMessage
from wire.conversations import Conversation
from wire.message import BINARY
from wire.receipts import Rejected, Stored


@dataclass(frozen=True, slots=True)
class Message:
    """A message to show. `seq` and `rest` (the object as REST gave it) are there once it is stored."""

    conversation: Conversation
    sender: str
    id: str
    content_type: str
    body: bytes
    sent_at: datetime
    relation: str | None = None
    seq: int | None = None
    rest: dict[str, object] | None = None

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


Event = MessageArrived | ReceiptArrived | ConnectionChanged | CaughtUp


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
    )
