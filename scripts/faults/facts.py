"""What ledgers, the archive and the run itself tell of a conversation.

Times are of the machine's monotonic clock, in seconds.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from mqtt_client.state import RESEND_FIRST


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that its sender put into its outbox, where it was from `put_at` to `left_at`, as far as is known.

    A refused one was rejected as of somebody who is no member.
    """

    id: str
    digest: str
    put_at: float = 0.0
    left_at: float = math.inf
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A message in the archive, or on a page that was read from it."""

    seq: int
    sender: str
    id: str
    digest: str


@dataclass(frozen=True, slots=True)
class Began:
    """A client's process began to run."""


@dataclass(frozen=True, slots=True)
class Cut:
    """At its start a process found no record of a message that the one before it had shown."""

    sender: str
    id: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A client showed a message, in the conversation as its user names it; `seq` is 0 for one that came live."""

    conversation: str
    sender: str
    id: str
    digest: str
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Stray:
    """A client's connection brought something that is not its user's."""

    what: str


@dataclass(frozen=True, slots=True)
class Linked:
    """A client had a connection to the broker again."""

    at: float


@dataclass(frozen=True, slots=True)
class Unasked:
    """From here on a client showed what came live while it could not ask the feed for what was before."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A client that could not ask the feed has asked it, and shown all that was in it."""


Entry = Asked | Began | Cut | Linked | Shown | Stray | Unasked
View = Sequence[Entry]


@dataclass(frozen=True, slots=True)
class End:
    """A person's command ended by itself: `ended`, or `not begun` because the server was out of reach at its start."""

    kind: str
    person: str
    error: str


@dataclass(frozen=True, slots=True)
class Absence:
    """Somebody was removed from a group and added again: when each was asked for, and when it was answered.

    `removed` is infinite when nobody has said that the broker had cut them off.
    """

    removing: float
    removed: float
    adding: float
    added: float


@dataclass(frozen=True, slots=True)
class Span:
    """Numbers that somebody may read: those greater than `after`, up to `until`."""

    after: int
    until: int


AWAY_SECONDS = RESEND_FIRST
EVERYTHING = (Span(0, 2**63 - 1),)


def may_read(spans: Iterable[Span], seq: int) -> bool:
    """Whether a number is in any span."""
    return any(span.after < seq <= span.until for span in spans)


@dataclass(frozen=True)
class Truth:
    """All that is known of one conversation.

    `conversations` by person: what each calls it. `sent` and `shown` by person, in order; `archive` ascending; `paged`
    by person, what those who page got, in order. `absences` by person, of those who were removed, and `spans`, what the
    archive lets them read; everybody else may read everything.
    """

    conversations: Mapping[str, str]
    sent: Mapping[str, Sequence[Sent]]
    archive: Sequence[Row]
    shown: Mapping[str, View]
    paged: Mapping[str, Sequence[Row]]
    absences: Mapping[str, Sequence[Absence]] = field(default_factory=dict)
    spans: Mapping[str, Sequence[Span]] = field(default_factory=dict)

    @property
    def people(self) -> tuple[str, ...]:
        """Name all who are in it."""
        return tuple(self.conversations)

    def may_read(self, person: str, seq: int) -> bool:
        """Whether the archive lets a person read a number."""
        return may_read(self.spans[person] if self.absences.get(person) else EVERYTHING, seq)

    def was_kept_from(self, person: str, sender: str, message: Sent) -> bool:
        """Whether a message of another was on its way only while a person was no member."""
        return person != sender and any(
            absence.removed < message.put_at and message.left_at < absence.adding
            for absence in self.absences.get(person, ())
        )

    def may_have_missed(self, person: str, sender: str, message: Sent) -> bool:
        """Whether a message was published before a person was there, and others after it while the archive was away.

        To be there is to be connected, and a member. A client goes on without receipts after `AWAY_SECONDS`.
        """
        came = any(message.put_at < at < message.left_at for at in self._links[person])
        came = came or any(
            message.put_at < back and message.left_at > absence.removing for absence, back in self._returns[person]
        )
        return came and any(
            away.left_at - away.put_at >= AWAY_SECONDS
            and away.put_at <= message.left_at
            and message.put_at <= away.left_at
            for away in self.sent[sender]
        )

    @cached_property
    def _links(self) -> Mapping[str, Sequence[float]]:
        return {
            person: [entry.at for entry in view if isinstance(entry, Linked)] for person, view in self.shown.items()
        }

    @cached_property
    def _returns(self) -> Mapping[str, Sequence[tuple[Absence, float]]]:
        """By person, each absence with when they were back for certain: something is stored that they wrote since."""
        return {
            person: [(each, self._back_at(person, each)) for each in self.absences.get(person, ())]
            for person in self.people
        }

    def _back_at(self, person: str, absence: Absence) -> float:
        since = (each for each in self.sent[person] if each.put_at > absence.added and not each.refused)
        return min((each.left_at for each in since), default=math.inf)

    def was_written_away(self, sender: str, message: Sent) -> bool:
        """Whether a message was written when its sender was no member for certain."""
        return any(
            absence.removed < message.put_at and message.put_at < absence.adding
            for absence in self.absences.get(sender, ())
        )

    def may_be_refused(self, sender: str, message: Sent) -> bool:
        """Whether a message was on its way at a time at which its sender may have been no member."""
        return any(
            message.put_at < absence.added and message.left_at > absence.removing
            for absence in self.absences.get(sender, ())
        )
