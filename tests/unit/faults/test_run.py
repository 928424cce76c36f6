"""What a run counts: seconds until every outbox is empty, and what the broker has dropped until it is killed."""

import sys
import threading
import time
from pathlib import Path
from typing import cast

import pytest

from scripts.faults.control import Orders, Standing
from scripts.faults.crashes import LogWatch
from scripts.faults.errors import FaultsError
from scripts.faults.injuries import make_injury
from scripts.faults.keeper import Job, Keeper
from scripts.faults.people import Person, Places
from scripts.faults.progress import Progress
from scripts.faults.run import OUTBOX_SECONDS, Run
from scripts.faults.schedule import Round, Step
from scripts.faults.world import World
from scripts.stack.process import Command, Process

ANNA = Person("anna", ("bert",), "client-0", 0)


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
        self.ordered_at = 0.0
        self._looks = 0

    def order(self, orders: Orders) -> None:
        """Take orders; note when a clock was set."""
        if orders.clocks != self.orders.clocks:
            self.set_right_at, self._looks = time.monotonic(), 0
        self.orders = orders
        self.ordered_at = time.monotonic()

    def standings(self) -> dict[str, Standing]:
        """Say that nothing is left."""
        return {ANNA.name: Standing(time.monotonic(), 0, 0, 0, 0.0, 0)}

    def part(self, _name: str) -> "SlowWorld":
        """Stand in for the REST service."""
        return self

    def process(self, name: str) -> Process:
        """Return the process that the keeper keeps."""
        return self.keeper.process(name)

    def ready(self) -> bool:
        """Say no at first."""
        self._looks += 1
        return self._looks > 2

    def dropped(self, _seconds: float = 5.0) -> int:
        """Say that nothing was dropped."""
        return 0

    def start_broker(self) -> int:
        """Start something that can be killed as the broker is; return its process id."""
        command = Command(
            "broker", [sys.executable, "-c", "import time; time.sleep(60)"], self.places.root / "broker.log"
        )
        return self.keeper.start(Job("broker", lambda: command)).pid


class DroppingWorld(SlowWorld):
    """Its first broker drops three messages a while after its round began, and none before."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.first = self.start_broker()
        self.drops_at = time.monotonic() + 0.5

    def dropped(self, _seconds: float = 5.0) -> int:
        """Count as the broker does: anew with each start."""
        struck = self.keeper.was_struck(self.first)  # asked first: it is forgotten once the process has ended
        lives = self.process("broker").pid == self.first and self.keeper.running("broker")
        return 3 if lives and not struck and time.monotonic() > self.drops_at else 0


CLOCK = Step(1, "clock", "client", 0, 0.0, 0.0)


def run_of(*steps: Step, isolated: bool = True) -> Run:
    """Make a run with a round for each step."""
    rounds = [Round((step,), 0.0, is_busy=False) for step in steps]
    return Run(1, 1, rounds, time.monotonic() + 60, isolated=isolated, say=lambda _: None)


def strike(run: Run, world: SlowWorld) -> None:
    """Let the faults of a run strike."""
    progress = Progress(0, len(run.rounds), 1, world.standings)
    run._let_strike(cast("World", world), progress, LogWatch(lambda _: False))  # what does not need a server


def test_the_way_back_after_the_last_fault_counts(tmp_path: Path) -> None:
    run, world = run_of(CLOCK), SlowWorld(tmp_path)
    strike(run, world)
    flowed = time.monotonic()
    assert world.set_right_at <= run.healed < flowed - 0.1


def test_a_last_round_whose_fault_is_left_out_counts_from_when_it_would_have_struck(tmp_path: Path) -> None:
    run, world = run_of(CLOCK, Step(2, "cut", "client", 0, 0.0, 20.0), isolated=False), SlowWorld(tmp_path)
    strike(run, world)
    assert [step.name for step in run.skipped] == ["cut client"]
    assert run.healed >= world.ordered_at, "its share was sent after the fault before it"


@pytest.mark.parametrize(("ago", "is_in_time"), [(1.0, True), (OUTBOX_SECONDS + 1, False)])
def test_outboxes_that_were_empty_too_late_are_a_failure_also_when_nobody_looked_before(
    tmp_path: Path, ago: float, is_in_time: bool
) -> None:
    run = run_of(CLOCK)
    run.healed = time.monotonic() - ago
    seconds = run._let_finish(cast("World", SlowWorld(tmp_path)))
    if is_in_time:
        assert seconds is not None
        assert ago <= seconds < OUTBOX_SECONDS
        assert run.failures == []
    else:
        assert seconds is None
        assert run.failures[0].startswith("not in time: every outbox was empty only 6")


def test_what_the_broker_drops_until_it_is_killed_is_counted_however_late_in_a_round(tmp_path: Path) -> None:
    world = DroppingWorld(tmp_path)
    run = run_of(Step(1, "kill", "broker", 0, 1.0, 0.0))
    with world.keeper:
        strike(run, world)
        assert world.keeper.crashes == []
    assert run.drops.total == 3


def test_a_fault_that_finds_no_process_ends_when_the_run_is_given_up(tmp_path: Path) -> None:
    world = SlowWorld(tmp_path)
    with world.keeper:
        world.start_broker()
        world.halted.set()
        (kill,) = make_injury(cast("World", world), Step(1, "kill", "broker", 0, 0.0, 0.0)).phases()
        with world.keeper.held_down("broker") as broker:
            broker.kill()
            began = time.monotonic()
            with pytest.raises(FaultsError, match="given up"):
                kill()
    assert time.monotonic() < began + 10
