"""What the app shows: messages and conversations as the local copy has them. Pure, and free of what a login needs."""

from dataclasses import dataclass
from enum import StrEnum

from wire.message import BINARY

PENDING = 2**62
"""The place of what has no seq yet: after everything that has."""


class Mark(StrEnum):
    """How far a message of our own has come; one of somebody else's has none."""

    NONE = ""
    SENDING = "sending"
    STORED = "stored"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Entry:
    """A message. `arrival` names it in the local copy; times are Unix time; `reason` says why it was rejected.

    It answers the message of the seq `relates_to`, or of the id as long as the archive has not said the seq: `quote` is
    a line of that one. An edited one has its newest body, a retracted one none; `reactions` are who reacted what.
    """

    arrival: int
    place: int
    conversation: str
    sender: str
    id: str
    content_type: str
    body: bytes
    sent_at: float
    relation: str | None = None
    seq: int | None = None
    mark: Mark = Mark.NONE
    reason: str = ""
    is_new: bool = False
    relates_to: int | None = None
    relates_to_id: str | None = None
    edited_at: float | None = None
    retracted_at: float | None = None
    reactions: tuple[tuple[str, tuple[str, ...]], ...] = ()
    quote: str = ""

    @property
    def key(self) -> tuple[int, int]:
        """Where it stands in its conversation."""
        return self.place, self.arrival

    @property
    def is_text(self) -> bool:
        """Whether the body is to be shown as text."""
        kind = self.content_type.partition(";")[0].strip().lower()
        return kind != BINARY and (kind.startswith("text/") or kind == "application/json")

    @property
    def text(self) -> str:
        """The body as text; what is no UTF-8 is shown as the replacement character."""
        return self.body.decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Row:
    """A conversation in the list. `name` is the wire's (`direct:bob`), `newest` the key of its newest message.

    `their_delivered` and `their_read` are the seqs up to which the other side has got, of a direct one.
    """

    name: str
    title: str
    unread: int = 0
    failed: int = 0
    newest: tuple[int, int] = (0, 0)
    preview: str = ""
    muted: bool = False
    draft: str = ""
    their_delivered: int = 0
    their_read: int = 0

    @property
    def who(self) -> str:
        """The name without its kind."""
        return self.name.partition(":")[2]

    @property
    def is_group(self) -> bool:
        """Whether it is a group's."""
        return self.name.startswith("group:")

    @property
    def label(self) -> str:
        """How it is called: a group by its title behind a number sign."""
        return f"#{self.title}" if self.is_group else self.title


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a conversation, ascending. `at_start`: nothing is before it here; `at_end`: nothing is after it."""

    entries: tuple[Entry, ...] = ()
    at_start: bool = False
    at_end: bool = True


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a start shows before anything is asked: the list, the conversation that was open last, and its last page."""

    rows: tuple[Row, ...] = ()
    opened: str | None = None
    page: Page = Page()
