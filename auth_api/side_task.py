"""What runs beside the requests: a thread that does the same thing again and again."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from auth_api.errors import UnavailableError

_AFTER_FAILURE_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 5.0


class SideTask:
    """A thread that takes a step every so many seconds. One that fails is logged, and the next one tries again."""

    def __init__(self, name: str, doing: str, every: float, log: logging.Logger) -> None:
        """Name the thread, say in the log's words what it is `doing`, and how many seconds lie between two steps."""
        self._name = name
        self._doing = doing
        self._every = every
        self._log = log
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_stopped(self) -> bool:
        """Whether a step that takes long should come to its end."""
        return self._stopped.is_set()

    def start(self, step: Callable[[], float | None]) -> None:
        """Begin; does not wait. A step may return after how many seconds, instead of the usual, the next one is due."""
        self._thread = threading.Thread(target=self._run, args=(step,), name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)

    def wake(self) -> None:
        """Have the next step taken now."""
        self._wake.set()

    def pause(self, seconds: float) -> bool:
        """Wait within a step; whether the thread is to end."""
        return self._stopped.wait(seconds)

    def _run(self, step: Callable[[], float | None]) -> None:
        seconds: float | None = None
        while True:
            self._wake.wait(self._every if seconds is None else seconds)
            self._wake.clear()
            if self.is_stopped:
                return
            seconds = self._take(step)

    def _take(self, step: Callable[[], float | None]) -> float | None:
        try:
            return step()
        except UnavailableError as error:
            self._log.warning("%s waits: %s", self._doing, error.detail)
        except Exception:  # noqa: BLE001  # a side task goes on, and says what failed
            self._log.exception("%s failed", self._doing)
        self.pause(_AFTER_FAILURE_SECONDS)
        return None
