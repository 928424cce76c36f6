"""Locks between processes. The kernel lets go of them when their holder ends, however it ends."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mqtt_client.errors import StorageError

_POLL_SECONDS = 0.02


class FileLock:
    """An advisory lock on a file; one holder at a time, among processes and within one."""

    def __init__(self, path: Path) -> None:
        """Name the file; it is made when the lock is first asked for, and stays."""
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Take the lock if it is free; say whether it was. Raises StorageError."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageError(f"{self._path} cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError as error:
            os.close(descriptor)
            raise StorageError(f"{self._path} cannot be locked: {error.strerror}") from error
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let go of the lock, if it is held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@asynccontextmanager
async def held(path: Path, patience: float) -> AsyncIterator[None]:
    """Hold the lock on `path`; wait at most `patience` seconds for it. Raises StorageError after that."""
    lock = FileLock(path)
    deadline = asyncio.get_running_loop().time() + patience
    while not lock.take():
        if asyncio.get_running_loop().time() > deadline:
            raise StorageError(f"{path} is held by another nightjar process that does not let go")
        await asyncio.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        lock.release()
