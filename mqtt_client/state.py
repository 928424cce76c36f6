"""The session's decisions, apart from input and output: what to send when, what to show once, when to ask again.

Times are seconds of one monotonic clock, passed in.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field

RESEND_FIRST = 5.0
RESEND_MOST = 60.0
SYNC_SECONDS = 60.0
"""Between two looks at the feed when nothing calls for one: a receipt may be lost, and then nothing else tells of a
message that did not come live."""
SHOWN_MOST = 20_000
"""How many messages are remembered as shown, of those that the feed has passed."""
UNSTORED_MOST = 100_000
"""How many are remembered that were shown live and have not been in the feed: each may still come."""
UNSETTLED_SECONDS = RESEND_FIRST + 2.0
"""After a connection was opened: what was published before it and stored since is made known by then, by a receipt
that is gathered for a second, or comes again."""
_SENT_IN_VAIN = 2
_NEVER = float("inf")


def resend_delay(sent: int) -> float:
    """Say how long to wait for a receipt after a message was sent for the `sent`-th time: 5, 10, 20, 40, 60, 60 …"""
    return float(min(RESEND_MOST, RESEND_FIRST * 2 ** min(sent - 1, 10)))


def backoff(failures: int, random: Callable[[], float]) -> float:
    """Say how long to wait before the next try to connect: doubling to 30 s, each cut by up to half by chance."""
    return float(min(30.0, 0.25 * 2 ** min(failures - 1, 10)) * (1 - random() / 2))


@dataclass(slots=True)
class _Line:
    """One conversation's part of the outbox, oldest first: what was published on this connection, then the rest."""

    published: OrderedDict[str, None] = field(default_factory=OrderedDict)
    rest: OrderedDict[str, None] = field(default_factory=OrderedDict)
    in_flight: str | None = None
    sent: int = 0
    due: float = 0.0
    refusals: int = 0
    not_before: float = 0.0
    inherited: bool = False

    @property
    def head(self) -> str | None:
        """The oldest message without a receipt."""
        return next(iter(self.published or self.rest), None)

    @property
    def archive_is_away(self) -> bool:
        """Whether the head was published in vain often enough for the rest to go on without its receipt."""
        return self.sent >= _SENT_IN_VAIN

    def next_due(self) -> float:
        """Say when something is to be published: the head again, or what may follow it."""
        if self.in_flight or self.head is None:
            return _NEVER
        may_follow = self.rest and (not self.published or self.archive_is_away)
        return max(self.not_before, 0.0 if may_follow else self.due)

    def begin(self, now: float) -> str | None:
        """Choose what is to be published now, if anything: the head when it is due, else what may follow it."""
        if self.next_due() > now:
            return None
        if self.published and self.due <= now and self.inherited:
            # The archive answered what came before and not this: what was published after it is in doubt too.
            self.rest = OrderedDict.fromkeys([*self.published, *self.rest])
            self.published.clear()
            self.sent, self.inherited = 0, False
        self.in_flight = self.head if self.due <= now else next(iter(self.rest))
        return self.in_flight

    def land(self, id_: str, now: float, *, acknowledged: bool) -> None:
        """Take the broker's answer to the publication in flight."""
        self.in_flight = None
        self.refusals = 0 if acknowledged else self.refusals + 1
        self.not_before = 0.0 if acknowledged else now + resend_delay(self.refusals)
        if not acknowledged:
            return
        if id_ == self.head:
            self.sent += 1
            self.due = now + resend_delay(self.sent)
            self.inherited = False
        if id_ in self.rest:
            del self.rest[id_]
            self.published[id_] = None

    def remove(self, id_: str, now: float) -> None:
        """Take out what the archive has answered. The strict order holds again for a new head."""
        was_head = id_ == self.head
        for part in (self.published, self.rest):
            part.pop(id_, None)
        if was_head:
            self.inherited = bool(self.published)
            self.sent, self.due = (1, now + resend_delay(1)) if self.inherited else (0, 0.0)


class SendPlan:
    """Which messages of the outbox to publish now, on one connection; another connection begins with another plan.

    A conversation's oldest message without a receipt, its head, is the only one on its way until its receipt comes: a
    PUBACK proves nothing, and a later message shall not be stored before an earlier one. A head that was published
    twice without a receipt says that the archive is away. Then the rest follows, in order, each after the PUBACK of
    the one before, so that chat goes on; only the head is published again and again. With its receipt the strict rule
    is back.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lines: dict[str, _Line] = {}
        self._conversations: dict[str, str] = {}
        self._in_flight: dict[str, str] = {}

    def add(self, id_: str, conversation: str) -> None:
        """Take what came into the outbox, after what was there before."""
        if id_ not in self._conversations:
            self._conversations[id_] = conversation
            self._lines.setdefault(conversation, _Line()).rest[id_] = None

    def remove(self, ids: Iterable[str], now: float) -> None:
        """Take out what has left the outbox; ids that are not there are ignored."""
        for id_ in ids:
            conversation = self._conversations.pop(id_, None)
            if conversation is not None:
                self._lines[conversation].remove(id_, now)
                self._sweep(conversation)

    def due(self, now: float) -> list[str]:
        """List the ids to publish now. Each is in flight until `acknowledged` or `failed`."""
        chosen = {id_: name for name, line in self._lines.items() if (id_ := line.begin(now))}
        self._in_flight.update(chosen)
        return list(chosen)

    def acknowledged(self, id_: str, now: float) -> None:
        """Note the PUBACK."""
        self._land(id_, now, acknowledged=True)

    def failed(self, id_: str, now: float) -> None:
        """Note that the broker refused the publication; the conversation waits, and begins with it again."""
        self._land(id_, now, acknowledged=False)

    def next_due(self) -> float:
        """Say when to look again, if nothing happens before."""
        return min((line.next_due() for line in self._lines.values()), default=_NEVER)

    def _land(self, id_: str, now: float, *, acknowledged: bool) -> None:
        conversation = self._in_flight.pop(id_)
        self._lines[conversation].land(id_, now, acknowledged=acknowledged)
        self._sweep(conversation)

    def _sweep(self, conversation: str) -> None:
        line = self._lines[conversation]
        if line.head is None and line.in_flight is None:
            del self._lines[conversation]


@dataclass(slots=True)
class SyncPlan:
    """When to ask REST for everything after the cursor."""

    _due: float = 0.0
    _failures: int = 0

    def want(self, at: float) -> None:
        """Ask at that time, unless it is to happen earlier already."""
        self._due = min(self._due, at)

    def is_due(self, now: float) -> bool:
        """Say whether to ask now."""
        return self._due <= now

    def asked(self) -> None:
        """Note that the server is being asked; what is wanted from now on is another question."""
        self._due = _NEVER

    def wait(self, now: float) -> float:
        """Say for how many seconds nothing is to be asked."""
        return max(0.0, self._due - now)

    def done(self, now: float) -> None:
        """Note that everything has been told; look again in a minute, whatever happens."""
        self._due, self._failures = min(self._due, now + SYNC_SECONDS), 0

    def failed(self, now: float, random: Callable[[], float]) -> bool:
        """Note that the server could not be asked; say whether it is the first time in a row."""
        self._failures += 1
        self._due = min(self._due, now + max(1.0, backoff(self._failures, random)))
        return self._failures == 1


class Seen:
    """Identities that were shown, so that each is shown once.

    What the feed has passed comes back only if its sender missed the receipt, so the newest of these are kept. What
    was shown live and has not been in the feed yet is sure to come back, so far more of those are kept.
    """

    def __init__(
        self, shown: Iterable[tuple[Hashable, bool]] = (), stored: int = SHOWN_MOST, unstored: int = UNSTORED_MOST
    ) -> None:
        """Begin with those shown before, oldest first, each with whether the feed has passed it; bound both kinds."""
        self._stored = _Newest(stored)
        self._unstored = _Newest(unstored)
        for identity, is_stored in shown:
            (self._stored if is_stored else self._unstored).add(identity)

    def add(self, identity: Hashable) -> bool:
        """Note an identity; say whether it is new."""
        if identity in self:
            return False
        self._unstored.add(identity)
        return True

    def store(self, identity: Hashable) -> None:
        """Note that the feed has passed it."""
        self._unstored.discard(identity)
        self._stored.add(identity)

    def is_unstored(self, identity: Hashable) -> bool:
        """Say whether it was shown, and the feed has not passed it."""
        return identity in self._unstored

    def __contains__(self, identity: Hashable) -> bool:
        return identity in self._unstored or identity in self._stored


class _Newest:
    """A set that forgets its oldest."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._identities: OrderedDict[Hashable, None] = OrderedDict()

    def add(self, identity: Hashable) -> None:
        self._identities[identity] = None
        if len(self._identities) > self._most:
            self._identities.popitem(last=False)

    def discard(self, identity: Hashable) -> None:
        self._identities.pop(identity, None)

    def __contains__(self, identity: Hashable) -> bool:
        return identity in self._identities
