"""The session's decisions, apart from input and output: what to send when, what to show once, when to ask again.

Times are seconds of one monotonic clock, passed in.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field

RESEND_FIRST = 5.0
RESEND_MOST = 60.0
SYNC_SECONDS = 60.0
"""Between two looks at the feed when nothing calls for one: a receipt may be lost, and then nothing else tells of a
message that did not come live."""
SHOWN_MOST = 20_000
"""How many shown messages are remembered."""
_NEVER = float("inf")


def resend_delay(sent: int) -> float:
    """Say how long to wait for a receipt after a message was sent for the `sent`-th time: 5, 10, 20, 40, 60, 60 …"""
    return float(min(RESEND_MOST, RESEND_FIRST * 2 ** min(sent - 1, 10)))


def backoff(failures: int, random: Callable[[], float]) -> float:
    """Say how long to wait before the next try to connect: doubling to 30 s, each cut by up to half by chance."""
    return float(min(30.0, 0.25 * 2 ** min(failures - 1, 10)) * (1 - random() / 2))


@dataclass(slots=True)
class _Sending:
    conversation: str
    sent: int = 0
    in_flight: bool = False
    acknowledged: bool = False
    due: float = 0.0


@dataclass(slots=True)
class SendPlan:
    """Which messages of the outbox to publish now, on one connection.

    Messages of one conversation leave in their order: the next one only after the PUBACK of the one before.
    """

    _all: dict[str, _Sending] = field(default_factory=dict)

    def follow(self, outbox: Sequence[tuple[str, str]]) -> None:
        """Take over what the outbox holds: (id, conversation), oldest first."""
        self._all = {id_: self._all.get(id_) or _Sending(conversation) for id_, conversation in outbox}

    def due(self, now: float) -> list[str]:
        """List the ids to publish now, and count them as in flight until `acknowledged` or `failed`."""
        blocked = {sending.conversation for sending in self._all.values() if sending.in_flight}
        chosen = []
        for id_, sending in self._all.items():
            if sending.conversation not in blocked and sending.due <= now:
                chosen.append(id_)
                sending.in_flight = True
            if sending.in_flight or not sending.acknowledged:
                blocked.add(sending.conversation)
        return chosen

    def acknowledged(self, id_: str, now: float) -> None:
        """Note the PUBACK; without a receipt the message is due again later."""
        self._landed(id_, now, acknowledged=True)

    def failed(self, id_: str, now: float) -> None:
        """Note that the broker refused the publication; it is due again later."""
        self._landed(id_, now, acknowledged=False)

    def next_due(self) -> float:
        """Say when to look again: the earliest time at which something not in flight is due."""
        waiting = (sending.due for sending in self._all.values() if not sending.in_flight)
        return min(waiting, default=_NEVER)

    def _landed(self, id_: str, now: float, *, acknowledged: bool) -> None:
        sending = self._all.get(id_)
        if sending is None:
            return
        sending.in_flight = False
        sending.acknowledged = sending.acknowledged or acknowledged
        sending.sent += 1
        sending.due = now + resend_delay(sending.sent)


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

    def wait(self, now: float) -> float:
        """Say for how many seconds nothing is to be asked."""
        return max(0.0, self._due - now)

    def done(self, now: float) -> None:
        """Note that everything has been told; look again in a minute, whatever happens."""
        self._due, self._failures = now + SYNC_SECONDS, 0

    def failed(self, now: float, random: Callable[[], float]) -> bool:
        """Note that the server could not be asked; say whether it is the first time in a row."""
        self._failures += 1
        self._due = now + max(1.0, backoff(self._failures, random))
        return self._failures == 1


class Seen:
    """The newest identities that were met, so that each is shown once."""

    def __init__(self, identities: Iterable[Hashable] = (), most: int = SHOWN_MOST) -> None:
        """Begin with those met before, oldest first; bound how many are kept."""
        self._most = most
        self._identities: OrderedDict[Hashable, None] = OrderedDict.fromkeys(identities)

    def add(self, identity: Hashable) -> bool:
        """Note an identity; say whether it is new."""
        if identity in self._identities:
            return False
        self._identities[identity] = None
        if len(self._identities) > self._most:
            self._identities.popitem(last=False)
        return True

    def __contains__(self, identity: Hashable) -> bool:
        return identity in self._identities
