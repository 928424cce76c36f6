"""What can be done to the parts: one class for each kind of fault."""

import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

import psutil

from scripts.faults.errors import FaultsError
from scripts.faults.removal import Removal
from scripts.faults.schedule import Step
from scripts.faults.world import CUT_CLIENT, World

_HOUR = 3600.0
_EFFECT_SECONDS = 30.0
_POLL_SECONDS = 0.05
_RUNNING_SECONDS = 30.0


class Injury(Protocol):
    """A fault. `phases` strikes; each of its steps ends with a repair, from which on everything has to work again."""

    def phases(self) -> Sequence[Callable[[], None]]:
        """List what is done, one after the other; after each, receipts have to flow again."""


class Kill:
    """kill -9 of one process; what it leaves behind is its own affair."""

    def __init__(self, world: World, step: Step) -> None:
        self._world = world
        self._step = step

    def phases(self) -> Sequence[Callable[[], None]]:
        """Kill."""
        return [self._kill]

    def _kill(self) -> None:
        process = _victim(self._world, self._step)
        self._world.keeper.strike(process.pid)
        with suppress(psutil.NoSuchProcess):
            process.kill()


class Freeze:
    """SIGSTOP of a part and all its processes, SIGCONT later."""

    def __init__(self, world: World, step: Step) -> None:
        self._world = world
        self._step = step

    def phases(self) -> Sequence[Callable[[], None]]:
        """Freeze, and thaw."""
        return [self._freeze]

    def _freeze(self) -> None:
        itself = _victim(self._world, self._step)
        family = [itself, *itself.children(recursive=True)]
        _signal(family, signal.SIGSTOP)
        try:
            self._world.halted.wait(self._step.seconds)
        finally:
            _signal(family, signal.SIGCONT)


class CutOff:
    """The network of one program swallows all packets for a while."""

    def __init__(self, world: World, step: Step) -> None:
        self._world = world
        self._room = world.rooms[CUT_CLIENT if step.part == "client" else step.part]
        self._seconds = step.seconds

    def phases(self) -> Sequence[Callable[[], None]]:
        """Cut, and mend."""
        return [self._cut]

    def _cut(self) -> None:
        self._room.cut()
        try:
            self._world.halted.wait(self._seconds)
        finally:
            self._room.mend()


class Wipe:
    """The broker dies and loses all it knew: sessions, queues, retained messages. Only who is revoked is kept."""

    def __init__(self, world: World, _step: Step) -> None:
        self._world = world

    def phases(self) -> Sequence[Callable[[], None]]:
        """Kill, wipe, let start."""
        return [self._wipe]

    def _wipe(self) -> None:
        with self._world.keeper.held_down("broker") as broker:
            broker.kill()
            for path in (self._world.stack.config.state / "broker" / "data").glob("mosquitto.db*"):
                path.unlink()


class Fill:
    """The database's file system is full for a while, so full that the database says so."""

    def __init__(self, world: World, step: Step) -> None:
        if world.volume is None:
            raise FaultsError("the database has no file system of its own")
        self._world = world
        self._volume = world.volume
        self._log = world.process("postgres").command.log
        self._seconds = step.seconds

    def phases(self) -> Sequence[Callable[[], None]]:
        """Fill, and empty."""
        return [self._fill]

    def _fill(self) -> None:
        position = self._log.stat().st_size
        began = time.monotonic()
        try:
            while time.monotonic() < began + self._seconds or not self._noticed(position):
                if self._world.halted.is_set():
                    break
                if time.monotonic() > began + _EFFECT_SECONDS:
                    raise FaultsError("the database did not notice that its disk was full")
                self._volume.fill()
                time.sleep(_POLL_SECONDS)
        finally:
            self._volume.empty()

    def _noticed(self, position: int) -> bool:
        with self._log.open("rb") as log:
            log.seek(position)
            return b"No space left on device" in log.read()


class MoveClock:
    """The wall clock of one client is an hour ahead, then an hour behind, then right again."""

    def __init__(self, world: World, step: Step) -> None:
        self._world = world
        self._client = world.clients[step.choice % len(world.clients)]

    def phases(self) -> Sequence[Callable[[], None]]:
        """Move it forward, back, and set it right."""
        return [lambda: self._move(_HOUR), lambda: self._move(-_HOUR), lambda: self._move(0.0)]

    def _move(self, seconds: float) -> None:
        self._world.order(replace(self._world.orders, clocks={self._client: seconds}))


def make_injury(world: World, step: Step) -> Injury:
    """Make what the step of the schedule says."""
    kinds: dict[str, Callable[[World, Step], Injury]] = {
        "kill": Kill,
        "freeze": Freeze,
        "cut": CutOff,
        "wipe": Wipe,
        "fill": Fill,
        "clock": MoveClock,
        "remove": Removal,
    }
    return kinds[step.kind](world, step)


def _victim(world: World, step: Step) -> psutil.Process:
    """Find the process meant, one that runs; without a worker of the API it is the master."""
    name = world.clients[step.choice % len(world.clients)] if step.part == "client" else step.place
    deadline = time.monotonic() + _RUNNING_SECONDS
    while not world.keeper.running(name):
        if world.halted.is_set():
            raise FaultsError(f"the run was given up while {name} did not run: {step.name}")
        if time.monotonic() > deadline:
            raise FaultsError(f"{name} did not run when it was to be struck: {step.name}")
        world.halted.wait(_POLL_SECONDS)
    process = psutil.Process(world.process(name).pid)
    if step.kind != "kill" or step.part != "api worker":
        return process
    workers = process.children() or [process]
    return workers[step.choice % len(workers)]


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
