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
from mqtt_client.profile import chats_beside
from mqtt_client.state import SHOWN_MOST, UNSTORED_MOST

_LOG_SECONDS = 600
_LOG_MOST = 10_000
_RESULT_SECONDS = 86400
_RESULTS_MOST = 100_000
_WAL_BYTES = 8 * 1024 * 1024

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
    """
ALTER TABLE shown ADD COLUMN stored INTEGER NOT NULL DEFAULT 1;
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
    """Remove an account's store from this machine, and the app's copy with it. Raises StorageError."""
    remove_file(chats_beside(path))
    remove_file(path)


def remove_file(path: Path) -> None:
    """Remove an SQLite file and what stands beside it. Raises StorageError."""
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

    def post(self, *messages: Outgoing) -> None:
        """Put messages into the outbox, all or none; they survive whatever comes, a power cut too."""
        with self._mending():
            self._db.execute("PRAGMA synchronous = FULL")
        try:
            with self._writing():
                self._db.executemany(
                    "INSERT INTO outbox (id, recipient, content_type, sent_at, body) VALUES (?, ?, ?, ?, ?)",
                    [(each.id, each.recipient, each.content_type, each.sent_at, each.body) for each in messages],
                )
        finally:
            with self._mending():
                self._db.execute("PRAGMA synchronous = NORMAL")

    def outbox(self) -> list[tuple[str, str]]:
        """List (id, recipient) of what waits, oldest first."""
        return [(id_, recipient) for _, id_, recipient in self.outbox_after(0)]

    def outbox_after(self, position: int) -> list[tuple[int, str, str]]:
        """List (position, id, recipient) of what came after a position and waits, oldest first."""
        statement = "SELECT position, id, recipient FROM outbox WHERE position > ? ORDER BY position"
        return self._rows(statement, (position,))

    def outbox_end(self) -> int:
        """Return the position of the newest message that was ever in the outbox."""
        return self._end("outbox")

    def outgoing(self, id_: str) -> Outgoing | None:
        """Read one message of the outbox; None when it has left it."""
        rows = self._rows("SELECT id, recipient, content_type, sent_at, body FROM outbox WHERE id = ?", (id_,))
        return Outgoing(*rows[0]) if rows else None

    def settle(self, results: Iterable[Result]) -> None:
        """Take what was answered out of the outbox and keep the answers; results of what is not there are ignored."""
        self.take(results, ())

    def result(self, id_: str) -> Result | None:
        """Read the answer to one of our messages, if it is there."""
        rows = self._rows("SELECT id, seq, reason FROM results WHERE id = ?", (id_,))
        return Result(*rows[0]) if rows else None

    def log(self, entries: Sequence[tuple[str, bytes]]) -> None:
        """Append (kind, content) entries in one step."""
        self.take((), entries)

    def take(self, results: Iterable[Result], entries: Sequence[tuple[str, bytes]]) -> None:
        """Do what `settle` and `log` do, in one step."""
        now = self._now()
        with self._writing():
            for result in results:
                if self._db.execute("DELETE FROM outbox WHERE id = ?", (result.id,)).rowcount:
                    row = (result.id, result.seq, result.reason, now)
                    self._db.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)", row)
            self._db.executemany(
                "INSERT INTO log (at, kind, content) VALUES (?, ?, ?)",
                [(now, kind, content) for kind, content in entries],
            )

    def log_end(self) -> int:
        """Return the position of the newest entry there ever was."""
        return self._end("log")

    def log_after(self, position: int, most: int = 500) -> list[LogEntry]:
        """Read the entries after a position. A reader that finds the first one further on has missed some."""
        statement = "SELECT position, kind, content FROM log WHERE position > ? ORDER BY position LIMIT ?"
        return [LogEntry(*row) for row in self._rows(statement, (position, most))]

    def cursors(self) -> dict[str, int]:
        """Return, by scope, the seq up to which everything in it has been shown. `*` is everything."""
        return dict(self._rows("SELECT scope, seq FROM cursors"))

    def move_cursor(self, scope: str, seq: int, shown: Iterable[tuple[str, str]] = ()) -> None:
        """Note that everything up to `seq` has been shown, `shown` among it; the cursor never moves back."""
        with self._writing():
            self._show(shown, stored=True)
            self._db.execute(
                "INSERT INTO cursors VALUES (?, ?) ON CONFLICT (scope) DO UPDATE SET seq = max(seq, excluded.seq)",
                (scope, seq),
            )

    def forget_cursors(self) -> None:
        """Begin at 0 again, in every scope: the server's numbers have."""
        with self._mending():
            self._db.execute("DELETE FROM cursors")
            self._db.execute("INSERT INTO cursors VALUES ('*', 0)")

    def show(self, identities: Iterable[tuple[str, str]], *, stored: bool = False) -> None:
        """Note (sender, id) of messages that were shown, in whatever scope; `stored` when they came from the feed.

        The newest 20,000 that are stored are kept, and 100,000 that are not known to be.
        """
        with self._writing():
            self._show(identities, stored=stored)

    def shown(self) -> list[tuple[tuple[str, str], bool]]:
        """List (sender, id) of what was shown, oldest first, each with whether it is known to be stored."""
        rows = self._rows("SELECT sender, id, stored FROM shown ORDER BY position")
        return [((sender, id_), bool(stored)) for sender, id_, stored in rows]

    def tidy(self) -> None:
        """Remove what nobody waits for any more. The connection's owner does it now and then."""
        now = self._now()
        with self._writing():
            self._db.execute("DELETE FROM log WHERE at < ?", (now - _LOG_SECONDS,))
            self._db.execute("DELETE FROM results WHERE at < ?", (now - _RESULT_SECONDS,))
            for table, most in (("log", _LOG_MOST), ("results", _RESULTS_MOST)):
                self._db.execute(
                    f"DELETE FROM {table} WHERE rowid <= (SELECT max(rowid) FROM {table}) - ?",  # noqa: S608  # constants
                    (most,),
                )
            for stored, most in ((True, SHOWN_MOST), (False, UNSTORED_MOST)):
                self._db.execute(
                    "DELETE FROM shown WHERE stored = :stored AND position <= (SELECT position FROM shown"
                    " WHERE stored = :stored ORDER BY position DESC LIMIT 1 OFFSET :most)",
                    {"stored": stored, "most": most},
                )

    def _show(self, identities: Iterable[tuple[str, str]], *, stored: bool) -> None:
        self._db.executemany(
            "INSERT INTO shown (sender, id, stored) VALUES (?, ?, ?)"
            " ON CONFLICT (sender, id) DO UPDATE SET stored = max(stored, excluded.stored)",
            [(*identity, stored) for identity in identities],
        )

    def _end(self, table: str) -> int:
        rows = self._rows("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,))
        return int(rows[0][0]) if rows else 0

    def _rows(self, statement: str, parameters: Sequence[object] = ()) -> list[Any]:
        with self._mending():
            return self._db.execute(statement, parameters).fetchall()

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        # What is lost in a power cut is sent, fetched or shown again, all but what goes into the outbox: see `post`.
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
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
