"""What the broker holds, seen through its own counters: whether messages pile up before any is dropped. No I/O.

A broker tells nobody how long one client's queue is. But it holds each message once, for however many clients, so all
that it holds is an upper bound of what waits for an archiver. It counts as dropped what it had for any client and could
not keep: for one that is away and whose queue is full, and also QoS 0 for one that reads too slowly.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

NEAR: Final = 0.5
"""This part of a limit held is near it: what takes as long again to fill leaves time to act."""
CALM: Final = 0.4
"""Below this part it is so no more; lower than `NEAR`, so that a load in between is not said again and again."""
DROPPED_SECONDS: Final = 600.0
"""How long a drop counts. The counter itself never goes back."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """What may wait for one client at the broker."""

    messages: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Held:
    """What the broker said last; None is not known. Bytes are those of bodies, retained ones too."""

    messages: int | None = None
    bytes: int | None = None
    dropped: int | None = None


class Backlog:
    """Follows the broker's counters, and says once when something is wrong and once when it is over.

    Counters come from one thread, questions from others. `speaks` tells whether this process is the one of several that
    writes to the log; it is asked only when there is something to say.
    """

    def __init__(self, limits: QueueLimits, clock: Callable[[], float], speaks: Callable[[], bool]) -> None:
        """Take a monotonic clock, in seconds."""
        self.limits = limits
        self._clock = clock
        self._speaks = speaks
        self._lock = threading.Lock()
        self._counted: dict[str, int] = {}
        self._dropped_at: float | None = None
        self._wrong: dict[str, str] = {}

    @property
    def held(self) -> Held:
        """What the broker holds for its clients: not what it keeps as retained."""
        counted = self._counted
        messages = counted.get("messages")
        known = None if messages is None else max(0, messages - counted.get("retained", 0))
        return Held(known, counted.get("bytes"), counted.get("dropped"))

    def count(self, name: str, value: int, *, is_news: bool) -> None:
        """Take a counter, one of `wire.topics.BROKER_COUNTERS`; `is_news` when it has just changed."""
        with self._lock:
            # The broker forgets a counter that does not change, so the first that we hear of may be a change.
            before = self._counted.get(name, 0 if is_news else value)
            self._counted = {**self._counted, name: value}
            if name == "dropped" and value > before:
                self._dropped_at = self._clock()
            self._look()

    def forget(self) -> None:
        """Forget the counters: the connection to the broker has ended."""
        with self._lock:
            self._counted = {}

    def reason(self) -> str | None:
        """Say what is wrong, in one line for people; None when nothing is."""
        with self._lock:
            self._look()
            return "; ".join(self._wrong.values()) or None

    def _look(self) -> None:
        held, before = self.held, self._wrong
        found = {
            "messages": self._near("messages", held.messages, self.limits.messages),
            "bytes": self._near("bytes", held.bytes, self.limits.bytes, "bytes"),
            "dropped": self._dropped(),
        }
        if not self._counted:
            return
        self._wrong = {name: said for name, said in found.items() if said}
        for name in self._wrong.keys() - before.keys():
            self._say(logging.WARNING, self._wrong[name])
        if before and not self._wrong:
            self._say(logging.INFO, "the broker holds little again, and has dropped nothing lately")

    def _near(self, name: str, held: int | None, limit: int, unit: str = "messages") -> str | None:
        if held is None:
            return self._wrong.get(name)
        if held < limit * (CALM if name in self._wrong else NEAR):
            return None
        return f"the broker holds {held} {unit} of {limit} that may wait for an archiver: is its database away?"

    def _dropped(self) -> str | None:
        if self._dropped_at is None or self._clock() - self._dropped_at > DROPPED_SECONDS:
            return None
        counted = self._counted.get("dropped")  # not known over a new connection, and 0 from a broker that started anew
        return "the broker has dropped messages" + (f", {counted} since its start" if counted else "")

    def _say(self, level: int, line: str) -> None:
        if self._speaks():
            _LOG.log(level, "%s", line)
