"""The counting at the end of a run: from ledgers and the archive to numbers that have to be 0. Pure.

A message that was shown is shown again only where a kill fell between its showing and the client's record of it: the
next run of that client finds no record, cannot know, and says so in its ledger before anything else ("cut"). Such a
second showing is counted apart. It is excused only among the last `CUT_MOST` showings before the kill, which is as many
as the client shows before it records them: a client that recorded nothing would be found out.

Messages of one sender are shown in the order in which they were sent. Those of several come live in the broker's order,
which the archive's need not be; but what a client fetches, it shows in ascending numbers.

One order is not certain, as `docs/architecture.md` says: with the archive away, who was not connected for the first of
two messages, or no member, and for the second was, sees the first only when it can be fetched. Those are counted apart.
So is what somebody missed who came back and could not ask the REST service for it for as long as the client waits: they
were shown what came live meanwhile, and the client says so in its ledger.
What was stored while a member was gone has no place if it comes live, once more, after their return.

Who was removed need not be shown what they may not read, and may not be shown what was
sent while they were gone. What they wrote then is rejected: that is counted apart, and not lost. So is what they wrote
before, had published when they were cut off, and gave up when the broker refused it the next time: an archiver that was
away meanwhile may find it in its queue when they are a member again, and stores it.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scripts.faults.facts import Asked, Began, Cut, End, Entry, Row, Sent, Shown, Stray, Truth, Unasked

CUT_MOST = 1
"""Each message is recorded before the next is shown, one that came live and one of the feed alike."""
_OFFENDERS_MOST = 5
REFUSED = "rejected, of no member"
STORED_YET = "rejected, and stored yet"
SHOWN_LATE = "shown late"
SHOWN_UNASKED = "shown late, without REST"

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
    "read out of order",
    "delivered to someone else",
    "rejected without cause",
    "stored of no member",
    "refused by the archive",
    "dropped by the broker",
    "crashed without a fault",
    "traceback in a log",
    "client's command ended",
)


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
        (sender, message.id): (number, message)
        for sender, messages in truth.sent.items()
        for number, message in enumerate(messages, 1)
    }
    stored = _judge_archive(truth, known, verdict)
    _judge_sent(truth, known, stored, verdict)
    for person in truth.people:
        _judge_view(truth, person, known, stored, verdict)
    for person, pages in truth.paged.items():
        _judge_pages(truth, person, pages, known, verdict)
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


Identity = tuple[str, str]
Known = Mapping[Identity, tuple[int, Sent]]
Stored = Mapping[Identity, int]
"""The numbers of the messages that were stored."""


def _judge_archive(truth: Truth, known: Known, verdict: Verdict) -> Stored:
    stored: dict[Identity, int] = {}
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
        stored[identity] = row.seq
        number, message = known[identity]
        if message.digest != row.digest:
            verdict.add("stored with another body", where)
        if number < newest[row.sender]:
            verdict.add("stored out of order", f"{where}: number {number} after number {newest[row.sender]}")
        newest[row.sender] = max(number, newest[row.sender])
    verdict.counts["stored"] = len(stored)
    return stored


def _judge_sent(truth: Truth, known: Known, stored: Stored, verdict: Verdict) -> None:
    for (sender, id_), (number, message) in known.items():
        where = f"{id_} of {sender}, number {number}"
        is_stored = (sender, id_) in stored
        verdict.counts["sent"] += is_stored or not message.refused
        if not message.refused and not is_stored:
            verdict.add("lost", where)
        if message.refused and not truth.may_be_refused(sender, message):
            verdict.add("rejected without cause", where)
        if message.refused and is_stored and truth.was_written_away(sender, message):
            verdict.add("stored of no member", where)
        elif message.refused:
            verdict.counts[STORED_YET if is_stored else REFUSED] += 1


def _judge_view(truth: Truth, person: str, known: Known, stored: Stored, verdict: Verdict) -> None:
    seen: set[Identity] = set()
    readable = {identity for identity, seq in stored.items() if truth.may_read(person, seq)}
    order, excused = _Order(), _Excuses()
    for entry in truth.shown[person]:
        if isinstance(entry, Stray):
            verdict.add("delivered to someone else", f"{entry.what} to {person}")
        if not isinstance(entry, Shown):
            excused.note(entry)
            continue
        identity = (entry.sender, entry.id)
        excused.shown(identity)
        where = f"{entry.id} of {entry.sender} to {person}"
        if identity not in known or entry.conversation != truth.conversations[person]:
            verdict.add("delivered to someone else", where)
            continue
        number, message = known[identity]
        _judge_showing(truth, person, entry, message, verdict)
        if identity in seen:
            verdict.add("shown again after a kill" if excused.use(identity) else "shown twice", where)
        elif identity in readable or identity not in stored:
            wrong = order.wrong(entry, number)
            if wrong and (excuse := excused.late(truth, person, entry, message)):
                verdict.counts[excuse] += 1
            elif wrong:
                verdict.add("shown out of order", f"{where}: {wrong}")
        seen.add(identity)
    for sender, id_ in readable - seen:
        verdict.add("never shown", f"{id_} of {sender} to {person}")


def _judge_showing(truth: Truth, person: str, entry: Shown, message: Sent, verdict: Verdict) -> None:
    where = f"{entry.id} of {entry.sender} to {person}"
    if truth.was_kept_from(person, entry.sender, message):
        verdict.add("delivered to someone else", f"{where}, who was no member")
    if message.digest != entry.digest:
        verdict.add("shown with another body", where)


class _Order:
    """In which order messages were shown: those of a sender by their numbers, those that were fetched by seq."""

    def __init__(self) -> None:
        self._numbers: Counter[str] = Counter()
        self._seq = 0

    def wrong(self, entry: Shown, number: int) -> str | None:
        before, seq_before = self._numbers[entry.sender], self._seq
        self._numbers[entry.sender] = max(number, before)
        self._seq = max(entry.seq, seq_before)
        if number < before:
            return f"number {number} after number {before}"
        return f"seq {entry.seq} after seq {seq_before}" if 0 < entry.seq < seq_before else None


class _Excuses:
    """Which second showings a kill explains, and which late ones an archive or a REST service that was away."""

    def __init__(self) -> None:
        self._last: deque[Identity] = deque(maxlen=CUT_MOST)
        self._before: set[Identity] = set()
        self._cut: set[Identity] = set()
        self._is_unasked = False

    def note(self, entry: Entry) -> None:
        self._is_unasked = isinstance(entry, Unasked) or (self._is_unasked and not isinstance(entry, Asked))
        if isinstance(entry, Began):
            self._before = set(self._last)
        elif isinstance(entry, Cut) and (entry.sender, entry.id) in self._before:
            self._cut.add((entry.sender, entry.id))

    def shown(self, identity: Identity) -> None:
        self._last.append(identity)

    def late(self, truth: Truth, person: str, entry: Shown, message: Sent) -> str | None:
        """Name what explains that a message was shown after a later one: only if it was fetched."""
        if not entry.seq:
            return None
        if self._is_unasked:
            return SHOWN_UNASKED
        return SHOWN_LATE if truth.may_have_missed(person, entry.sender, message) else None

    def use(self, identity: Identity) -> bool:
        found = identity in self._cut
        self._cut.discard(identity)
        return found


def _judge_pages(truth: Truth, person: str, pages: Sequence[Row], known: Known, verdict: Verdict) -> None:
    read: set[int] = set()
    newest = 0
    for row in pages:
        where = f"seq {row.seq}, {row.id} of {row.sender}, on a page of {person}"
        if row.seq in read:
            verdict.add("read twice by a paging reader", where)
        elif row.seq < newest:
            verdict.add("read out of order", f"{where}: after seq {newest}")
        read.add(row.seq)
        newest = max(row.seq, newest)
        if (row.sender, row.id) not in known:
            verdict.add("delivered to someone else", where)
            continue
        _, message = known[row.sender, row.id]
        if not truth.may_read(person, row.seq) or truth.was_kept_from(person, row.sender, message):
            verdict.add("delivered to someone else", f"{where}, who was no member")
        if message.digest != row.digest:
            verdict.add("shown with another body", where)
    for row in truth.archive:
        if row.seq not in read and truth.may_read(person, row.seq):
            verdict.add("skipped by a paging reader", f"seq {row.seq}, {row.id} of {row.sender}, by {person}")
