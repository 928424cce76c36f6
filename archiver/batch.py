"""What arrives, gathered into batches: at once when idle, larger ones under load. No I/O."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from archiver.connection import Connection
from archiver.delivery import Origin
from archiver.letters import Item

BATCH_BYTES = 8 * 1024 * 1024
"""Bodies of a batch together, in bytes; a larger body makes a batch of its own."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Deliveries of one connection in their order of arrival, as they were read; never empty."""

    connection: Connection
    origin: Origin
    items: list[Item]


class Inbox:
    """Deliveries of the present connection that nobody has taken yet.

    The broker sends no more than the receive maximum before we acknowledge, so it is bounded.
    """

    def __init__(self, rows: int, linger: float, now: Callable[[], int]) -> None:
        """Take at most `rows` at a time; under load wait up to `linger` seconds for that many.

        `now` tells Unix microseconds, as `Delivery.received_at` does.
        """
        self._rows = rows
        self._linger = linger
        self._now = now
        self._waiting: deque[Item] = deque()
        self._connection: Connection | None = None
        self._origin: Origin | None = None
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._ended = False

    def __len__(self) -> int:
        return len(self._waiting)

    def open(self, connection: Connection, origin: Origin) -> None:
        """Begin with a new connection; what came over an earlier one is forgotten: the broker sends it again."""
        self.forget()
        self._connection = connection
        self._origin = origin

    def put(self, item: Item) -> None:
        """Add a delivery of the present connection."""
        if self._ended:
            return
        self._waiting.append(item)
        self._arrived.set()
        if len(self._waiting) >= self._rows:
            self._full.set()

    def forget(self) -> None:
        """Drop what nobody has taken."""
        self._waiting.clear()
        if not self._ended:
            self._arrived.clear()
        self._full.clear()

    def end(self) -> None:
        """Give out nothing more."""
        self._ended = True
        self.forget()
        self._arrived.set()

    async def take(self) -> Batch | None:
        """Wait for deliveries and take a batch; None at the end. It is under load when something already waits."""
        busy = bool(self._waiting)
        while not self._ended:
            await self._arrived.wait()
            if busy:
                await self._gather()
            items = self._cut()
            if items and self._connection and self._origin:
                return Batch(self._connection, self._origin, items)
        return None

    async def _gather(self) -> None:
        waited = (self._now() - self._waiting[0].delivery.received_at) / 1e6 if self._waiting else 0.0
        left = min(self._linger - waited, self._linger)
        if left > 0 and len(self._waiting) < self._rows:
            try:
                async with asyncio.timeout(left):
                    await self._full.wait()
            except TimeoutError:
                return

    def _cut(self) -> list[Item]:
        cut: list[Item] = []
        size = 0
        while self._waiting and len(cut) < self._rows:
            size += len(self._waiting[0].delivery.body)
            if cut and size > BATCH_BYTES:
                break
            cut.append(self._waiting.popleft())
        if not self._waiting:
            self._arrived.clear()
        if len(self._waiting) < self._rows:
            self._full.clear()
        return cut
