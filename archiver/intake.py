"""The way in: a connection to the broker, made again whenever it ends; what comes over it goes to the inbox."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from archiver.backoff import Backoff
from archiver.batch import Delivery, Inbox, Origin
from archiver.connection import BrokerAwayError, Connection
from archiver.status import Status
from wire.topics import ARCHIVER_FILTERS

_STEADY_SECONDS = 5.0
"""A connection that lasted this long was a good one: the next attempt comes at once."""


class Intake:
    """The archiver's link to the broker."""

    def __init__(
        self, connect: Callable[[], Connection], inbox: Inbox, status: Status, backoff: Backoff, now: Callable[[], int]
    ) -> None:
        """`connect` describes a new connection, not yet opened; `now` tells Unix microseconds."""
        self._connect = connect
        self._inbox = inbox
        self._status = status
        self._backoff = backoff
        self._now = now
        self.connection: Connection | None = None
        """The present connection, if there is one."""

    async def run(self) -> None:
        """Receive until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self._receive()
            except BrokerAwayError as error:
                self._status.broker_away(error.kind, str(error))
            if loop.time() - began > _STEADY_SECONDS:
                self._backoff.reset()
            await asyncio.sleep(self._backoff.next())

    async def _receive(self) -> None:
        async with self._connect() as connection:
            await connection.subscribe_to(ARCHIVER_FILTERS)
            origin = Origin(connection.identifier, self._now(), connection.session_present)
            self._inbox.open(connection, origin)
            self.connection = connection
            self._status.broker_here("session resumed" if origin.resumed else "new session")
            try:
                await self._fill(connection)
            finally:
                self.connection = None
                self._inbox.forget()

    async def _fill(self, connection: Connection) -> None:
        number = 0
        async with aclosing(connection.incoming()) as packets:
            async for packet in packets:
                number += 1
                self._inbox.put(
                    Delivery(
                        number,
                        packet.packet_id or 0,
                        packet.duplicate,
                        packet.topic,
                        packet.payload,
                        packet.content_type,
                        packet.user_properties,
                        self._now(),
                    )
                )
