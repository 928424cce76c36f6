"""A program in a terminal of its own: what it writes is read, and keys are pressed."""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from benchmarks.errors import BenchmarkError

_CHUNK = 65536


class InTerminal:
    """Runs a program in a terminal of 80 by 24 cells; killed at the end of the block."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it."""
        self._began = time.perf_counter()
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            _become(command, environment)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._terminal)

    def press(self, keys: bytes) -> None:
        """Send keys."""
        os.write(self._terminal, keys)

    def read_for(self, seconds: float) -> None:
        """Read what it writes for so long, and forget it."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            self._read(left)

    def wait_for(self, wanted: bytes, timeout: float = 30.0) -> float:
        """Read until it has written something; return how many seconds after its start. Raises BenchmarkError."""
        self._wait(wanted, timeout)
        return time.perf_counter() - self._began

    def answer(self, key: bytes, wanted: bytes, timeout: float = 5.0) -> float:
        """Press a key and return how many seconds it took until something was written. Raises BenchmarkError."""
        pressed = time.perf_counter()
        self.press(key)
        self._wait(wanted, timeout)
        return time.perf_counter() - pressed

    def _wait(self, wanted: bytes, timeout: float) -> None:
        until = time.perf_counter() + timeout
        written = b""
        while wanted not in written:
            left = until - time.perf_counter()
            if left <= 0:
                raise BenchmarkError(f"after {timeout:.0f} s the terminal does not show {wanted!r}: {written[-200:]!r}")
            written += self._read(left)

    def _read(self, seconds: float) -> bytes:
        if not select.select([self._terminal], [], [], seconds)[0]:
            return b""
        try:
            return os.read(self._terminal, _CHUNK)
        except OSError as error:
            raise BenchmarkError("the program in the terminal has ended") from error


def _become(command: Sequence[str], environment: Mapping[str, str]) -> None:
    try:
        os.execvpe(command[0], list(command), {**environment, "TERM": "xterm-256color"})  # noqa: S606  # a program
    finally:
        os._exit(127)
