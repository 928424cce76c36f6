"""An account's store on this machine, shared by all processes of its profile: an SQLite file for its owner only.

It holds the outbox, the archive's answers to it, a short log of what the connection brought, and what has been shown.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from mqtt_client.errors import StorageError
from mqtt_client.state import SHOWN_MOST

_LOG_SECONDS = 600
_RESULT_SECONDS = 86400

# One script a version of the file; one that is older is brought up to date by those that it lacks.
_SCHEMA = (
    """
CREATE TABLE outbox (
    position     INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    recipient    TEXT NOT NULL,
    content_type TEXT NOT NULL,
    sent_at      TEXT NOT NULL,
    body         BLOB NOT NULL
);
CREATE TABLE results (id TEXT PRIMARY KEY, seq INTEGER, reason TEXT, at REAL NOT NULL);
CREATE TABLE log (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    at       REAL NOT NULL,
    kind     TEXT NOT NULL,
    content  BLOB NOT NULL
);
CREATE TABLE cursors (scope TEXT PRIMARY KEY, seq INTEGER NOT NULL);
CREATE TABLE shown (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    scope    TEXT NOT NULL,
    sender   TEXT NOT NULL,
    id       TEXT NOT NULL,
    UNIQUE (scope, sender, id)
);
""",
    """
ALTER TABLE shown RENAME TO shown_by_scope;
CREATE TABLE shown (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    sender   TEXT NOT NULL,
    id       TEXT NOT NULL,
    UNIQUE (sender, id)
);
INSERT OR IGNORE INTO shown (sender, id) SELECT sender, id FROM shown_by_scope ORDER BY position;
DROP TABLE shown_by_scope;
""",
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way. `sent_at` is RFC 3339."""

    id: str
    recipient: str
    content_type: str
    sent_at: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Result:
    """What the archive said: a `seq`, or the `reason` of a refusal."""

    id: str
    seq: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """Something the connection brought. Positions grow; old entries are removed."""

    position: int
    kind: str
    content: bytes


def remove_store(path: Path) -> None:
    """Remove an account's store from this machine. Raises StorageError."""
    try:
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{path} cannot be removed: {error.strerror}") from error


class Store:
    """One account's store; open in as many processes as one likes. Every method raises StorageError."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        """Open the file, made when missing; its directory must be there. `now` gives Unix time."""
        self._path = path
        self._now = now
        with self._mending():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._db = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def post(self, message: Outgoing) -> None:
        """Put a message into the outbox; it survives whatever comes."""
        columns = (message.id, message.recipient, message.content_type, message.sent_at, message.body)
        with self._mending():
            self._db.execute(
                "INSERT INTO outbox (id, recipient, content_type, sent_at, body) VALUES (?, ?, ?, ?, ?)", columns
            )

    def outbox(self) -> list[tuple[str, str]]:
        """List (id, recipient) of what waits, oldest first."""
        return [(id_, recipient) for id_, recipient in self._rows("SELECT id, recipient FROM outbox ORDER BY position")]

    def outgoing(self, id_: str) -> Outgoing | None:
        """Read one message of the outbox; None when it has left it."""
        rows = self._rows("SELECT id, recipient, content_type, sent_at, body FROM outbox WHERE id = ?", (id_,))
        return Outgoing(*rows[0]) if rows else None

    def settle(self, results: Iterable[Result]) -> None:
        """Take what was answered out of the outbox and keep the answers; results of what is not there are ignored."""
        with self._writing():
            for result in results:
                if self._db.execute("DELETE FROM outbox WHERE id = ?", (result.id,)).rowcount:
                    row = (result.id, result.seq, result.reason, self._now())
                    self._db.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)", row)

    def result(self, id_: str) -> Result | None:
        """Read the answer to one of our messages, if it is there."""
        rows = self._rows("SELECT id, seq, reason FROM results WHERE id = ?", (id_,))
        return Result(*rows[0]) if rows else None

    def log(self, entries: Sequence[tuple[str, bytes]]) -> None:
        """Append (kind, content) entries in one step."""
        now = self._now()
        with self._writing():
            self._db.executemany(
                "INSERT INTO log (at, kind, content) VALUES (?, ?, ?)",
                [(now, kind, content) for kind, content in entries],
            )

    def log_end(self) -> int:
        """Return the position of the newest entry there ever was."""
        rows = self._rows("SELECT seq FROM sqlite_sequence WHERE name = 'log'")
        return int(rows[0][0]) if rows else 0

    def log_after(self, position: int, most: int = 500) -> list[LogEntry]:
        """Read the entries after a position. A reader that finds the first one further on has missed some."""
        statement = "SELECT position, kind, content FROM log WHERE position > ? ORDER BY position LIMIT ?"
        return [LogEntry(*row) for row in self._rows(statement, (position, most))]

    def cursors(self) -> dict[str, int]:
        """Return, by scope, the seq up to which everything in it has been shown. `*` is everything."""
        return dict(self._rows("SELECT scope, seq FROM cursors"))

    def move_cursor(self, scope: str, seq: int) -> None:
        """Note that everything up to `seq` has been shown; never moves back."""
        with self._mending():
            self._db.execute(
                "INSERT INTO cursors VALUES (?, ?) ON CONFLICT (scope) DO UPDATE SET seq = max(seq, excluded.seq)",
                (scope, seq),
            )

    def forget_cursors(self) -> None:
        """Begin at 0 again, in every scope: the server's numbers have."""
        with self._mending():
            self._db.execute("DELETE FROM cursors")
            self._db.execute("INSERT INTO cursors VALUES ('*', 0)")

    def show(self, identities: Iterable[tuple[str, str]]) -> None:
        """Note (sender, id) of messages that were shown, in whatever scope; the newest 20,000 are kept."""
        with self._writing():
            self._db.executemany("INSERT OR IGNORE INTO shown (sender, id) VALUES (?, ?)", identities)

    def shown(self) -> list[tuple[str, str]]:
        """List (sender, id) of what was shown, oldest first."""
        return [(sender, id_) for sender, id_ in self._rows("SELECT sender, id FROM shown ORDER BY position")]

    def tidy(self) -> None:
        """Remove what nobody waits for any more. The connection's owner does it now and then."""
        now = self._now()
        with self._writing():
            self._db.execute("DELETE FROM log WHERE at < ?", (now - _LOG_SECONDS,))
            self._db.execute("DELETE FROM results WHERE at < ?", (now - _RESULT_SECONDS,))
            self._db.execute(
                "DELETE FROM shown WHERE position <="
                " (SELECT position FROM shown ORDER BY position DESC LIMIT 1 OFFSET ?)",
                (SHOWN_MOST,),
            )

    def _rows(self, statement: str, parameters: Sequence[object] = ()) -> list[Any]:
        with self._mending():
            return self._db.execute(statement, parameters).fetchall()

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        if self._version() < len(_SCHEMA):
            with self._writing():
                for version, script in enumerate(_SCHEMA[self._version() :], self._version() + 1):
                    for statement in script.split(";"):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version = {version}")
        elif self._version() > len(_SCHEMA):
            raise StorageError(f"{self._path} was made by a newer nightjar: use that one, or another --profile")

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._mending():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
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
            raise StorageError(
                f"{self._path} is damaged ({error}): move it away; what waited in its outbox is lost to nightjar"
            ) from error
        except OSError as error:
            raise StorageError(f"{self._path} cannot be opened: {error.strerror}") from error
