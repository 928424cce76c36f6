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
from archiver.connection import Connection
from archiver.errors import ArchiverError, SettingsError, SideTaskError
from archiver.health import keep_writing
from archiver.intake import Intake
from archiver.settings import Credentials, Settings, read_credentials
from archiver.settler import Settler
from archiver.status import Status
from archiver.storage import Storage
from archiver.worker import Worker

FINISH_SECONDS = 3.0
"""How long the batch in hand may take once the archiver is asked to end."""
SETTLE_SECONDS = 1.0
"""How long its receipts and acknowledgements may take then."""

_LOG = logging.getLogger("archiver")


class App:
    """One archiver process."""

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        """Take checked settings and the token as it was at the start; a newer one in the file is used as it comes."""
        self._settings = settings
        self._credentials = credentials
        self._stop = asyncio.Event()
        self._status = Status(time.monotonic)
        self._inbox = Inbox(
            settings.archiver_batch_rows, settings.archiver_batch_ms / 1000, _now, 2 * settings.archiver_receive_maximum
        )
        self._storage = Storage(settings.database_url)
        self._thread = ThreadPoolExecutor(1, "storage")
        self._intake = Intake(
            connect=self._connection,
            inbox=self._inbox,
            status=self._status,
            backoff=Backoff(0.05, 2.0, random.random),
            now=_now,
            new_id=uuid4,
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

    async def run(self) -> None:
        """Work until a signal asks to end. Raises SideTaskError when a part ends by itself."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_log_in_one_line)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        try:
            async with asyncio.TaskGroup() as group:
                worker = group.create_task(self._supervise("worker", self._worker.run()))
                settler = group.create_task(self._supervise("receipts", self._settler.run()))
                health = keep_writing(self._settings.archiver_health_file, self._status)
                others = [
                    group.create_task(self._supervise("intake", self._intake.run())),
                    group.create_task(self._supervise("health", health)),
                ]
                await self._stop.wait()
                await self._finish(worker, settler)
                for task in others:
                    task.cancel()
        except* ArchiverError as errors:
            raise SideTaskError("; ".join(str(error) for error in errors.exceptions)) from errors
        finally:
            self._storage.end()
            self._thread.shutdown(wait=False, cancel_futures=True)

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
            self._credentials = read_credentials(self._settings.archiver_token_file, self._settings.client_id)
        except SettingsError as error:
            _LOG.debug("the token read before is used: %s", error)
        return Connection(self._settings.broker, self._credentials, self._settings.archiver_receive_maximum)


def _now() -> int:
    return time.time_ns() // 1000


def _log_in_one_line(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    _LOG.error("%s: %r", context.get("message"), context.get("exception"))
