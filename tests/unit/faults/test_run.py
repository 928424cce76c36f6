"""From when on a run counts the seconds until every outbox is empty."""

import threading
import time
from pathlib import Path
from typing import cast

from scripts.faults.control import Orders, Standing
from scripts.faults.crashes import LogWatch
from scripts.faults.keeper import Keeper
from scripts.faults.people import Person, Places
from scripts.faults.progress import Progress
from scripts.faults.run import Run
from scripts.faults.schedule import Round, Step
from scripts.faults.world import World

ANNA = Person("anna", "bert", "client-0", 0)


class SlowWorld:
    """One person who has sent everything, and a REST service that is ready at the third look."""

    def __init__(self, root: Path) -> None:
        self.places = Places(root)
        self.programs: dict[str, Path] = {}
        self.halted = threading.Event()
        self.keeper = Keeper()
        self.people = [ANNA]
        self.clients = [ANNA.client]
        self.orders = Orders()
        self.set_right_at = 0.0
        self._looks = 0

    def order(self, orders: Orders) -> None:
        """Take orders; note when a clock was set."""
        if orders.clocks != self.orders.clocks:
            self.set_right_at, self._looks = time.monotonic(), 0
        self.orders = orders

    def standings(self) -> dict[str, Standing]:
        """Say that nothing is left."""
        return {ANNA.name: Standing(time.monotonic(), 0, 0, 0, 0.0, 0)}

    def part(self, _name: str) -> "SlowWorld":
        """Stand in for the REST service."""
        return self

    def ready(self) -> bool:
        """Say no at first."""
        self._looks += 1
        return self._looks > 2

    def dropped(self) -> int:
        """Say that nothing was dropped."""
        return 0


def test_the_way_back_after_the_last_fault_counts(tmp_path: Path) -> None:
    rounds = [Round((Step(1, "clock", "client", 0, 0.0, 0.0),), 0.0, is_busy=False)]
    run = Run(1, 1, rounds, time.monotonic() + 60, isolated=True, say=lambda _: None)
    world = SlowWorld(tmp_path)
    progress = Progress(0, 1, 1, world.standings)
    run._let_strike(cast("World", world), progress, LogWatch(lambda _: False))  # what does not need a server
    flowed = time.monotonic()
    assert world.set_right_at <= run.healed < flowed - 0.1
