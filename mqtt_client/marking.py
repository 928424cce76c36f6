"""Telling how far a conversation has been read, and waiting until it is told."""

import asyncio

from mqtt_client.account import Account
from mqtt_client.errors import UnconfirmedError
from mqtt_client.events import MarkerMoved
from mqtt_client.incoming import read_signal
from mqtt_client.session import Session, alongside
from mqtt_client.store import Store
from mqtt_client.wakeup import WakeUps
from wire.conversations import Conversation

_ECHO_SECONDS = 1.0


async def mark_read(account: Account, conversation: Conversation, seq: int, seconds: float) -> None:
    """Mark a conversation as read up to a seq and wait until the broker has it, at most so many seconds.

    The archive says when it has moved our marker, which is waited for a moment longer; it says nothing when the marker
    was there already. Raises UnconfirmedError, NotLoggedInError, OutOfReachError, ApiError, StorageError.
    """
    with account.store() as store:
        async with WakeUps(account.profile.wakeups) as wakeups:
            session = Session(account.api, store, wakeups, account.profile)
            log_end = store.log_end()
            if not store.mark(str(conversation), read=seq) and not _is_unsent(store, conversation):
                return
            wakeups.notify()
            try:
                async with asyncio.timeout(seconds):
                    await session.begin()
                    await alongside(session, _told(account, store, wakeups, conversation, log_end))
            except TimeoutError as error:
                why = f" ({session.trouble})" if session.trouble else ""
                raise UnconfirmedError(
                    f"not confirmed in time{why}: the next nightjar command that connects tells it"
                ) from error
            finally:
                session.release()


async def _told(account: Account, store: Store, wakeups: WakeUps, conversation: Conversation, position: int) -> None:
    while True:
        count = wakeups.count
        if not _is_unsent(store, conversation):
            break
        # The owner of the connection may be another process, which wakes nobody when it has told a marker.
        await wakeups.changed_since(count, 0.1)
    loop = asyncio.get_running_loop()
    until = loop.time() + _ECHO_SECONDS
    while loop.time() < until:
        count = wakeups.count
        for entry in store.log_after(position):
            position = entry.position
            if entry.kind == "signal" and any(
                isinstance(signal, MarkerMoved) and signal.conversation == conversation
                for signal in read_signal(entry.content, account.username)
            ):
                return
        await wakeups.changed_since(count, 0.1)


def _is_unsent(store: Store, conversation: Conversation) -> bool:
    return any(marker.conversation == str(conversation) for marker in store.unsent_markers())
