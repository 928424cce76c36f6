"""What a group of figures is measured with: real parts, fresh and its own."""

import itertools
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.stacks import LiveStack, PlainBroker


@dataclass(frozen=True)
class Bench:
    """`rounds` is how often a figure and its ceiling are measured in turn; `quick` asks for short measurements."""

    directory: Path
    quick: bool
    rounds: int
    say: Callable[[str], None]
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def scaled(self, full: int, quick: int) -> int:
        """Choose an amount: how many messages, say."""
        return quick if self.quick else full

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
