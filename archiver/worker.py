"""Batches into the archive, one at a time, whatever happens to the database."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from typing import NamedTuple, Protocol, TypeVar

from archiver.backoff import Backoff
from archiver.batch import Inbox
from archiver.connection import Connection
from archiver.delivery import Origin
from archiver.errors import OutageError, UnstorableError
from archiver.letters import Item, Letter, reject
from archiver.plan import Outcome
from archiver.status import Status

SLOW_SECONDS = 5.0
"""A database that takes longer over a batch counts as away."""
STUCK_SECONDS = 60.0
"""After this long the connection to it is cut, and the batch tried over a new one."""
IDLE_CHECK_SECONDS = 5.0
"""How often the database is looked at when nothing arrives."""

_LOG = logging.getLogger("archiver")
_T = TypeVar("_T")


class Stored(NamedTuple):
    """A batch that is committed: under which packet ids it came over a connection, and what became of each message.

    The messages themselves are let go here: under load another batch is taken before this one is settled.
    """

    connection: Connection
    packet_ids: list[int]
    outcomes: list[Outcome]


class Archive(Protocol):
    """Where batches are stored: `storage.Storage`."""

    def check(self) -> None:
        """See whether the database can be used."""

    def store(self, origin: Origin, items: Sequence[Item]) -> list[Outcome]:
        """Store a batch and say what became of each item."""

    def interrupt(self) -> None:
        """Cut short what another thread is doing."""


class Worker:
    """Takes batches from the inbox and stores them. An outage stops it, and so all acknowledgement."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        archive: Archive,
        thread: Executor,
        settle: Callable[[Stored], Awaitable[None]],
        status: Status,
        backoff: Backoff,
    ) -> None:
        """`thread` is the one thread in which `archive` is used; `settle` takes what is committed."""
        self._inbox = inbox
        self._archive = archive
        self._thread = thread
        self._settle = settle
        self._status = status
        self._backoff = backoff

    async def run(self) -> None:
        """Work until the inbox is ended."""
        await self._check()
        while True:
            try:
                async with asyncio.timeout(IDLE_CHECK_SECONDS):
                    batch = await self._inbox.take()
            except TimeoutError:
                await self._check()
                continue
            if batch is None:
                return
            outcomes = await self._store(batch.origin, batch.items)
            stored = Stored(batch.connection, [item.delivery.packet_id for item in batch.items], outcomes)
            del batch, outcomes
            await self._settle(stored)
            del stored  # not to be held until the next messages come

    async def _store(self, origin: Origin, items: Sequence[Item]) -> list[Outcome]:
        """Store items in their order, however long it takes; returns what became of each."""
        while True:
            try:
                outcomes = await self._in_thread(lambda: self._archive.store(origin, items))
            except OutageError as error:
                await self._wait_out(error)
            except UnstorableError as error:
                return await self._isolate(origin, items, error)
            else:
                self._database_answered()
                return outcomes

    async def _isolate(self, origin: Origin, items: Sequence[Item], error: UnstorableError) -> list[Outcome]:
        """Find by halving the one that cannot be stored; it becomes a dead letter or, if that fails too, is dropped."""
        if len(items) > 1:
            middle = len(items) // 2
            first = await self._store(origin, items[:middle])
            return [*first, *await self._store(origin, items[middle:])]
        item = items[0]
        if isinstance(item, Letter):
            _LOG.error("a message from %s becomes a dead letter: %s", item.sender, error)
            return await self._store(origin, [reject(item, "malformed", str(error))])
        _LOG.error("a message from %s is dropped, it cannot even be a dead letter: %s", item.sender, error)
        return [item]

    async def _check(self) -> None:
        while True:
            try:
                await self._in_thread(self._archive.check)
            except OutageError as error:
                await self._wait_out(error)
            else:
                self._database_answered()
                return

    def _database_answered(self) -> None:
        self._status.database_here()
        self._backoff.reset()

    async def _wait_out(self, error: OutageError) -> None:
        self._status.database_away(str(error))
        await asyncio.sleep(self._backoff.next())

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        future = asyncio.get_running_loop().run_in_executor(self._thread, work)
        done, _ = await asyncio.wait({future}, timeout=SLOW_SECONDS)
        if not done:
            self._status.database_away(f"no answer for {SLOW_SECONDS:.0f} s")
            done, _ = await asyncio.wait({future}, timeout=STUCK_SECONDS)
        if not done:
            self._archive.interrupt()
        try:
            return await future
        finally:
            del future, done  # or an error, its traceback and the future would hold each other, and a whole batch
