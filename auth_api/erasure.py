"""What deleting an account leaves to be done afterwards: little by little, and again after a restart.

Deleting takes the name, the password, the sessions and the memberships at once, under the archive lock. That has to be
short, for the archive waits meanwhile; so the rest is noted, and done beside the requests: the broker forgets the
account's presence, its markers, blocks and rights to read are taken away, and its conversations are looked through for
messages that nobody can read any more.
"""

import logging
from typing import Final

from auth_api.broker import BrokerLink, Publication
from auth_api.pool import Cursor, Pool
from auth_api.queries import archive, erasures
from auth_api.queries.erasures import Leftover
from auth_api.side_task import SideTask
from wire.topics import presence

_LOOK_SECONDS: Final = 5.0
_ROWS: Final = 1000
"""Taken away, or looked at, in one transaction: it takes some ten milliseconds."""
_PAUSE_SECONDS: Final = 0.02
"""Between two full pages, so that the database has room for others."""
_PRESENCES: Final = 100
_CONFIRM_SECONDS: Final = 5.0

_LOG = logging.getLogger(__name__)


class Eraser:
    """A thread that does what is noted, in all workers one at a time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._task = SideTask("eraser", "erasing what deleted accounts left", _LOOK_SECONDS, _LOG)

    def start(self, link: BrokerLink) -> None:
        """Begin; does not wait."""
        self._task.start(lambda: self._erase(link))

    def stop(self) -> None:
        """End the thread; what it has not done is done by another, or after the next start."""
        self._task.stop()

    def wake(self) -> None:
        """Say that an account has been deleted. Without this it is found within seconds."""
        self._task.wake()

    def clear_presences(self, link: BrokerLink) -> None:
        """Let the broker forget the presence of deleted accounts, if it can be reached. Raises UnavailableError."""
        if not link.is_up:
            return
        with self._pool.reading() as cur:
            found = erasures.still_present(cur, _PRESENCES)
        empty = [Publication(presence(name), b"") for _, name in found]
        confirmed = link.publish_all(empty, _CONFIRM_SECONDS, retain=True)
        cleared = [id_ for (id_, _), is_done in zip(found, confirmed, strict=True) if is_done]
        if cleared:
            with self._pool.reading() as cur:
                erasures.presence_cleared(cur, cleared)

    def take_away(self) -> bool:
        """Take away some rows of one account; whether there may be more. Raises UnavailableError."""
        with self._pool.transaction() as cur:
            if not erasures.claim(cur):
                return False
            user_id = erasures.oldest(cur)
            if user_id is not None:
                erasures.take_away(cur, user_id, _ROWS)
            return user_id is not None

    def look_through(self) -> bool:
        """Look through a page of one conversation; whether there may be more. Raises UnavailableError."""
        with self._pool.transaction() as cur:
            if not erasures.claim(cur):
                return False
            left = erasures.leftover(cur)
            if left is None:
                return False
            looked = self._look(cur, left)
            if not looked and erasures.finish(cur, left.conversation_id):
                return True
        if looked:
            return looked < _ROWS or not self._task.pause(_PAUSE_SECONDS)
        with self._pool.transaction() as cur:
            # Apart from the above: who holds messages and wants the lock may wait for the archiver, and it for them.
            archive.lock(cur)
            erasures.set_newest(cur, left.conversation_id)
        return True

    @staticmethod
    def _look(cur: Cursor, left: Leftover) -> int:
        """Drop what nobody can read of the next messages; return how many those were, 0 at the end."""
        if erasures.open_to_newcomers(cur, left.conversation_id):
            return 0
        return erasures.drop_unreadable(cur, left, _ROWS)

    def _erase(self, link: BrokerLink) -> None:
        self.clear_presences(link)
        while not self._task.is_stopped and (self.take_away() or self.look_through()):
            pass
