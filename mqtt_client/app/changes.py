"""What the backend tells the screen, in the order in which it happened. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from mqtt_client.app.entries import Entry, Row

if TYPE_CHECKING:
    from mqtt_client.events import PresenceStatus

LinkState = Literal["starting", "catching up", "online", "offline"]


@dataclass(frozen=True, slots=True)
class EntriesChanged:
    """Messages came, or gained a seq or a mark. `news` are the arrivals of those that somebody has just sent us."""

    entries: tuple[Entry, ...]
    news: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class EntryRemoved:
    """A message that was never stored is gone."""

    conversation: str
    arrival: int


@dataclass(frozen=True, slots=True)
class RowsChanged:
    """Conversations came, or changed."""

    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """How the app stands to the server; `reason` says why it is cut off, or how far it has caught up."""

    state: LinkState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LoginChanged:
    """Somebody is logged in, or nobody any more: `reason` says why."""

    username: str | None
    server: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Noticed:
    """A line about what has just happened, or how far something has come; one that `stays` does so until another."""

    text: str
    stays: bool = True


@dataclass(frozen=True, slots=True)
class Crashed:
    """The backend has ended with an error, and the app ends with it."""

    error: Exception


@dataclass(frozen=True, slots=True)
class MarkerChanged:
    """Somebody else has got further in a conversation; for a direct one it is in its row too."""

    conversation: str
    username: str
    delivered: int
    read: int


@dataclass(frozen=True, slots=True)
class TypingTold:
    """Somebody types in a conversation, or has stopped. Let it pass after `mqtt_client.typing_plan.SHOWN_SECONDS`."""

    conversation: str
    username: str
    active: bool


@dataclass(frozen=True, slots=True)
class PresenceTold:
    """Whether somebody is there. Unknown again while the connection is cut."""

    username: str
    status: "PresenceStatus"
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class GroupTold:
    """We were added to a group, or are not in it any more, or its row has changed."""

    group: str
    change: Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class SessionsTold:
    """Another of our devices has logged in or was logged out."""

    device: str
    change: Literal["added", "removed"]


Told = MarkerChanged | TypingTold | PresenceTold | GroupTold | SessionsTold
Change = EntriesChanged | EntryRemoved | RowsChanged | LinkChanged | LoginChanged | Noticed | Crashed | Told
