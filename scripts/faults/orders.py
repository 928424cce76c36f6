"""A client process's desk: the orders as they are now, and a wall clock that they can move."""

import asyncio
import time
from collections.abc import Callable

from scripts.faults.control import Orders, read_orders
from scripts.faults.people import Places

_POLL_SECONDS = 0.1


class Desk:
    """What a client process is to do at the moment."""

    def __init__(self, client: str, places: Places) -> None:
        self._client = client
        self._path = places.orders
        self.orders: Orders = read_orders(self._path)

    def now(self) -> float:
        """Return Unix time by this client's clock."""
        return time.time() + self.orders.clocks.get(self._client, 0.0)

    async def until(self, reached: Callable[[Orders], bool]) -> None:
        """Follow the orders until they say something."""
        while not reached(self.orders):
            await asyncio.sleep(_POLL_SECONDS)
            self.orders = read_orders(self._path)
