"""Starts again what ends, as a service manager does, while faults do their harm from another thread.

It also knows whether a process ended because a fault struck it. One that did not has crashed.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from scripts.stack.errors import StackError
from scripts.stack.process import Command, Process

_POLL_SECONDS = 0.02
_PAUSE_SECONDS = 0.25
_STILL_IN_USE = "pre-existing shared memory block"
"""What Postgres says, and ends, while processes of the server that was killed are still busy with their last query."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something that is to run."""

    name: str
    command: Callable[[], Command]


class _Kept:
    def __init__(self, job: Job) -> None:
        self.job = job
        self.process = Process(job.command())
        self.wanted = True
        self.due: float | None = None


class Keeper:
    """Keeps jobs running. Use as a context manager: at its end all are ended, the last first."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.RLock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look_after, daemon=True)
        self._struck: set[int] = set()
        self._excused: tuple[str, ...] = ()
        self.crashes: list[str] = []
        """What ended without having been struck, a line each."""

    def __enter__(self) -> "Keeper":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        for kept in reversed(self._kept.values()):
            kept.process.stop(timeout=20)

    def start(self, job: Job) -> Process:
        """Start a job and keep it running. Raises StackError."""
        with self._lock:
            kept = self._kept[job.name] = _Kept(job)
            return kept.process

    def process(self, name: str) -> Process:
        """Return the process that does the job now, or did last."""
        with self._lock:
            return self._kept[name].process

    def running(self, name: str) -> bool:
        """Whether the job's process runs."""
        return self.process(name).alive()

    def strike(self, pid: int) -> None:
        """Note that a process is about to be killed: its end is no crash."""
        self._struck.add(pid)

    def was_struck(self, pid: int) -> bool:
        """Whether a process was killed by us; forgotten once the end of a job's process was noted."""
        return pid in self._struck

    @contextmanager
    def excusing(self, *names: str) -> Iterator[None]:
        """Take it for no crash when one of these jobs' processes ends during the block."""
        self._excused = names
        try:
            yield
        finally:
            with self._lock:
                for name in names:
                    self._keep(self._kept[name])
                self._excused = ()

    def let_end(self, names: Sequence[str], seconds: float) -> None:
        """Wait until jobs have ended by themselves, and start them no more; what does not end in time is killed."""
        with self._lock:
            for name in names:
                self._keep(self._kept[name])
                self._kept[name].wanted = False
        deadline = time.monotonic() + seconds
        for name in names:
            while self.running(name) and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
            if self.running(name):
                self.crashes.append(f"{name} did not end when it was asked to")
            elif self.process(name).exit_status() and self._kept[name].due is None:
                self._note(name)
            self.process(name).kill()

    def kill_all(self) -> None:
        """Kill everything at once, without a word; for when nothing else helps."""
        self._ending.set()
        for kept in list(self._kept.values()):
            kept.process.kill()

    @contextmanager
    def held_down(self, name: str) -> Iterator[Process]:
        """Start the job again only after the block, in which it is killed."""
        with self._lock:
            kept = self._kept[name]
            kept.wanted = False
            self.strike(kept.process.pid)
        try:
            yield kept.process
        finally:
            with self._lock:
                kept.wanted = True

    def _look_after(self) -> None:
        while not self._ending.wait(_POLL_SECONDS):
            with self._lock:
                for kept in self._kept.values():
                    self._keep(kept)

    def _keep(self, kept: _Kept) -> None:
        if not kept.wanted or kept.process.alive():
            return
        now = time.monotonic()
        if kept.due is None:
            self._note(kept.job.name)
            kept.process.sweep()
            kept.due = now + _PAUSE_SECONDS
        elif now >= kept.due:
            kept.due = None
            try:
                kept.process = Process(kept.job.command())
            except (StackError, OSError):  # a full disk, say; it is tried again
                kept.due = now + _PAUSE_SECONDS

    def _note(self, name: str) -> None:
        process = self._kept[name].process
        is_excused = process.pid in self._struck or name in self._excused
        if not is_excused and _STILL_IN_USE not in process.log_tail(5):
            self.crashes.append(f"{name} ended with {process.exit_status()}, see {process.command.log}")
        # The next process with this id is another.
        self._struck.discard(process.pid)
