"""What is stored is let go at once: thousands of messages would else lie in memory until the next ones come."""

import asyncio
import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from archiver.backoff import Backoff
from archiver.batch import Inbox
from archiver.connection import Connection
from archiver.delivery import Delivery, Origin
from archiver.errors import OutageError
from archiver.letters import Item, Letter, read_delivery
from archiver.plan import Archived, Outcome
from archiver.settings import Credentials
from archiver.status import Status
from archiver.worker import Stored, Worker
from wire.broker import BrokerAddress
from wire.topics import inbox


class Archive:
    """A database that is away for the first attempts."""

    def __init__(self, attempts: int) -> None:
        self._attempts = attempts

    def check(self) -> None:
        """Be there."""

    def interrupt(self) -> None:
        """Have nothing to cut short."""

    def store(self, _origin: Origin, items: Sequence[Item]) -> list[Outcome]:
        """Store everything, or fail."""
        if self._attempts:
            self._attempts -= 1
            raise OutageError("away")
        return [
            Archived(item.id, number, "alice", "bob") for number, item in enumerate(items) if isinstance(item, Letter)
        ]


@pytest.fixture
def without_collector() -> Iterator[None]:
    """Leave cycles of references alone, as the archiver does under load."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def _stored(archive: Archive, inbox: Inbox, settle: Callable[[Stored], None]) -> None:
    done = asyncio.Event()

    async def note(stored: Stored) -> None:
        settle(stored)
        done.set()

    with ThreadPoolExecutor(1) as thread:
        worker = Worker(
            inbox=inbox,
            archive=archive,
            thread=thread,
            settle=note,
            status=Status(lambda: 0.0),
            backoff=Backoff(0.001, 0.002, lambda: 0.0),
        )
        running = asyncio.create_task(worker.run())
        await done.wait()
        inbox.end()
        await running


@pytest.mark.usefixtures("without_collector")
@pytest.mark.parametrize("attempts", [0, 3])
def test_a_batch_is_let_go_once_it_is_stored_also_after_an_outage(attempts: int) -> None:
    body = os.urandom(16)
    before = sys.getrefcount(body)
    packet_ids: list[int] = []

    async def run() -> None:
        connection = Connection(BrokerAddress("127.0.0.1", 1, tls=False), Credentials("archiver", "archiver.1", ""), 10)
        waiting = Inbox(10, 0.0, lambda: 0, most=10)
        waiting.open(connection, Origin("archiver.1", 1, resumed=False))
        held = [read_delivery(Delivery(1, 7, False, inbox("bob", "alice"), body, None, [], 0), uuid4)]
        await waiting.put(held)
        held.clear()
        await _stored(Archive(attempts), waiting, lambda stored: packet_ids.extend(stored.packet_ids))

    asyncio.run(run())
    assert packet_ids == [7]
    assert sys.getrefcount(body) == before, "somebody holds the batch still"
