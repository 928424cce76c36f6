"""After the commit: receipts, then PUBACKs."""

import asyncio
import logging
from collections.abc import Callable

from archiver.connection import BrokerAwayError, Connection
from archiver.receipts import Gathered, to_senders
from archiver.worker import Stored

GATHER_SECONDS = 1.0
"""How long a receipt to a receiver may wait."""
GATHERED_MOST = 2000
"""Receipts to receivers that wait; more go out at once."""

_LOG = logging.getLogger("archiver")


class Settler:
    """Settles committed batches in their order, while the next one is being stored."""

    def __init__(self, connection: Callable[[], Connection | None]) -> None:
        """`connection` returns the present connection to the broker, if there is one."""
        self._connection = connection
        self._stored: asyncio.Queue[Stored | None] = asyncio.Queue(maxsize=1)
        self._gathered = Gathered()

    async def put(self, stored: Stored | None) -> None:
        """Hand over a committed batch; None ends `run`. Waits while an earlier one has not been begun."""
        await self._stored.put(stored)

    async def run(self) -> None:
        """Settle until the end."""
        loop = asyncio.get_running_loop()
        due = loop.time() + GATHER_SECONDS
        while True:
            try:
                async with asyncio.timeout_at(due):
                    stored = await self._stored.get()
            except TimeoutError:
                await self._tell_receivers()
                due = loop.time() + GATHER_SECONDS
                continue
            if stored is None:
                await self._tell_receivers()
                return
            await self._settle(stored)
            del stored  # not to be held until the next messages come
            if len(self._gathered) > GATHERED_MOST or loop.time() > due:
                await self._tell_receivers()
                due = loop.time() + GATHER_SECONDS

    async def _settle(self, stored: Stored) -> None:
        """Tell senders, then acknowledge, over the connection that brought the batch."""
        self._gathered.add(stored.outcomes)
        try:
            await stored.connection.send(to_senders(stored.outcomes), stored.packet_ids)
        except BrokerAwayError:
            # Stored all the same: the broker delivers it again, and the sender gets its receipt then.
            _LOG.debug("%d messages are stored but not acknowledged", len(stored.packet_ids))

    async def _tell_receivers(self) -> None:
        """Send what is gathered; without a connection it waits for the next one."""
        connection = self._connection()
        if connection and len(self._gathered):
            try:
                await connection.send(self._gathered.take())
            except BrokerAwayError:
                _LOG.debug("receipts are lost; receivers ask over REST")
