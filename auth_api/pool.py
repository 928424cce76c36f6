"""A pool of database connections for one worker process. What the driver raises stops here."""

import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import psycopg2
from psycopg2.extensions import connection, cursor

from auth_api.errors import UnavailableError
from db import PLAN_ONCE, DatabaseError, connect

_AWAY: Final = "The database is away."
_OUT_OF_REACH: Final = (psycopg2.OperationalError, psycopg2.InterfaceError)
_SETTINGS: Final = f"""
    SET statement_timeout = '15s';
    SET idle_in_transaction_session_timeout = '30s';
    {PLAN_ONCE}
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that each connection plans once: `sql` with $1, $2, …, which are of these types in turn."""

    name: str
    types: tuple[str, ...]
    sql: str

    @property
    def preparation(self) -> str:
        """The SQL that prepares it."""
        return f"PREPARE {self.name} ({', '.join(self.types)}) AS {self.sql}"

    @property
    def call(self) -> str:
        """The SQL that runs it, with a place for each parameter."""
        return f"EXECUTE {self.name} ({', '.join(['%s'] * len(self.types))})"


class Cursor(cursor):
    """What queries run on."""

    prepared: set[str]
    """The statements that its connection knows."""

    def run(self, statement: Statement, *values: object) -> None:
        """Execute a statement; prepare it first if that is new to the connection."""
        if statement.name not in self.prepared:
            self.execute(statement.preparation)
            self.prepared.add(statement.name)
        self.execute(statement.call, values)


@dataclass(frozen=True, slots=True)
class _Connection:
    """An open connection, and the statements that it knows."""

    raw: connection
    prepared: set[str] = field(default_factory=set)

    def cursor(self) -> Cursor:
        """Open a cursor; it is a context manager that closes it."""
        opened = self.raw.cursor(cursor_factory=Cursor)
        opened.prepared = self.prepared
        return opened


class Pool:
    """At most `size` connections, opened when first needed, kept until they break.

    Every use raises UnavailableError when the database is out of reach, does not answer in time, or breaks off.
    A connection that broke while it lay idle is noticed before its next use and replaced.
    """

    def __init__(self, url: str, size: int, wait_seconds: float = 5.0) -> None:
        self._url = url
        self._wait = wait_seconds
        self._free: list[_Connection] = []
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(size)

    @contextmanager
    def reading(self) -> Iterator[Cursor]:
        """Lend a cursor on which every statement stands alone."""
        with self._lent() as lent, lent.cursor() as opened:
            yield opened

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """Lend a cursor inside a transaction: committed at the end, rolled back when an exception leaves it."""
        with self._lent() as lent, lent.raw, lent.cursor() as opened:
            yield opened

    def close(self) -> None:
        """Close what lies idle."""
        with self._lock:
            idle, self._free = self._free, []
        for each in idle:
            each.raw.close()

    @contextmanager
    def _lent(self) -> Iterator[_Connection]:
        if not self._slots.acquire(timeout=self._wait):
            raise UnavailableError("The service is too busy.")
        try:
            lent = self._take()
            try:
                yield lent
            except psycopg2.Error as error:
                # A plan that a migration has made invalid would fail again and again.
                lent.raw.close()
                if isinstance(error, _OUT_OF_REACH):
                    raise UnavailableError(_AWAY) from error
                raise
            finally:
                self._give_back(lent)
        finally:
            self._slots.release()

    def _take(self) -> _Connection:
        while True:
            with self._lock:
                found = self._free.pop() if self._free else None
            if found is None:
                return self._open()
            if _is_sound(found.raw):
                return found
            found.raw.close()

    def _open(self) -> _Connection:
        try:
            opened = connect(self._url, "api")
        except DatabaseError as error:
            raise UnavailableError(_AWAY) from error
        try:
            opened.autocommit = True
            with opened.cursor() as setup:
                setup.execute(_SETTINGS)
        except _OUT_OF_REACH as error:
            raise UnavailableError(_AWAY) from error
        return _Connection(opened)

    def _give_back(self, lent: _Connection) -> None:
        if lent.raw.closed or lent.raw.info.transaction_status != psycopg2.extensions.TRANSACTION_STATUS_IDLE:
            lent.raw.close()
            return
        with self._lock:
            self._free.append(lent)


def _is_sound(idle: connection) -> bool:
    """Whether the server has said nothing on an idle connection: it only speaks up to end it."""
    if idle.closed:
        return False
    poll = select.poll()
    poll.register(idle.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    return not poll.poll(0)
