"""The sending side of a person: ledger lines, then the outbox, at the pace that the run asks for."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from mqtt_client.sending import compose
from mqtt_client.store import Outgoing, Store
from mqtt_client.wakeup import WakeUps
from scripts.faults.bodies import body_of
from scripts.faults.ledger import REFUSED, STORED, Ledger, digest, read_tail
from scripts.faults.orders import Desk
from scripts.faults.people import Person, Places

_WAITING_MOST = 25
"""Messages in the outbox; a person who sees that nothing is confirmed stops typing, but for a probe now and then."""
_GO_ON_BELOW = 15
_TICK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class _Waiting:
    id: str
    put_at: float


class Sender:
    """One person's sending, over all runs of its process."""

    def __init__(self, person: Person, seed: int, desk: Desk, places: Places) -> None:
        path = places.ledger(person.name, "sent")
        self._person = person
        self._seed = seed
        self._desk = desk
        self.put = 0
        self.refused = 0
        self._put_at: dict[str, float] = {}
        self._doubtful: list[tuple[int, str]] = []
        self._longest = 0.0
        for line in read_tail(path):
            self._recall(line)
        self._ledger = Ledger(path)
        self._waiting: deque[_Waiting] = deque()
        self._is_full = False
        self.confirmed_put_at = 0.0

    @property
    def waiting(self) -> int:
        """How many messages are in the outbox."""
        return len(self._waiting)

    @property
    def count(self) -> int:
        """How many of the share have been put into the outbox; another is written for each that was refused."""
        return self.put - self.refused

    def resume(self, store: Store) -> None:
        """Find out what became of the last messages when a kill fell between their lines in the ledger and the outbox.

        The outbox takes them all or none. Of those that it had taken, as the next line says, each was sent, and counts
        as lost when it is nowhere.
        """
        self._waiting.clear()
        outbox = [id_ for id_, _ in store.outbox()]
        self._note_left(store, [id_ for id_ in self._put_at if id_ not in outbox and store.result(id_)])
        if not any(id_ in outbox or store.result(id_) for _, id_ in self._doubtful):
            for number, id_ in reversed(self._doubtful):
                self._ledger.write("not", number, id_)
                self.put = number - 1
        self._waiting.extend(_Waiting(id_, self._put_at.get(id_, 0.0)) for id_ in outbox)
        self._doubtful, self._put_at = [], {}

    async def run(self, store: Store, wakeups: WakeUps) -> None:
        """Send until the share is used up, and go on watching the outbox. Ends only when it is cancelled."""
        tokens, probed, then = 0.0, -1, time.monotonic()
        while True:
            orders, now = self._desk.orders, time.monotonic()
            tokens = min(tokens + orders.rate * (now - then), max(1.0, min(_WAITING_MOST, orders.rate / 2)))
            then = now
            self._look(store)
            due = max(int(tokens), int(self._person.quota * orders.at_once) - self.count)
            count = min(due, self._room())
            if orders.probe != probed:
                probed, count = orders.probe, max(1, count)
            count = min(count, self._person.quota - self.count)
            if count > 0:
                self._send(store, count)
                wakeups.notify()
                tokens = max(0.0, tokens - count)
            await asyncio.sleep(_TICK_SECONDS)

    def _room(self) -> int:
        """Say how many may be put into the outbox: none from when it is full until it is that no more."""
        self._is_full = self.waiting >= (_GO_ON_BELOW if self._is_full else _WAITING_MOST)
        return 0 if self._is_full else _WAITING_MOST - self.waiting

    def _send(self, store: Store, count: int) -> None:
        messages = [self._write(number) for number in range(self.put + 1, self.put + count + 1)]
        now = time.monotonic()
        lines = [
            ("put", number, message.id, digest(message.body), f"{now:.2f}")
            for number, message in enumerate(messages, self.put + 1)
        ]
        self._ledger.write_all(lines)
        store.post(*messages)
        self.put += count
        self._ledger.write("in", self.put)
        self._waiting.extend(_Waiting(message.id, now) for message in messages)

    def _write(self, number: int) -> Outgoing:
        body = body_of(self._seed, self._person.name, self._person.title or self._person.others[0], number)
        return compose(self._person.conversation, body, self._desk.now)

    def _look(self, store: Store) -> None:
        if not self._waiting:
            return
        outbox, now = {id_ for id_, _ in store.outbox()}, time.monotonic()
        left: list[_Waiting] = []
        while self._waiting and self._waiting[0].id not in outbox:
            left.append(self._waiting.popleft())
        stored = self._note_left(store, [each.id for each in left])
        for put_at in (each.put_at for each in left if each.id in stored):
            self.confirmed_put_at = max(self.confirmed_put_at, put_at)
            if put_at and now - put_at > self._longest:
                self._longest = now - put_at
                self._ledger.write("waited", f"{self._longest:.2f}")

    def _note_left(self, store: Store, ids: Sequence[str]) -> set[str]:
        """Note what has left the outbox, and how; return what the archive has."""
        results = {id_: store.result(id_) for id_ in ids}
        refused = {id_ for id_, result in results.items() if result and result.reason == "not_a_member"}
        self.refused += len(refused)
        at = f"{time.monotonic():.2f}"
        if ids:
            hows = ((id_, REFUSED if id_ in refused else STORED) for id_ in ids)
            self._ledger.write_all(("left", id_, at, how, self.refused) for id_, how in hows)
        return set(ids) - refused

    def _recall(self, line: list[str]) -> None:
        match line:
            case ["put", number, id_, _, at]:
                self.put = int(number)
                self._doubtful.append((self.put, id_))
                self._put_at[id_] = float(at)
            case ["in", _]:
                self._doubtful.clear()
            case ["not", number, id_]:
                self.put = int(number) - 1
                self._doubtful = [each for each in self._doubtful if each[1] != id_]
            case ["left", id_, _, _, refused]:
                self._put_at.pop(id_, None)
                self.refused = int(refused)
            case ["waited", seconds]:
                self._longest = max(self._longest, float(seconds))
            case _:
                pass
