"""The way in: a connection to the broker, made again whenever it ends; what comes over it goes to the inbox."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import aclosing
from itertools import count
from uuid import UUID

from aiomqtt import PublishPacket

from archiver.backoff import Backoff
from archiver.batch import Inbox
from archiver.connection import BrokerAwayError, Connection
from archiver.delivery import Delivery, Origin
from archiver.letters import Item, read_delivery, refuse
from archiver.status import Status
from db.dead_letters import UNREADABLE
from wire.topics import ARCHIVER_FILTERS

_LOG = logging.getLogger("archiver")

_STEADY_SECONDS = 5.0
"""A connection that lasted this long was a good one: the next attempt comes at once."""


class Intake:
    """The archiver's link to the broker."""

    def __init__(
        self,
        *,
        connect: Callable[[], Connection],
        inbox: Inbox,
        status: Status,
        backoff: Backoff,
        now: Callable[[], int],
        new_id: Callable[[], UUID],
        leaving: Callable[[], bool],
    ) -> None:
        """`connect` describes a new connection, not yet opened; `now` tells Unix microseconds.

        While `leaving` new messages are for other archivers, and only what the broker has for this one is received.
        """
        self._connect = connect
        self._inbox = inbox
        self._status = status
        self._backoff = backoff
        self._now = now
        self._new_id = new_id
        self._leaving = leaving
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
            origin = Origin(connection.identifier, self._now(), connection.session_present)
            self._inbox.open(connection, origin)
            # What the session kept comes before the answer to SUBSCRIBE, which is only read when that has been taken.
            filling = asyncio.create_task(self._fill(connection))
            try:
                agree = connection.unsubscribe_from if self._leaving() else connection.subscribe_to
                await agree(ARCHIVER_FILTERS)
                self.connection = connection
                self._status.broker_here("session resumed" if origin.resumed else "new session")
                await filling
            finally:
                self.connection = None
                filling.cancel()
                await asyncio.gather(filling, return_exceptions=True)
                self._inbox.forget()

    async def _fill(self, connection: Connection) -> None:
        numbers = count(1)
        async with aclosing(connection.incoming()) as received:
            async for packets in received:
                await self._inbox.put(self._items(packets, numbers))
                del packets  # not to be held until the next messages come

    def _items(self, packets: Iterable[PublishPacket], numbers: Iterator[int]) -> list[Item]:
        now = self._now()
        texts: dict[str, str] = {}  # one of each: thousands of messages may wait, and most name the same
        return [
            self._read(
                Delivery(
                    next(numbers),
                    packet.packet_id,
                    packet.duplicate,
                    texts.setdefault(packet.topic, packet.topic),
                    packet.payload,
                    packet.content_type,
                    [(texts.setdefault(name, name), value) for name, value in packet.user_properties],
                    now,
                )
            )
            for packet in packets
            if packet.packet_id is not None  # at QoS 0, which a broker as ours is set up does not send us
        ]

    def _read(self, delivery: Delivery) -> Item:
        try:
            return read_delivery(delivery, self._new_id)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with one message must not stop the others
            detail = f"{UNREADABLE} ({type(error).__name__})"
            _LOG.error("a message becomes a dead letter: %s", detail)  # one line, no traceback
            return refuse(delivery, None, "malformed", detail, self._new_id)
