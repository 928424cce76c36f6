"""Locks between processes. The kernel lets go of them when their holder ends, however it ends."""

import fcntl
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from mqtt_client.errors import StorageError

_POLL_SECONDS = 0.02
_BEAT_SECONDS = 0.5
_SILENT_SECONDS = 2.0


class FileLock:
    """An advisory lock on a file; one holder at a time, among processes and within one.

    A holder that has been stopped (Ctrl-Z, or a terminal that takes no output) still holds it. So a holder gives signs
    of life, and one that gives none can be deposed: the file is replaced, and the holder notices when it goes on.
    """

    def __init__(self, path: Path) -> None:
        """Name the file; it is made when the lock is first asked for, and stays."""
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Take the lock if it is free; say whether it was. Raises StorageError."""
        try:
            self._descriptor = self._try()
        except OSError as error:
            raise StorageError(f"{self._path} cannot be locked: {error.strerror}") from error
        return self._descriptor is not None and self.beat()

    def beat(self) -> bool:
        """Give a sign of life; say whether the lock is still ours."""
        if self._descriptor is None:
            return False
        try:
            os.utime(self._descriptor)
            if os.path.samestat(os.fstat(self._descriptor), self._path.stat()):
                return True
        except FileNotFoundError:
            pass
        except OSError as error:
            raise StorageError(f"{self._path} cannot be used: {error.strerror}") from error
        self.release()
        return False

    def take_over(self, silent_seconds: float) -> bool:
        """Take the lock if it is free, or its holder has given no sign of life for that long. Raises StorageError."""
        if self.take():
            return True
        self.depose(silent_seconds)
        return self.take()

    def depose(self, silent_seconds: float) -> None:
        """Free a lock that is held if its holder has given no sign of life for that long. Raises StorageError."""
        if not self._is_silent(silent_seconds):
            return
        guard = FileLock(self._path.with_suffix(".guard"))
        try:
            if guard.take() and self._is_silent(silent_seconds):
                self._path.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"{self._path} cannot be replaced: {error.strerror}") from error
        finally:
            guard.release()

    def release(self) -> None:
        """Let go of the lock, if it is held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _try(self) -> int | None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def _is_silent(self, seconds: float) -> bool:
        try:
            return time.time() - self._path.stat().st_mtime > seconds
        except OSError:
            return False


@asynccontextmanager
async def held(path: Path, patience: float) -> AsyncIterator[FileLock]:
    """Hold the lock on `path`; wait at most `patience` seconds for it. Raises StorageError after that.

    Ctrl-Z waits until it is let go. A holder that was stopped otherwise is deposed after 2 s; `beat` tells it so.
    """
    import asyncio  # noqa: PLC0415  # the app's first screen, which takes a lock too, does not wait for it

    lock = FileLock(path)
    began = asyncio.get_running_loop().time()
    while not lock.take():
        waited = asyncio.get_running_loop().time() - began
        if waited > patience:
            raise StorageError(f"{path} is held by another nightjar process that does not let go")
        if waited > _SILENT_SECONDS:
            lock.depose(_SILENT_SECONDS)
        await asyncio.sleep(_POLL_SECONDS)
    beating = asyncio.create_task(_beat(lock))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})
    try:
        yield lock
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        beating.cancel()
        lock.release()


async def _beat(lock: FileLock) -> None:
    import asyncio  # noqa: PLC0415  # see `held`

    # An error is met by the holder too, when it asks whether the lock is still its own.
    with suppress(StorageError):
        while lock.beat():  # noqa: ASYNC110  # it is time that is waited for, not a condition
            await asyncio.sleep(_BEAT_SECONDS)
