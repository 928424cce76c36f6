"""One operating system process of ours: started, watched and ended by its own id, never by name."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from scripts.stack.errors import StackError

POLL_SECONDS = 0.02
GONE_SECONDS = 10.0


@dataclass(frozen=True)
class Command:
    """What to run. `user` is a system user to change to; None stays who we are."""

    name: str
    argv: Sequence[str]
    log: Path
    cwd: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM


class Process:
    """A child in a process group of its own, so that a Ctrl-C at the terminal reaches only who handles it."""

    def __init__(self, command: Command) -> None:
        self.command = command
        command.log.parent.mkdir(parents=True, exist_ok=True)
        with command.log.open("ab") as log:
            try:
                self._popen = subprocess.Popen(
                    list(command.argv),
                    cwd=command.cwd,
                    env={**os.environ, **command.environment},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    user=command.user,
                    group=command.user,
                    extra_groups=None if command.user is None else [],
                )
            except OSError as error:
                raise StackError(f"{command.name} cannot be started: {error}") from error

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    def exit_status(self) -> int | None:
        """Return the exit status, negative for a signal; None while it runs."""
        return self._popen.poll()

    def alive(self) -> bool:
        """Whether it still runs."""
        return self.exit_status() is None

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens when it has ended."""
        self._popen.send_signal(number)

    def kill(self) -> None:
        """End it and whatever it started, as a crash would, and wait until all are gone.

        Postgres' processes leave the group; one that outlives the first of them keeps the next server from starting.
        """
        if self.alive():
            itself = psutil.Process(self.pid)
            family = [*itself.children(recursive=True), itself]
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            deadline = time.monotonic() + GONE_SECONDS
            while not all(map(_is_gone, family)) and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
        self._popen.wait()

    def sweep(self) -> None:
        """Kill what it has left behind in its group, now that it has ended: it may hold the port of the next one."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def stop(self, timeout: float = 10.0) -> int:
        """Ask it to end, wait up to `timeout` seconds, then kill it. Returns the exit status."""
        if self.alive():
            self.send(self.command.stop_signal)
            try:
                return self._popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
        return self._popen.wait()

    def log_tail(self, lines: int = 15) -> str:
        """Return the last lines it wrote."""
        return "\n".join(self.command.log.read_text(errors="replace").splitlines()[-lines:])


def _is_gone(process: psutil.Process) -> bool:
    """Whether it holds nothing any more; its parent may take its time to ask for the exit status."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(ready: Callable[[], bool], process: Process, timeout: float = 30.0) -> None:
    """Wait until `ready()` holds. Raises StackError if the process ends first or `timeout` seconds pass."""
    name, deadline = process.command.name, time.monotonic() + timeout
    while not ready():
        if not process.alive():
            raise StackError(
                f"{name} ended with {process.exit_status()}; {process.command.log} says:\n{process.log_tail()}"
            )
        if time.monotonic() > deadline:
            raise StackError(
                f"{name} was not ready after {timeout:.0f} s; {process.command.log} says:\n{process.log_tail()}"
            )
        time.sleep(POLL_SECONDS)
