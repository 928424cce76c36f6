"""Dropping what has expired, a bounded part at a time."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from auth_api.events import EVENTS_KEPT_SECONDS
from auth_api.pool import Cursor, Pool
from auth_api.queries import events, limits, purge, revocations, sessions, users
from auth_api.side_task import SideTask

_EVERY_SECONDS: Final = 60.0
_MOST: Final = 5000
_DEAD_LETTERS_AT_ONCE: Final = 1000
"""In one transaction: each may have 256 KiB, and so many of those take a second."""
REVOCATIONS_KEPT_SECONDS: Final = 2 * 86400
"""Twice the longest life an MQTT token may have."""

_LOG = logging.getLogger(__name__)


class Purger:
    """A thread that drops once a minute what has expired: refresh tokens, sessions, counters, revocations, events.

    So it does with retired names, and for as long as they are that, with what the archive refuses of their holders.
    What it refuses of others is dropped after `dead_letter_days`; 0 is never.
    """

    def __init__(self, pool: Pool, dead_letter_days: int) -> None:
        self._pool = pool
        self._dead_letter_days = dead_letter_days
        self._task = SideTask("purger", "purging", _EVERY_SECONDS, _LOG)

    def start(self) -> None:
        """Begin; does not wait."""
        self._task.start(self.purge)

    def stop(self) -> None:
        """End the thread."""
        self._task.stop()

    def purge(self) -> None:
        """Drop at most a few thousand rows of each kind, unless another worker is at it. Raises UnavailableError."""
        with self._pool.transaction() as cur:
            if purge.claim(cur):
                revocations.purge(cur, REVOCATIONS_KEPT_SECONDS, _MOST)
                sessions.purge_expired(cur, _MOST)
                limits.purge(cur, _MOST)
                users.purge_retired(cur, _MOST)
                events.purge(cur, EVENTS_KEPT_SECONDS, _MOST)
        self._drop_dead_letters(purge.dead_letters_of_deleted)
        if self._dead_letter_days:
            self._drop_dead_letters(partial(purge.old_dead_letters, days=self._dead_letter_days))

    def _drop_dead_letters(self, drop: Callable[[Cursor, int], int]) -> None:
        """Drop a part at a time, after all else: on a slow disk even one may take longer than a statement may."""
        for _ in range(_MOST // _DEAD_LETTERS_AT_ONCE):
            if self._task.is_stopped:
                return
            with self._pool.transaction() as cur:
                if not purge.claim(cur):
                    return
                dropped = drop(cur, _DEAD_LETTERS_AT_ONCE)
            if dropped < _DEAD_LETTERS_AT_ONCE:
                return
