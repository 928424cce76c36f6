"""The archive in Postgres: with `quick`, `transaction`, `redelivery` and `queries`, all the archiver's SQL. One thread
uses it; any may `interrupt` or `end`.

A batch is one transaction under the advisory lock `db.ARCHIVE_LOCK`, held until the commit. So numbers become visible
in their order, and what is looked up stays true until the commit. Round trips are few, because others wait meanwhile.

Nearly all messages are new. So a batch is first taken to be new as a whole, and the unique index says if it is not;
then, and for `CAREFUL_SECONDS` after that, what is stored already is looked up first. A few plain messages take the
way of `quick`, in one round trip. Whether a message that cannot be taken was stored before its receiver was deleted,
say, is always looked up.

What is known of messages without an id is in `redelivery`.
"""

import logging
import os
import socket
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import psycopg2
from psycopg2.errors import UniqueViolation
from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from psycopg2.extensions import connection as Connection  # noqa: N812  # a class by its name
from psycopg2.extensions import cursor as Cursor  # noqa: N812  # a class by its name

from archiver import queries, quick
from archiver.delivery import Origin
from archiver.errors import OutageError, UnstorableError
from archiver.letters import Item
from archiver.marks import mark
from archiver.plan import Outcome
from archiver.redelivery import NOTHING_SWEPT, sweep
from archiver.settings import EDIT_SECONDS
from archiver.sorting import Sorted, sort
from archiver.transaction import Transaction
from db import DatabaseError, connect, one_line
from db.dead_letters import DATABASE_REFUSES, OWN_ERROR

CONNECT_SECONDS: Final = 3

_DATA_ERRORS: Final = ("22", "23514", "54")
"""SQLSTATEs, or classes of them, that find fault with a row's own values. Every other is an outage: the same may
succeed later. So are the rest of class 23, which speak of other rows or of the schema: a message has no part in them.
"""
CAREFUL_SECONDS: Final = 60.0
"""How long after a message that was stored already the next ones are looked up first."""

_LOG = logging.getLogger("archiver")


class _BugError(Exception):
    """An error of our own; the message names it and its place, and quotes nothing."""


class Storage:
    """The archive in Postgres."""

    def __init__(
        self, url: str, clock: Callable[[], float] = time.monotonic, *, edit_seconds: int = EDIT_SECONDS
    ) -> None:
        """Take the URL of the database; it is connected to when it is needed, and again after an outage.

        `clock` counts seconds; for `edit_seconds` a message may be edited and retracted, 0 is for ever.
        """
        self._url = url
        self._edit_seconds = edit_seconds
        self._clock = clock
        self._careful_until = float("-inf")
        self._connection: Connection | None = None
        self._swept = NOTHING_SWEPT
        self._guard = threading.Lock()
        self._ended = False

    def check(self) -> None:
        """See whether the database can be used. Raises OutageError."""
        try:
            with self._connected().cursor() as cursor:
                cursor.execute(queries.CHECK)
        except (psycopg2.Error, DatabaseError) as error:
            self._drop()
            raise OutageError(one_line(error)) from error

    def store(self, origin: Origin, items: Sequence[Item]) -> list[Outcome]:
        """Store a batch of one connection and say what became of each message, in order, and what markers moved.

        Doing it again with the same items says the same and stores no message twice. Raises OutageError when the
        database cannot be used, UnstorableError when something in the batch cannot be stored.

        An error of our own is no message's fault. It may have come of what was before, so the batch is tried once more
        over a new connection. If it comes again it would come for ever, and nothing behind the batch would be stored:
        then UnstorableError it is. So the message that brings it about, and no other, becomes a dead letter, whole, to
        be stored when we are mended, and the error is named with its place.
        """
        try:
            return self._try(origin, items)
        except _BugError as error:
            _LOG.warning("a batch is tried once more: %s", error)
            try:
                return self._try(origin, items)
            except _BugError as again:
                raise UnstorableError(str(again)) from again

    def _try(self, origin: Origin, items: Sequence[Item]) -> list[Outcome]:
        try:
            return self._store(origin, items)
        except (psycopg2.Error, DatabaseError, MemoryError) as error:
            if (getattr(error, "pgcode", None) or "").startswith(_DATA_ERRORS):
                self._roll_back()
                raise UnstorableError(f"{DATABASE_REFUSES} ({type(error).__name__})") from error
            self._drop()
            raise OutageError(_why(error)) from error
        except Exception as error:
            self._drop()
            raise _BugError(f"{OWN_ERROR}, {type(error).__name__} at {_place(error)}") from error

    def _store(self, origin: Origin, items: Sequence[Item]) -> list[Outcome]:
        batch = sort(items)
        careful = self._clock() < self._careful_until or any(item.delivery.duplicate for item in batch.mail)
        with self._connected().cursor() as cursor:
            if not careful or not batch.mail:
                try:
                    return self._store_new(cursor, origin, batch)
                except UniqueViolation as error:
                    if error.diag.constraint_name != "messages_by_identity":
                        raise
                    self._careful_until = self._clock() + CAREFUL_SECONDS
                    _roll_back(cursor)
            return self._store_as_one(cursor, origin, batch, careful=True)

    def _store_new(self, cursor: Cursor, origin: Origin, batch: Sorted) -> list[Outcome]:
        """Store what is taken to be new; UniqueViolation says that it is not, and nothing is stored."""
        outcomes = quick.store(cursor, batch.mail) if batch.mail else []
        if outcomes is None:
            return self._store_as_one(cursor, origin, batch, careful=False)
        moved = mark(cursor, queries.MARK_ALONE, batch.marks)
        self._swept = sweep(cursor, origin, self._swept, batch.items)
        return [*outcomes, *moved]

    def _store_as_one(self, cursor: Cursor, origin: Origin, batch: Sorted, *, careful: bool) -> list[Outcome]:
        outcomes, self._swept = Transaction(cursor, careful, self._edit_seconds).run(origin, batch, self._swept)
        return outcomes

    def end(self) -> None:
        """Let whatever the other thread is doing, and everything later, fail with OutageError."""
        self._ended = True
        self.interrupt()

    def interrupt(self) -> None:
        """Cut the connection under whatever the other thread is doing, which then fails with OutageError."""
        with self._guard:
            if self._connection and not self._connection.closed:
                with (
                    suppress(OSError, psycopg2.InterfaceError),
                    socket.socket(fileno=os.dup(self._connection.fileno())) as cut,
                ):
                    cut.shutdown(socket.SHUT_RDWR)

    def _connected(self) -> Connection:
        if self._ended:
            raise DatabaseError("the archiver is ending")
        if self._connection is None:
            opened = connect(self._url, "archiver", CONNECT_SECONDS)
            opened.autocommit = True  # `Transaction` begins and commits, without round trips of their own
            with self._guard:
                self._connection = opened
            try:
                with opened.cursor() as cursor:
                    cursor.execute(queries.SET_UP)
            except psycopg2.Error as error:
                self._drop()
                raise DatabaseError(one_line(error)) from error  # whatever its SQLSTATE: no message's fault
        return self._connection

    def _roll_back(self) -> None:
        """Make the connection usable again after it refused something: who sends such things costs no new one."""
        try:
            with self._connected().cursor() as cursor:
                _roll_back(cursor)
        except (psycopg2.Error, DatabaseError):
            self._drop()

    def _drop(self) -> None:
        with self._guard:
            if self._connection:
                self._connection.close()
            self._connection = None


def _roll_back(cursor: Cursor) -> None:
    if cursor.connection.info.transaction_status != TRANSACTION_STATUS_IDLE:
        cursor.execute("ROLLBACK")


def _why(error: Exception) -> str:
    """Say in one line what went wrong, without the server's details: they may quote a message."""
    primary = error.diag.message_primary if isinstance(error, psycopg2.Error) else None
    return " ".join(primary.split()) if primary else one_line(error)


def _place(error: Exception) -> str:
    """Name the line of ours in which an error came up, or below which."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).parent == Path(__file__).parent]
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"
