"""Looking whether somebody is there: the broker keeps what each user said last."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from mqtt_client.account import Account
from mqtt_client.errors import ApiError, OutOfReachError
from mqtt_client.events import PresenceChanged
from mqtt_client.incoming import read_signal
from mqtt_client.liveliness import Manner
from mqtt_client.session import Session, alongside
from mqtt_client.store import Store
from mqtt_client.wakeup import WakeUps

_SECONDS = 2.0


async def presence_of(account: Account, username: str) -> PresenceChanged | None:
    """Ask whether a user is there; None when they have never said, or the broker is out of reach.

    Raises NotLoggedInError, StorageError.
    """
    found: list[PresenceChanged] = []
    with account.store() as store:
        async with WakeUps(account.profile.wakeups) as wakeups:
            session = Session(account.api, store, wakeups, account.profile, manner=Manner(live=True))
            position = store.log_end()
            store.watch([username])
            wakeups.notify()
            try:
                with suppress(TimeoutError, OutOfReachError, ApiError):
                    async with asyncio.timeout(_SECONDS):
                        await session.begin()
                        looking = _Looking(store, wakeups, account.username, username, position)
                        await alongside(session, looking.until_told(found))
            finally:
                session.release()
    return found[-1] if found else None


@dataclass(slots=True)
class _Looking:
    store: Store
    wakeups: WakeUps
    me: str
    username: str
    position: int

    async def until_told(self, found: list[PresenceChanged]) -> None:
        while not found:
            count = self.wakeups.count
            for entry in self.store.log_after(self.position):
                self.position = entry.position
                signals = read_signal(entry.content, self.me) if entry.kind == "signal" else []
                found += [each for each in signals if isinstance(each, PresenceChanged) and self._is_meant(each)]
            if not found:
                await self.wakeups.changed_since(count)

    def _is_meant(self, presence: PresenceChanged) -> bool:
        return presence.username == self.username
