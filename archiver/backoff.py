"""How long to wait before the next attempt. Pure."""

from collections.abc import Callable


class Backoff:
    """Delays that double up to a limit, each cut by chance to between a half and the whole."""

    def __init__(self, first: float, most: float, chance: Callable[[], float]) -> None:
        """Take the first and the longest delay in seconds; `chance` gives numbers from 0 to 1."""
        self._first = first
        self._most = most
        self._chance = chance
        self._next = first

    def next(self) -> float:
        """Return the next delay in seconds."""
        delay = self._next
        self._next = min(self._most, delay * 2)
        return delay * (0.5 + self._chance() / 2)

    def reset(self) -> None:
        """Begin again with the first delay."""
        self._next = self._first
