"""Starts the parts in order, starts again what ends, and ends all of them in the reverse order."""

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from scripts.stack.errors import StackError
from scripts.stack.logs import keep_short
from scripts.stack.process import Process, wait_until
from scripts.stack.record import Record, Running, read_record, write_record
from scripts.stack.stack import Part, Stack

_CALM_SECONDS = 60.0
"""A part that ran this long starts again at once, the next time that it ends."""
_LONGEST_PAUSE_SECONDS = 30.0


class AlreadyRunningError(StackError):
    """Another supervisor holds this state directory."""


@dataclass
class _Child:
    part: Part
    process: Process
    since: float
    failures: int = 0
    due: float | None = None


class Supervisor:
    """Owns the state directory while it runs."""

    def __init__(self, stack: Stack, say: Callable[[str], None]) -> None:
        self._stack = stack
        self._say = say
        self._children: list[_Child] = []
        self._ending = False
        self._record = record_path(stack)

    def run(self, on_ready: Callable[[], None]) -> None:
        """Run until a signal says to end (a closed terminal too). Raises StackError when a part does not come up."""
        with _lock(self._record.parent / "lock"):
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, self._end)
            stop_orphans(self._record, self._say)
            try:
                self._start_all()
                if not self._ending:
                    on_ready()
                    self._write(ready=True)
                while not self._ending:
                    self._look_after()
                    time.sleep(0.2)
            finally:
                self._stop_all()

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._ending = True

    def _start_all(self) -> None:
        for part in self._stack.parts():
            if self._ending:
                return
            started = time.monotonic()
            self._say(f"{part.name:<11} starting")
            part.prepare()
            child = _Child(part, Process(part.command()), started)
            self._children.append(child)
            self._write(ready=False)
            self._wait_ready(child)
            self._say(f"{part.name:<11} ready after {time.monotonic() - started:.1f} s, process {child.process.pid}")

    def _wait_ready(self, child: _Child) -> None:
        wait_until(lambda: self._ending or child.part.ready(), child.process, timeout=90)

    def _look_after(self) -> None:
        for child in self._children:
            try:
                keep_short(child.process.command.log)
                self._keep_running(child)
            except (StackError, OSError) as error:  # a full disk, say: the other parts go on
                self._postpone(child, str(error))

    def _keep_running(self, child: _Child) -> None:
        if child.due is None and not child.process.alive():
            child.process.sweep()
            self._postpone(child, f"ended with {child.process.exit_status()}, see {child.process.command.log}")
            self._write(ready=True)
        elif child.due is not None and time.monotonic() >= child.due:
            child.process, child.since, child.due = Process(child.part.command()), time.monotonic(), None
            self._say(f"{child.part.name} started again, process {child.process.pid}")
            self._write(ready=True)

    def _postpone(self, child: _Child, why: str) -> None:
        """Plan to start a part again, later each time that it does not stay up; one that runs is left to run."""
        if child.process.alive():
            return
        calm = time.monotonic() - child.since > _CALM_SECONDS
        child.failures = 0 if calm else child.failures + 1
        pause = min(_LONGEST_PAUSE_SECONDS, 0.25 * 2**child.failures)
        child.due = time.monotonic() + pause
        self._say(f"{child.part.name}: {why}; it starts again in {pause:.1f} s")

    def _stop_all(self) -> None:
        for child in reversed(self._children):
            if child.process.alive():
                self._say(f"{child.part.name:<11} stopping")
            child.process.stop(timeout=30)
        self._record.unlink(missing_ok=True)

    def _write(self, *, ready: bool) -> None:
        parts = [
            Running.of(child.part.name, child.process.pid, "running")
            if child.due is None and child.process.alive()
            else Running(child.part.name, 0, 0.0, "restarting")
            for child in self._children
        ]
        write_record(self._record, Record(Running.of("supervisor", os.getpid(), "running"), parts, ready))


def record_path(stack: Stack) -> Path:
    """Name the file that says what runs."""
    return stack.config.state / "run" / "parts.json"


def stop_orphans(path: Path, say: Callable[[str], None]) -> bool:
    """End what a supervisor that was killed has left behind. Whether there was any."""
    record = read_record(path)
    found = [(part, process) for part in (record.parts if record else []) if (process := part.process())]
    for part, process in reversed(found):
        say(f"{part.name:<11} was left behind, stopping process {part.pid}")
        process.send_signal(signal.SIGINT if part.name == "postgres" else signal.SIGTERM)
        _await_end(part, seconds=30)
    path.unlink(missing_ok=True)
    return bool(found)


def _await_end(running: Running, seconds: float) -> None:
    """Wait for a process that is no child of ours; kill it when the time is over."""
    deadline = time.monotonic() + seconds
    while process := running.process():
        if time.monotonic() > deadline:
            process.kill()
        time.sleep(0.05)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold the state directory; the kernel lets go of it if we are killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = "Nightjar runs here already: ./scripts/up --status, ./scripts/up --stop"
            raise AlreadyRunningError(message) from None
        yield
