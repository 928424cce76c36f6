"""What a group of figures is measured with: real parts, fresh and its own."""

import itertools
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from benchmarks.cpu import StolenTime
from benchmarks.stacks import LiveStack, PlainBroker

Measured = TypeVar("Measured")

DISTURBED: Final = 0.02
"""Share of the cores' time given to others by the machine's host, from which on a measurement is made again."""
ATTEMPTS: Final = 5


@dataclass(frozen=True)
class Bench:
    """`rounds` is how often a figure and its ceiling are measured in turn; `quick` asks for short measurements.

    `disturbed` has how much of the cores' time the host gave to others during each measurement that was kept.
    """

    directory: Path
    quick: bool
    rounds: int
    say: Callable[[str], None]
    stolen: Callable[[], StolenTime] = StolenTime
    disturbed: list[float] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def scaled(self, full: int, quick: int) -> int:
        """Choose an amount: how many messages, say."""
        return quick if self.quick else full

    def each_round(self, measure: Callable[[], Measured], turns: int = 1) -> list[Measured]:
        """Measure once a round, or so many times."""
        return [self.undisturbed(measure) for _ in range(turns * self.rounds)]

    def undisturbed(self, measure: Callable[[], Measured]) -> Measured:
        """Measure, and again if the host gave the cores to others meanwhile; keep what was disturbed least.

        Which is kept does not depend on what was measured. A machine that is never left alone is measured disturbed.
        """
        least, kept = self._watched(measure)
        for _ in range(0 if self.quick else ATTEMPTS - 1):
            if least < DISTURBED:
                break
            self.say(f"   again, since the host gave {least:.0%} of the cores' time to others at best")
            share, measured = self._watched(measure)
            if share < least:
                least, kept = share, measured
        self.disturbed.append(least)
        return kept

    def _watched(self, measure: Callable[[], Measured]) -> tuple[float, Measured]:
        stolen = self.stolen()
        measured = measure()
        return stolen.share(), measured

    def scratch(self) -> Path:
        """Make another empty directory."""
        path = self.directory / str(next(self._numbers))
        path.mkdir()
        return path

    @contextmanager
    def stack(
        self, settings: Mapping[str, str] | None = None, parts: Iterable[str] | None = None
    ) -> Iterator[LiveStack]:
        """Run a fresh stack, or some parts of one: an empty database, a broker without sessions.

        Afterwards its data is removed. Raises BenchmarkError if the broker has dropped a message meanwhile.
        """
        state = self.scratch()
        stack = LiveStack(state, settings)
        try:
            stack.start(parts)
            yield stack
            stack.demand_nothing_dropped()
        finally:
            stack.stop()
            shutil.rmtree(state / "postgres" / "data", ignore_errors=True)  # the logs stay until the end

    @contextmanager
    def plain_broker(self) -> Iterator[PlainBroker]:
        """Run a broker without the plugin. Raises BenchmarkError if it has dropped a message at the end."""
        broker = PlainBroker(self.scratch())
        try:
            broker.start()
            yield broker
            broker.demand_nothing_dropped()
        finally:
            broker.stop()
