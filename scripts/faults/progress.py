"""How far a run has come: a line now and then, and how much was on its way whenever a fault struck."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

from scripts.faults.control import Standing

PROGRESS_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Flight:
    """What was in the outboxes when a fault struck, and of how many senders."""

    name: str
    messages: int
    senders: int


@dataclass
class Progress:
    """Where a run is. `standings` is asked for whenever somebody wants to know."""

    messages: int
    faults: int
    senders: int
    standings: Callable[[], Mapping[str, Standing]]
    began: float = field(default_factory=time.monotonic)
    struck: int = 0
    doing: str = "begins"
    flights: list[Flight] = field(default_factory=list)
    _then: float = 0.0
    _put: int = 0

    def note_strike(self, name: str) -> None:
        """Count a fault that is about to strike, and what is on its way."""
        standings = self.standings().values()
        waiting = [standing.waiting for standing in standings if standing.waiting]
        self.flights.append(Flight(name, sum(waiting), len(waiting)))
        self.struck += 1

    def line(self) -> str:
        """Write a line for people; the rate is since the line before."""
        standings, now = self.standings().values(), time.monotonic()
        put, waiting = sum(each.put for each in standings), sum(each.waiting for each in standings)
        rate = (put - self._put) / (now - (self._then or self.began))
        self._then, self._put = now, put
        return (
            f"{now - self.began:6.0f} s: {put - waiting} of {self.messages} stored, {rate:.0f}/s,"
            f" {waiting} on their way; {self.struck} of {self.faults} faults; {self.doing}"
        )


def flight_lines(flights: list[Flight], senders: int) -> list[str]:
    """Say how much the faults hit; nothing when there were none."""
    if not flights:
        return []
    messages = [flight.messages for flight in flights]
    hit = median(flight.senders for flight in flights) / senders
    nothing = sum(not count for count in messages)
    return [
        f"on their way at a strike, median: {median(messages):.0f} messages, of {hit:.0%} of the senders",
        f"on their way at a strike, fewest and most: {min(messages)}, {max(messages)}; {nothing} strikes hit none",
    ]


class Reporter:
    """Says a line every 30 s. Use as a context manager."""

    def __init__(self, progress: Progress, say: Callable[[str], None]) -> None:
        self._progress = progress
        self._say = say
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._report, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _report(self) -> None:
        while not self._ended.wait(PROGRESS_SECONDS):
            self._say(self._progress.line())
