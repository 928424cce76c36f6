"""Telling the broker what is revoked, at once and again until it has confirmed (contract, section 5)."""

import logging
import time
from collections.abc import Sequence
from typing import Final

from auth_api.broker import BrokerConnection, BrokerLink, Publication
from auth_api.errors import UnavailableError
from auth_api.pool import Pool
from auth_api.queries import revocations as queries
from auth_api.queries.revocations import StoredRevocation
from auth_api.side_task import SideTask
from wire.control import Revocation, encode_revocations
from wire.names import client_id
from wire.topics import CONTROL, presence

MARGIN_SECONDS: Final = 120
"""How much longer than a token a revocation is kept in mind, for clocks that differ."""
_CATCH_UP_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 2.0
_IN_ONE: Final = 1200
"""Revocations in one publication: at most 200 kB, of the 256 kB that the broker takes."""
_AHEAD_MS: Final = 10_000
"""From writing a revocation to its commit takes less; the broker refuses one more than 30 s ahead of its clock."""

_LOG = logging.getLogger(__name__)


def session_revocations(username: str, devices: Sequence[str], now_ms: int) -> list[Revocation]:
    """Revoke every token of devices that have ended, and of those being minted for them at this moment.

    A device id never comes back, so its revocation may lie a little in the future, past the commit that ends it.
    """
    until = now_ms + _AHEAD_MS
    return [Revocation(username, client_id(username, device), until) for device in devices]


def account_revocation(username: str, now_ms: int) -> Revocation:
    """Revoke every token of a deleted account, whose name does not come back before the last of them is over either."""
    return Revocation(username, None, now_ms + _AHEAD_MS)


class Revoker:
    """Publishes revocations over the link, and notes what the broker has confirmed.

    Over each new connection the broker is told everything it must know, even if that is nothing, before anything else:
    its first control message after which no more follow lets users in. A thread does that, and looks after what was not
    confirmed, whichever worker stored it.
    """

    def __init__(self, pool: Pool, token_seconds: int, wait_seconds: float) -> None:
        """Revoke tokens that last `token_seconds`; who ends something waits `wait_seconds` for the broker in all."""
        self._pool = pool
        self._seconds = token_seconds + MARGIN_SECONDS
        self._wait_seconds = wait_seconds
        self._task = SideTask("revoker", "telling the broker of revocations", _LOOK_SECONDS, _LOG)
        self._link: BrokerLink | None = None

    def start(self, link: BrokerLink) -> None:
        """Begin to look after what is not confirmed, over `link`."""
        self._link = link
        self._task.start(self._catch_up)

    def stop(self) -> None:
        """End the thread."""
        self._task.stop()

    def follow(self, is_up: bool) -> None:
        """Note that a connection began or ended; a new one waits for what the broker must be told."""
        if is_up:
            self._task.wake()

    def tell(self, stored: Sequence[StoredRevocation]) -> bool:
        """Tell the broker; whether it confirmed in time. If not, it is told later."""
        link, parts = self._link, _parts(stored)
        if not parts:
            return True
        until = time.monotonic() + self._wait_seconds
        try:
            told = link is not None and all(self._tell(link, part, until - time.monotonic()) for part in parts)
        except UnavailableError:
            _LOG.warning("the database went away before a confirmed revocation was noted; it is told again")
            told = True
        if told and link is not None:
            self._forget_presence(link, stored, until - time.monotonic())
        return told

    def _forget_presence(self, link: BrokerLink, stored: Sequence[StoredRevocation], timeout: float) -> None:
        """Have it forgotten that users are there of whose sessions some have ended.

        A device that was cut off could not say that it has gone. Another one that is still there says so again.
        """
        names = {each.revocation.username for each in stored if each.revocation.client_id is not None}
        link.publish_all([Publication(presence(name), b"") for name in names], timeout, retain=True)

    def _catch_up(self) -> None:
        """Tell what is due over the present connection itself: over the link nobody gets before a new one is open."""
        connection = self._link.present if self._link else None
        if self._link is None or connection is None:
            return
        is_new = not self._link.is_up
        with self._pool.reading() as cur:
            due = queries.current(cur, self._seconds) if is_new else queries.unconfirmed(cur)
        parts = _parts(due)
        if is_new and not parts:
            parts.append([])
        told = all(
            self._tell(connection, part, _CATCH_UP_SECONDS, more=is_new and number < len(parts))
            for number, part in enumerate(parts, 1)
        )
        if told and is_new:
            self._link.open(connection)

    def _tell(
        self,
        way: BrokerLink | BrokerConnection,
        stored: Sequence[StoredRevocation],
        timeout: float,
        *,
        more: bool = False,
    ) -> bool:
        started = time.monotonic()
        if not way.publish(CONTROL, encode_revocations((each.revocation for each in stored), more=more), timeout):
            return False
        if stored:
            with self._pool.reading() as cur:
                queries.confirm(cur, [each.id for each in stored])
            _LOG.info("the broker confirmed %d revocations in %.0f ms", len(stored), 1e3 * (time.monotonic() - started))
        return True


def _parts(stored: Sequence[StoredRevocation]) -> list[Sequence[StoredRevocation]]:
    """Divide revocations into publications."""
    return [stored[start : start + _IN_ONE] for start in range(0, len(stored), _IN_ONE)]
