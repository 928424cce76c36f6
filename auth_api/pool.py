"""A pool of database connections for one worker process. What the driver raises stops here."""

import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

import psycopg2
from psycopg2.extensions import connection, cursor

from auth_api.errors import UnavailableError
from db import DatabaseError, connect

Cursor: TypeAlias = cursor
"""What queries run on."""

_AWAY = "The database is away."


class Pool:
    """At most `size` connections, opened when first needed, kept until they break.

    Every use raises UnavailableError when the database is out of reach, does not answer in time, or breaks off.
    A connection that broke while it lay idle is noticed before its next use and replaced.
    """

    def __init__(self, url: str, size: int, wait_seconds: float = 5.0) -> None:
        self._url = url
        self._wait = wait_seconds
        self._free: list[connection] = []
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(size)

    @contextmanager
    def reading(self) -> Iterator[Cursor]:
        """Lend a cursor on which every statement stands alone."""
        with self._lent() as lent, _driver_errors(), lent.cursor() as opened:
            yield opened

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """Lend a cursor inside a transaction: committed at the end, rolled back when an exception leaves it."""
        with self._lent() as lent, _driver_errors(), lent, lent.cursor() as opened:
            yield opened

    def close(self) -> None:
        """Close what lies idle."""
        with self._lock:
            idle, self._free = self._free, []
        for each in idle:
            each.close()

    @contextmanager
    def _lent(self) -> Iterator[connection]:
        if not self._slots.acquire(timeout=self._wait):
            raise UnavailableError("The service is too busy.")
        try:
            lent = self._take()
            try:
                yield lent
            finally:
                self._give_back(lent)
        finally:
            self._slots.release()

    def _take(self) -> connection:
        while True:
            with self._lock:
                found = self._free.pop() if self._free else None
            if found is None:
                return self._open()
            if _is_sound(found):
                return found
            found.close()

    def _open(self) -> connection:
        try:
            opened = connect(self._url, "api")
        except DatabaseError as error:
            raise UnavailableError(_AWAY) from error
        with _driver_errors():
            opened.autocommit = True
            with opened.cursor() as setup:
                setup.execute("SET statement_timeout = '15s'; SET idle_in_transaction_session_timeout = '30s'")
        return opened

    def _give_back(self, lent: connection) -> None:
        if lent.closed or lent.info.transaction_status != psycopg2.extensions.TRANSACTION_STATUS_IDLE:
            lent.close()
            return
        with self._lock:
            self._free.append(lent)


@contextmanager
def _driver_errors() -> Iterator[None]:
    try:
        yield
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        raise UnavailableError(_AWAY) from error


def _is_sound(idle: connection) -> bool:
    """Whether the server has said nothing on an idle connection: it only speaks up to end it."""
    if idle.closed:
        return False
    poll = select.poll()
    poll.register(idle.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    return not poll.poll(0)
