"""An end to every run, also to one that hangs: first it is interrupted, and when that does not help it is killed."""

import os
import signal
import threading
from collections.abc import Callable

_PATIENCE_SECONDS = 60.0


class Limit:
    """Interrupts the program after `seconds`; when it still runs `patience` later calls `last_words`, and kills it."""

    def __init__(self, seconds: float, last_words: Callable[[], None], patience: float = _PATIENCE_SECONDS) -> None:
        self.is_over = False
        self._last_words = last_words
        self._timer = threading.Timer(seconds, self._interrupt)
        self._timer.daemon = True
        self._killer = threading.Timer(patience, self._kill)
        self._killer.daemon = True

    def __enter__(self) -> "Limit":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._killer.cancel()

    def _interrupt(self) -> None:
        self.is_over = True
        self._killer.start()
        os.kill(os.getpid(), signal.SIGINT)

    def _kill(self) -> None:
        try:
            self._last_words()
        finally:
            os._exit(1)
