"""A SQLite file of a profile, the store for one: opened, brought up to date, and its errors as one line."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

from mqtt_client.errors import StorageError
from mqtt_client.store_schema import SCHEMA

_WAL_BYTES = 8 * 1024 * 1024
_PATIENCE_SECONDS = 10.0


class StoreFile:
    """The file, for its owner only. Every method raises StorageError."""

    schema: ClassVar[Sequence[str]] = SCHEMA
    """One script a version of the file."""
    if_damaged: ClassVar[str] = "what waited in its outbox is lost to nightjar"
    """What comes of moving it away."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        """Open the file, made when missing; its directory must be there. `now` gives Unix time."""
        self._path = path
        self._now = now
        with self._mending():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._db = sqlite3.connect(path, timeout=_PATIENCE_SECONDS, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def _end(self, table: str) -> int:
        rows = self._rows("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,))
        return int(rows[0][0]) if rows else 0

    def _rows(self, statement: str, parameters: Any = ()) -> list[Any]:  # noqa: ANN401  # what sqlite3 takes
        with self._mending():
            return self._db.execute(statement, parameters).fetchall()

    def _prepare(self) -> None:
        self._use_wal()
        # What is lost in a power cut is sent, fetched or shown again, all but what goes into the outbox: see `post`.
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
        if self._version() < len(self.schema):
            with self._writing():
                for version, script in enumerate(self.schema[self._version() :], self._version() + 1):
                    for statement in script.split(";"):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version = {version}")
        elif self._version() > len(self.schema):
            raise StorageError(f"{self._path} was made by a newer nightjar: use that one, or another --profile")

    def _use_wal(self) -> None:
        # For this SQLite waits for nobody, as it does for the rest: another process may open the new file, too.
        until = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
                time.sleep(0.02)
            else:
                return

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._mending():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._db.in_transaction:  # SQLite ends it itself when the disk is full, say
                    self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    @contextmanager
    def _mending(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StorageError(f"{self._path} cannot be used: {error}") from error
        except sqlite3.DatabaseError as error:
            raise StorageError(f"{self._path} is damaged ({error}): move it away; {self.if_damaged}") from error
        except UnicodeEncodeError as error:
            raise StorageError("not kept: it has half a character in it, which is no text") from error
        except OSError as error:
            raise StorageError(f"{self._path} cannot be opened: {error.strerror}") from error
