"""Waking the other processes of a profile when its store has changed.

Each process listens on a named pipe of its own. What happened stands in the store; a wake-up carries nothing, and a
lost one costs a second at most.
"""

import asyncio
import math
import os
from contextlib import suppress
from pathlib import Path
from typing import Self

from mqtt_client.errors import StorageError

_SUFFIX = ".pipe"
_POLL_SECONDS = 1.0


class WakeUps:
    """This process's ear, and its voice to the others. Use as an asynchronous context manager."""

    def __init__(self, directory: Path) -> None:
        """Name the profile's directory of pipes; it is made when missing."""
        self._directory = directory
        self._path = directory / f"{os.getpid()}-{id(self):x}{_SUFFIX}"
        self._descriptor = -1
        self._changed = asyncio.Event()
        self.count = 0

    async def __aenter__(self) -> Self:
        try:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            # Opened before it has its final name: a pipe that nobody reads is taken for a dead process's.
            unborn = self._path.with_suffix(".new")
            unborn.unlink(missing_ok=True)
            os.mkfifo(unborn, 0o600)
            self._descriptor = os.open(unborn, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            unborn.rename(self._path)
        except OSError as error:
            raise StorageError(f"{self._directory} cannot be used: {error.strerror}") from error
        asyncio.get_running_loop().add_reader(self._descriptor, self._on_readable)
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    async def changed_since(self, count: int, seconds: float = math.inf) -> None:
        """Return when somebody has woken us after `count` was read, at the latest after `seconds` or one second."""
        if self.count != count:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(seconds, _POLL_SECONDS))):
                await self._changed.wait()

    def notify(self) -> None:
        """Wake every process of the profile, this one included, and sweep away the pipes of dead ones."""
        self.nudge()
        with suppress(FileNotFoundError), os.scandir(self._directory) as entries:
            for entry in entries:
                if entry.name.endswith(_SUFFIX) and entry.name != self._path.name:
                    _poke(entry.path)

    def _on_readable(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._descriptor, 65536)
        self.nudge()

    def nudge(self) -> None:
        """Wake who waits in this process."""
        self.count += 1
        self._changed.set()
        self._changed = asyncio.Event()


def _poke(path: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError:
        # ENXIO: nobody reads it, so its process is gone.
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108  # it has no Path yet, and is mostly there
        return
    try:
        # A full pipe has wake-ups waiting in it already.
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(descriptor, b"!")
    finally:
        os.close(descriptor)
