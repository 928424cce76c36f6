"""The counting at the end of a run: from ledgers and the archive to numbers that have to be 0. Pure.

A message that was shown is shown again only where a kill fell between its showing and the client's record of it: the
next run of that client finds no record, cannot know, and says so in its ledger before anything else ("cut"). Such a
second showing is counted apart. It is excused only among the last `CUT_MOST` showings before the kill, which is as many
as the client shows before it records them: a client that recorded nothing would be found out.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

CUT_MOST = 1
"""Each message is recorded before the next is shown, one that came live and one of the feed alike."""
_OFFENDERS_MOST = 5

MUST_BE_ZERO = (
    "lost",
    "stored twice",
    "stored but never sent",
    "stored with another body",
    "stored out of order",
    "shown twice",
    "shown out of order",
    "never shown",
    "shown with another body",
    "skipped by a paging reader",
    "read twice by a paging reader",
    "delivered to someone else",
    "refused by the archive",
    "dropped by the broker",
    "crashed without a fault",
    "traceback in a log",
    "client's command ended",
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that its sender put into its outbox."""

    id: str
    digest: str


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
    """A client showed a message, in the conversation with `other`."""

    other: str
    sender: str
    id: str
    digest: str


@dataclass(frozen=True, slots=True)
class Stray:
    """A client's connection brought something that is not its user's."""

    what: str


@dataclass(frozen=True, slots=True)
class End:
    """A person's command ended by itself: `ended`, or `not begun` because the server was out of reach at its start."""

    kind: str
    person: str
    error: str


View = Sequence[Began | Cut | Shown | Stray]


@dataclass(frozen=True)
class Truth:
    """All that is known of one conversation of two people.

    `sent` and `shown` by person, in order; `archive` ascending; `paged` is what each paging reader got, in order.
    """

    people: tuple[str, str]
    sent: Mapping[str, Sequence[Sent]]
    archive: Sequence[Row]
    shown: Mapping[str, View]
    paged: Sequence[Sequence[Row]]


@dataclass
class Verdict:
    """How many of each kind, and the first offenders by name."""

    counts: Counter[str] = field(default_factory=Counter)
    offenders: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, offender: str) -> None:
        """Count one."""
        self.counts[kind] += 1
        named = self.offenders.setdefault(kind, [])
        if len(named) < _OFFENDERS_MOST:
            named.append(offender)

    def merge(self, other: "Verdict") -> None:
        """Count what was found in another conversation too."""
        self.counts.update(other.counts)
        for kind, named in other.offenders.items():
            mine = self.offenders.setdefault(kind, [])
            mine += named[: _OFFENDERS_MOST - len(mine)]

    @property
    def bad(self) -> list[str]:
        """Name the kinds that should be 0 and are not."""
        return [kind for kind in MUST_BE_ZERO if self.counts[kind]]


def judge(truth: Truth) -> Verdict:
    """Count one conversation."""
    verdict = Verdict()
    known = {
        (sender, message.id): (number, message.digest)
        for sender, messages in truth.sent.items()
        for number, message in enumerate(messages, 1)
    }
    verdict.counts["sent"] = len(known)
    stored = _judge_archive(truth, known, verdict)
    for person in truth.people:
        _judge_view(truth, person, known, stored, verdict)
    for pages in truth.paged:
        _judge_pages(truth, pages, known, verdict)
    return verdict


def judge_ends(ends: Iterable[End]) -> Verdict:
    """Count the commands that ended by themselves; those that could not begin are no fault of theirs."""
    verdict = Verdict()
    for end in ends:
        if end.kind == "not begun":
            verdict.counts["command not begun"] += 1
        else:
            verdict.add("client's command ended", f"{end.person}: {end.error}")
    return verdict


Known = Mapping[tuple[str, str], tuple[int, str]]


def _judge_archive(truth: Truth, known: Known, verdict: Verdict) -> set[tuple[str, str]]:
    stored: set[tuple[str, str]] = set()
    newest: Counter[str] = Counter()
    for row in truth.archive:
        identity = (row.sender, row.id)
        where = f"{row.id} of {row.sender}, seq {row.seq}"
        if identity not in known:
            verdict.add("stored but never sent", where)
            continue
        if identity in stored:
            verdict.add("stored twice", where)
            continue
        stored.add(identity)
        number, digest = known[identity]
        if digest != row.digest:
            verdict.add("stored with another body", where)
        if number < newest[row.sender]:
            verdict.add("stored out of order", f"{where}: number {number} after number {newest[row.sender]}")
        newest[row.sender] = max(number, newest[row.sender])
    verdict.counts["stored"] = len(stored)
    for (sender, id_), (number, _) in known.items():
        if (sender, id_) not in stored:
            verdict.add("lost", f"{id_} of {sender}, number {number}")
    return stored


def _judge_view(truth: Truth, person: str, known: Known, stored: Iterable[tuple[str, str]], verdict: Verdict) -> None:
    (other,) = set(truth.people) - {person}
    seen: set[tuple[str, str]] = set()
    newest: Counter[str] = Counter()
    excused = _Excuses()
    for entry in truth.shown[person]:
        if isinstance(entry, Stray):
            verdict.add("delivered to someone else", f"{entry.what} to {person}")
        if not isinstance(entry, Shown):
            excused.note(entry)
            continue
        identity = (entry.sender, entry.id)
        excused.shown(identity)
        where = f"{entry.id} of {entry.sender} to {person}"
        if identity not in known or entry.other != other:
            verdict.add("delivered to someone else", where)
            continue
        number, digest = known[identity]
        if digest != entry.digest:
            verdict.add("shown with another body", where)
        if identity in seen:
            verdict.add("shown again after a kill" if excused.use(identity) else "shown twice", where)
            continue
        seen.add(identity)
        if number < newest[entry.sender]:
            verdict.add("shown out of order", f"{where}: number {number} after number {newest[entry.sender]}")
        newest[entry.sender] = max(number, newest[entry.sender])
    for sender, id_ in stored:
        if (sender, id_) not in seen:
            verdict.add("never shown", f"{id_} of {sender} to {person}")


class _Excuses:
    """Which second showings a kill explains."""

    def __init__(self) -> None:
        self._last: deque[tuple[str, str]] = deque(maxlen=CUT_MOST)
        self._before: set[tuple[str, str]] = set()
        self._cut: set[tuple[str, str]] = set()

    def note(self, entry: Began | Cut | Stray) -> None:
        if isinstance(entry, Began):
            self._before = set(self._last)
        elif isinstance(entry, Cut) and (entry.sender, entry.id) in self._before:
            self._cut.add((entry.sender, entry.id))

    def shown(self, identity: tuple[str, str]) -> None:
        self._last.append(identity)

    def use(self, identity: tuple[str, str]) -> bool:
        found = identity in self._cut
        self._cut.discard(identity)
        return found


def _judge_pages(truth: Truth, pages: Sequence[Row], known: Known, verdict: Verdict) -> None:
    read: set[int] = set()
    for row in pages:
        where = f"seq {row.seq}, {row.id} of {row.sender}, on a page of {truth.people[0]} and {truth.people[1]}"
        if row.seq in read:
            verdict.add("read twice by a paging reader", where)
        read.add(row.seq)
        if (row.sender, row.id) not in known:
            verdict.add("delivered to someone else", where)
        elif known[row.sender, row.id][1] != row.digest:
            verdict.add("shown with another body", where)
    for row in truth.archive:
        if row.seq not in read:
            verdict.add("skipped by a paging reader", f"seq {row.seq}, {row.id} of {row.sender}")
