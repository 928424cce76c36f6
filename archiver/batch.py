"""What arrives, gathered into batches: at once when idle, larger ones under load. No I/O."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from archiver.connection import Connection
from archiver.delivery import Origin
from archiver.letters import Item

BATCH_BYTES = 8 * 1024 * 1024
"""Bodies of a batch together, in bytes; a larger body makes a batch of its own."""
WAITING_BYTES = 64 * 1024 * 1024
"""Bodies of all that waits, in bytes; one read may go beyond it."""


_BUSY_SHARE = 20


@dataclass(frozen=True, slots=True)
class Batch:
    """Deliveries of one connection in their order of arrival, as they were read; never empty."""

    connection: Connection
    origin: Origin
    items: list[Item]


class Inbox:
    """Deliveries of the present connection that nobody has taken yet.

    The broker should send no more than the receive maximum before we acknowledge, but Mosquitto 2.0 does once something
    had to wait in its queue. So there is a bound here too, of number and of bytes: beyond it `put` does not return.
    """

    def __init__(self, rows: int, linger: float, now: Callable[[], int], most: int) -> None:
        """Give at most `rows` at a time; under load wait up to `linger` seconds for that many, or for
        `most` if that is fewer. Hold about `most`.

        `now` tells Unix microseconds, as `Delivery.received_at` does.
        """
        self._rows = rows
        self._most = most
        self._bytes = 0
        self._room = asyncio.Event()
        self._linger = linger
        self._now = now
        self._waiting: deque[Item] = deque()
        self._connection: Connection | None = None
        self._origin: Origin | None = None
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._ended = False
        self.taken = 0
        """The number of the newest delivery of the present connection that was taken."""

    def __len__(self) -> int:
        return len(self._waiting)

    def open(self, connection: Connection, origin: Origin) -> None:
        """Begin with a new connection; what came over an earlier one is forgotten: the broker sends it again."""
        self.forget()
        self._connection = connection
        self._origin = origin

    async def put(self, items: Sequence[Item]) -> None:
        """Add deliveries of the present connection; then wait until there is room for more."""
        if self._ended or not items:
            return
        self._waiting.extend(items)
        self._bytes += sum([len(item.delivery.body) for item in items])
        self._arrived.set()
        if self._is_full():
            self._full.set()
        if self._is_over():
            self._room.clear()
            await self._room.wait()

    def _is_over(self) -> bool:
        return len(self._waiting) >= self._most or self._bytes >= WAITING_BYTES

    def _is_full(self) -> bool:
        """Whether waiting would bring no more: there is a batch, by number or by bytes, or no room."""
        return len(self._waiting) >= self._rows or self._bytes >= BATCH_BYTES or self._is_over()

    def forget(self) -> None:
        """Drop what nobody has taken."""
        self._waiting.clear()
        self._bytes = 0
        self.taken = 0
        self._room.set()
        if not self._ended:
            self._arrived.clear()
        self._full.clear()

    def end(self) -> None:
        """Give out nothing more."""
        self._ended = True
        self.forget()
        self._arrived.set()

    async def take(self) -> Batch | None:
        """Wait for deliveries and take a batch; None at the end.

        It is under load when as much has come meanwhile as makes it worth waiting for more: a twentieth of a batch.
        """
        busy = len(self._waiting) * _BUSY_SHARE >= self._rows
        while not self._ended:
            await self._arrived.wait()
            if busy:
                await self._gather()
            items = self._cut()
            if items and self._connection and self._origin:
                self.taken = items[-1].delivery.number
                return Batch(self._connection, self._origin, items)
        return None

    async def _gather(self) -> None:
        waited = (self._now() - self._waiting[0].delivery.received_at) / 1e6 if self._waiting else 0.0
        left = min(self._linger - waited, self._linger)
        if left > 0 and not self._full.is_set():
            try:
                async with asyncio.timeout(left):
                    await self._full.wait()
            except TimeoutError:
                return

    def _cut(self) -> list[Item]:
        cut: list[Item] = []
        size = 0
        while self._waiting and len(cut) < self._rows:
            bigger = size + len(self._waiting[0].delivery.body)
            if cut and bigger > BATCH_BYTES:
                break
            size = bigger
            cut.append(self._waiting.popleft())
        self._bytes -= size
        if not self._is_over():
            self._room.set()
        if not self._waiting:
            self._arrived.clear()
        if not self._is_full():
            self._full.clear()
        return cut
