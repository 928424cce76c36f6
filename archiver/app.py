"""The archiver as a whole: its parts, their supervision, and its orderly end."""

import asyncio
import logging
import random
import signal
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from uuid import uuid4

from archiver.backoff import Backoff
from archiver.batch import Inbox
from archiver.connection import BrokerAwayError, Connection
from archiver.errors import ArchiverError, SettingsError, SideTaskError
from archiver.health import keep_writing
from archiver.instance import Instance, take
from archiver.intake import Intake
from archiver.leaving import leave, subscribe_in_place
from archiver.settings import FIRST, Settings
from archiver.settler import Settler
from archiver.status import Status
from archiver.storage import Storage
from archiver.worker import Worker

FINISH_SECONDS = 3.0
"""How long the batch in hand may take once the archiver is asked to end."""
SETTLE_SECONDS = 1.0
"""How long its receipts and acknowledgements may take then."""
LEAVE_SECONDS = 20.0
"""How long one archiver of several may take, before that, to finish what the broker has for it."""
FIRST_EVERY_SECONDS = 5.0
"""How often the others look whether the first number is free; they move when it is so twice."""

_LOG = logging.getLogger("archiver")


class App:
    """One archiver process, as one of those that share the work."""

    def __init__(self, settings: Settings, instance: Instance, *, drain: bool = False) -> None:
        """Take checked settings; the token is read now (SettingsError), and a newer one in its file as it comes.

        With `drain` it takes no new messages, and ends when the broker has no more for this instance.
        """
        self._settings = settings
        self._instance = instance
        self._credentials = instance.credentials()
        self._drain = drain
        self._leaving = drain
        self._following: Instance | None = None
        self._stop = asyncio.Event()
        self._status = Status(time.monotonic)
        rows = settings.archiver_batch_rows
        # What waits takes memory; with half a batch, batches were smaller and a tenth less was stored in a second.
        self._inbox = Inbox(rows, settings.archiver_batch_ms / 1000, _now, most=max(1, rows * 3 // 4))
        self._storage = Storage(settings.database_url, edit_seconds=settings.edit_seconds)
        self._thread = ThreadPoolExecutor(1, "storage")
        self._intake = Intake(
            connect=self._connection,
            inbox=self._inbox,
            status=self._status,
            backoff=Backoff(0.05, 2.0, random.random),
            now=_now,
            new_id=uuid4,
            leaving=lambda: self._leaving,
        )
        self._settler = Settler(lambda: self._intake.connection)
        self._worker = Worker(
            inbox=self._inbox,
            archive=self._storage,
            thread=self._thread,
            settle=self._settler.put,
            status=self._status,
            backoff=Backoff(0.1, 3.0, random.random),
        )

    async def run(self) -> Instance | None:
        """Work until a signal asks to end. Raises SideTaskError when a part ends by itself.

        Returns the instance that this process is to be from now on, or None when it is to end.
        """
        _LOG.info("this is %s", self._instance.client_id)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_log_in_one_line)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        try:
            async with asyncio.TaskGroup() as group:
                worker = group.create_task(self._supervise("worker", self._worker.run()))
                settler = group.create_task(self._supervise("receipts", self._settler.run()))
                health = keep_writing(self._settings.archiver_health_file, self._status)
                others = [
                    group.create_task(self._supervise("intake", self._intake.run())),
                    group.create_task(self._supervise("health", health)),
                ]
                if self._drain:
                    others.append(group.create_task(self._supervise("drain", self._end_when_drained())))
                elif self._instance.lock is not None and self._instance.name != FIRST:
                    others.append(group.create_task(self._supervise("watch", self._move_when_first_is_free())))
                await self._stop.wait()
                await self._take_leave()
                await self._finish(worker, settler)
                for task in others:
                    task.cancel()
        except* ArchiverError as errors:
            raise SideTaskError("; ".join(str(error) for error in errors.exceptions)) from errors
        finally:
            self._storage.end()
            self._thread.shutdown(wait=False, cancel_futures=True)
        return self._following

    def _end(self) -> None:
        """End, whatever this process was about to become."""
        self._following = None
        self._stop.set()

    async def _take_leave(self) -> None:
        """See all through that the broker has given us, as far as that goes in time; the others get what is new."""
        if self._instance.stays_subscribed or self._drain or self._following:
            return
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await self._leave()
        except TimeoutError:
            _LOG.warning("the broker keeps messages for %s until it is started again", self._instance.client_id)

    async def _leave(self) -> None:
        self._leaving = True
        _LOG.info("%s takes no new messages and stores what the broker has for it", self._instance.client_id)
        await leave(self._inbox, lambda: self._intake.connection)

    async def _end_when_drained(self) -> None:
        await leave(self._inbox, lambda: self._intake.connection)
        _LOG.info("the broker has no more messages for %s", self._instance.client_id)
        self._stop.set()

    async def _move_when_first_is_free(self) -> None:
        """Take the first number's place when nobody else does: the one for which the broker gathers at all times."""
        free_before = False
        while not self._stop.is_set():
            await asyncio.sleep(FIRST_EVERY_SECONDS)
            try:
                first = take(self._settings, FIRST)
            except SettingsError as error:
                _LOG.debug("the first number cannot be looked at: %s", error)
                first = None
            if first and free_before and await self._is_subscribed(first):
                await self._move(first)
                return
            if first:
                first.release()
            free_before = first is not None

    async def _move(self, first: Instance) -> None:
        """Leave this number and become the first, unless asked to end meanwhile.

        It takes as long as it takes: nobody would come back to a number that is left with messages.
        """
        if not self._stop.is_set():
            _LOG.info("no archiver is %s: this one takes its place", first.client_id)
            await self._leave()
        if not self._stop.is_set():
            self._following = first
            self._stop.set()

    async def _is_subscribed(self, first: Instance) -> bool:
        try:
            credentials = first.credentials()
            connection = Connection(self._settings.broker, credentials, self._settings.archiver_receive_maximum)
            await subscribe_in_place(connection)
        except (BrokerAwayError, SettingsError) as error:
            _LOG.debug("%s stays as it is: %s", first.client_id, error)
            return False
        return True

    async def _finish(self, worker: asyncio.Task[None], settler: asyncio.Task[None]) -> None:
        """See the batch in hand through, as far as that goes in a few seconds."""
        self._inbox.end()
        await asyncio.wait({worker}, timeout=FINISH_SECONDS)
        if not worker.done():
            _LOG.warning("ending without the batch in hand: the broker keeps it")
            worker.cancel()
            self._storage.end()
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS):
                await self._settler.put(None)
                await asyncio.wait({settler})
        settler.cancel()

    async def _supervise(self, name: str, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception as error:
            raise SideTaskError(f"the {name} failed: {type(error).__name__}: {error}") from error
        if not self._stop.is_set():
            raise SideTaskError(f"the {name} ended by itself")

    def _connection(self) -> Connection:
        try:
            self._credentials = self._instance.credentials()
        except SettingsError as error:
            _LOG.debug("the token read before is used: %s", error)
        return Connection(self._settings.broker, self._credentials, self._settings.archiver_receive_maximum)


def _now() -> int:
    return time.time_ns() // 1000


def _log_in_one_line(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    _LOG.error("%s: %r", context.get("message"), context.get("exception"))
