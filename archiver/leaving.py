"""How an archiver leaves the others: it takes no new messages, and stores and acknowledges all that it was given.

An archiver that just ended would leave its share with the broker, which goes on filling it.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from archiver.batch import Inbox
from archiver.connection import BrokerAwayError, Connection
from wire.topics import ARCHIVER_FILTERS

QUIET_SECONDS = 0.3
"""How long nothing must come after the broker has answered that there is no subscription."""
_LOOK_SECONDS = 0.05


async def leave(inbox: Inbox, present: Callable[[], Connection | None]) -> None:
    """Unsubscribe, and return when everything that the broker holds for this archiver is acknowledged.

    `present` returns the present connection, if there is one; new ones unsubscribe by themselves. It waits for as long
    as broker or database are away.
    """
    gone: Connection | None = None
    while True:
        connection = present()
        if connection and connection is not gone:
            try:
                if await _is_drained(inbox, connection):
                    return
            except BrokerAwayError:
                gone = connection
        await asyncio.sleep(_LOOK_SECONDS)


async def _is_drained(inbox: Inbox, connection: Connection) -> bool:
    """Whether all is acknowledged and the broker, which sends what is queued before it answers, has nothing more."""
    await connection.unsubscribe_from(ARCHIVER_FILTERS)
    await asyncio.sleep(QUIET_SECONDS)
    before = connection.acknowledged
    if len(inbox) or inbox.taken != before:
        return False
    await connection.unsubscribe_from(ARCHIVER_FILTERS)
    await asyncio.sleep(QUIET_SECONDS)
    return not len(inbox) and inbox.taken == connection.acknowledged == before


async def subscribe_in_place(connection: Connection) -> None:
    """Make sure that the broker gathers for a session, over a connection that is given up again at once.

    What comes over it is not acknowledged, so the session keeps it. Raises BrokerAwayError.
    """
    async with connection:
        discarding = asyncio.create_task(_discard(connection))
        try:
            await connection.subscribe_to(ARCHIVER_FILTERS)
        finally:
            discarding.cancel()
            await asyncio.gather(discarding, return_exceptions=True)


async def _discard(connection: Connection) -> None:
    async with aclosing(connection.incoming()) as received:
        async for _ in received:
            continue
