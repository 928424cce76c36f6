"""The sending side of a person: a ledger line, then the outbox, at the pace that the run asks for."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass

from mqtt_client.sending import compose
from mqtt_client.store import Store
from mqtt_client.wakeup import WakeUps
from scripts.faults.bodies import body_of
from scripts.faults.ledger import Ledger, digest, read_ledger
from scripts.faults.orders import Desk
from scripts.faults.people import Person, Places

_WAITING_MOST = 100
"""Messages in the outbox; a person who sees that nothing is confirmed stops typing."""
_TICK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class _Waiting:
    number: int
    id: str
    put_at: float


class Sender:
    """One person's sending, over all runs of its process."""

    def __init__(self, person: Person, seed: int, desk: Desk, places: Places) -> None:
        path = places.ledger(person.name, "sent")
        self._person = person
        self._seed = seed
        self._desk = desk
        self._last: list[str] = []
        self._is_in = False
        for line in read_ledger(path):
            if line[0] in ("put", "not") and len(line) > 2:
                self._last, self._is_in = line, False
            self._is_in = self._is_in or line[0] == "in"
        self.put = int(self._last[1]) - (self._last[0] == "not") if self._last else 0
        self._ledger = Ledger(path)
        self._waiting: deque[_Waiting] = deque()
        self.confirmed_put_at = 0.0

    @property
    def waiting(self) -> int:
        """How many messages are in the outbox."""
        return len(self._waiting)

    def resume(self, store: Store) -> None:
        """Find out what became of the last message when a kill fell between its line in the ledger and the outbox.

        One that the outbox had taken, as the next line says, was sent, and counts as lost when it is nowhere.
        """
        self._waiting.clear()
        outbox = {id_ for id_, *_ in store.outbox()}
        if self._last and self._last[0] == "put" and not self._is_in:
            number, id_ = int(self._last[1]), self._last[2]
            if id_ not in outbox and store.result(id_) is None:
                self._ledger.write("not", number, id_)
                self.put = number - 1
        self._last = []
        self._waiting.extend(_Waiting(0, id_, 0.0) for id_ in outbox)

    async def run(self, store: Store, wakeups: WakeUps) -> None:
        """Send until the share is used up, and go on watching the outbox. Ends only when it is cancelled."""
        tokens, probed, then = 0.0, -1, time.monotonic()
        while True:
            orders, now = self._desk.orders, time.monotonic()
            tokens = min(tokens + orders.rate * (now - then), max(1.0, min(_WAITING_MOST, orders.rate / 2)))
            then = now
            if orders.probe != probed:
                probed, tokens = orders.probe, max(1.0, tokens)
            self._look(store)
            while tokens >= 1 and self.put < self._person.quota and len(self._waiting) < _WAITING_MOST:
                self._send(store, wakeups)
                tokens -= 1
            await asyncio.sleep(_TICK_SECONDS)

    def _send(self, store: Store, wakeups: WakeUps) -> None:
        number = self.put + 1
        body = body_of(self._seed, self._person.name, self._person.other, number)
        message = compose(self._person.other, body, self._desk.now)
        self._ledger.write("put", number, message.id, digest(body))
        store.post(message)
        self._ledger.write("in", number)
        self.put = number
        self._waiting.append(_Waiting(number, message.id, time.monotonic()))
        wakeups.notify()

    def _look(self, store: Store) -> None:
        if self._waiting:
            outbox = {id_ for id_, *_ in store.outbox()}
            while self._waiting and self._waiting[0].id not in outbox:
                self.confirmed_put_at = max(self.confirmed_put_at, self._waiting.popleft().put_at)
