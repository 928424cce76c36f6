"""At most so many at once, across all worker processes: locked files, which the kernel lets go of with a process."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_POLL_SECONDS = 0.001


class Slots:
    """`count` slots in a directory that all processes share.

    A lock on a file ends with the process that holds it, so a worker that is killed leaves none taken. One waiter
    at a time looks for a free slot (it holds the `turn` file); the others wait for their turn in the kernel.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self._turn = folder / "turn"
        self._slots = [folder / f"slot{number}" for number in range(count)]

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for a slot and hold it."""
        taken = self._wait()
        try:
            yield
        finally:
            os.close(taken)

    def _wait(self) -> int:
        turn = _open(self._turn)
        try:
            fcntl.flock(turn, fcntl.LOCK_EX)
            while (taken := self._take_one()) is None:
                time.sleep(_POLL_SECONDS)
        finally:
            os.close(turn)
        return taken

    def _take_one(self) -> int | None:
        for path in self._slots:
            descriptor = _open(path)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
            else:
                return descriptor
        return None


class Speaker:
    """At most one of several processes: whoever asks first, for as long as it lives."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "speaker"
        self._held: int | None = None

    def is_us(self) -> bool:
        """Whether it is this process, from now on if nobody else is."""
        if self._held is None:
            descriptor = _open(self._path)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
            else:
                self._held = descriptor
        return self._held is not None


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
