"""How an archiver leaves the others: it takes no new messages, and stores and acknowledges all that it was given.

An archiver that just ended would leave its share with the broker, which goes on filling it.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing

from aiomqtt import ConnectError, NegativeAckError, ProtocolError

from archiver.batch import Batch, Inbox
from archiver.connection import BrokerAwayError, Connection, Publication
from archiver.settings import Credentials
from wire.broker import BrokerAddress
from wire.topics import ARCHIVER_FILTERS

QUIET_SECONDS = 0.3
"""How long nothing must come after the broker has answered that there is no subscription."""
_LOOK_SECONDS = 0.05

_LOG = logging.getLogger("archiver")


class WatchedConnection(Connection):
    """A connection that counts what it acknowledges; while `leaving` it takes subscriptions back."""

    def __init__(
        self, broker: BrokerAddress, credentials: Credentials, receive_maximum: int, leaving: Callable[[], bool]
    ) -> None:
        super().__init__(broker, credentials, receive_maximum)
        self.acknowledged = 0
        self._leaving = leaving

    async def subscribe_to(self, topic_filters: Iterable[str]) -> None:
        """Subscribe at QoS 1, or unsubscribe when this archiver is leaving."""
        if self._leaving():
            await self.unsubscribe_all()
        else:
            await super().subscribe_to(topic_filters)

    async def unsubscribe_all(self) -> None:
        """Take every subscription back; having none is fine. The answer comes after all that was sent before.

        Raises BrokerAwayError.
        """
        for topic_filter in ARCHIVER_FILTERS:
            try:
                await self.unsubscribe(topic_filter)
            except NegativeAckError:
                _LOG.debug("there was no subscription to %s", topic_filter)
            except (ConnectError, ProtocolError, OSError) as error:
                raise BrokerAwayError("cut", "the connection was cut") from error

    async def send(self, publications: Iterable[Publication], packet_ids: Sequence[int] = ()) -> None:
        """Publish, then acknowledge, as every connection does."""
        await super().send(publications, packet_ids)
        self.acknowledged += len(packet_ids)


class WatchedInbox(Inbox):
    """An inbox that knows how many deliveries of the present connection have been taken out of it."""

    taken = 0

    def forget(self) -> None:
        """Drop what nobody has taken."""
        super().forget()
        self.taken = 0

    async def take(self) -> Batch | None:
        """Wait for deliveries and take a batch; None at the end."""
        batch = await super().take()
        if batch:
            self.taken = batch.items[-1].delivery.number
        return batch


async def leave(inbox: WatchedInbox, present: Callable[[], Connection | None]) -> None:
    """Unsubscribe, and return when everything that the broker holds for this archiver is acknowledged.

    `present` returns the present connection, if there is one; new ones unsubscribe by themselves. It waits for as long
    as broker or database are away.
    """
    gone: Connection | None = None
    while True:
        connection = present()
        if isinstance(connection, WatchedConnection) and connection is not gone:
            try:
                if await _is_drained(inbox, connection):
                    return
            except BrokerAwayError:
                gone = connection
        await asyncio.sleep(_LOOK_SECONDS)


async def _is_drained(inbox: WatchedInbox, connection: WatchedConnection) -> bool:
    """Whether all is acknowledged and the broker, which sends what is queued before it answers, has nothing more."""
    await connection.unsubscribe_all()
    await asyncio.sleep(QUIET_SECONDS)
    before = connection.acknowledged
    if len(inbox) or inbox.taken != before:
        return False
    await connection.unsubscribe_all()
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
