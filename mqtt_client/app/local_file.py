"""The SQLite file of the local copy: opened, brought up to date, and its errors as one line."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from mqtt_client.errors import StorageError

_WAL_BYTES = 8 * 1024 * 1024

# One script a version of the file; one that is older is brought up to date by those that it lacks.
_SCHEMA = (
    """
CREATE TABLE messages (
    arrival      INTEGER PRIMARY KEY AUTOINCREMENT,
    place        INTEGER NOT NULL,
    conversation TEXT NOT NULL,
    sender       TEXT NOT NULL,
    id           TEXT NOT NULL,
    content_type TEXT NOT NULL,
    body         BLOB NOT NULL,
    sent_at      REAL NOT NULL,
    relation     TEXT,
    seq          INTEGER,
    mark         TEXT NOT NULL,
    reason       TEXT NOT NULL DEFAULT '',
    is_new       INTEGER NOT NULL DEFAULT 0,
    UNIQUE (sender, id)
);
CREATE INDEX messages_in_order ON messages (conversation, place, arrival);
CREATE INDEX messages_unread ON messages (conversation) WHERE is_new;
CREATE INDEX messages_sending ON messages (conversation) WHERE mark = 'sending';
CREATE INDEX messages_rejected ON messages (conversation) WHERE mark = 'rejected';
CREATE TABLE conversations (
    name     TEXT PRIMARY KEY,
    title    TEXT NOT NULL DEFAULT '',
    floor    INTEGER NOT NULL,
    is_whole INTEGER NOT NULL DEFAULT 0,
    muted    INTEGER NOT NULL DEFAULT 0,
    draft    TEXT NOT NULL DEFAULT ''
);
CREATE TABLE cursors (scope TEXT PRIMARY KEY, seq INTEGER NOT NULL);
CREATE TABLE typed (position INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL);
CREATE TABLE choices (name TEXT PRIMARY KEY, value TEXT NOT NULL);
""",
    """
ALTER TABLE messages ADD COLUMN relates_to INTEGER;
ALTER TABLE messages ADD COLUMN relates_to_id TEXT;
ALTER TABLE messages ADD COLUMN edited_at REAL;
ALTER TABLE messages ADD COLUMN retracted_at REAL;
ALTER TABLE messages ADD COLUMN reactions TEXT NOT NULL DEFAULT '';
CREATE INDEX messages_by_seq ON messages (seq);
ALTER TABLE conversations ADD COLUMN their_delivered INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN their_read INTEGER NOT NULL DEFAULT 0;
""",
    """
CREATE INDEX messages_by_id ON messages (id);
CREATE INDEX answers_by_seq ON messages (relates_to) WHERE relates_to IS NOT NULL;
CREATE INDEX answers_by_id ON messages (relates_to_id) WHERE relates_to_id IS NOT NULL;
""",
)


class LocalFile:
    """An open file. Every method raises StorageError."""

    def __init__(self, path: Path) -> None:
        """Open the file, made when missing; its directory must be there."""
        self._path = path
        with self._mending():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._db = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise
        self._db.create_function("folded", 1, lambda body: bytes(body).decode(errors="replace").casefold())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._path

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _rows(self, statement: str, parameters: Any = ()) -> list[Any]:  # noqa: ANN401  # what sqlite3 takes
        with self._mending():
            return self._db.execute(statement, parameters).fetchall()

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        # A power cut loses what the feed brings again; what is sent is in the store's outbox.
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
        version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if version > len(_SCHEMA):
            raise StorageError(f"{self._path} was made by a newer nightjar: use that one, or another --profile")
        if version < len(_SCHEMA):
            with self._writing():
                for number, script in enumerate(_SCHEMA[version:], version + 1):
                    for statement in script.split(";"):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version = {number}")

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
            raise StorageError(f"{self._path} is damaged ({error}): move it away; it is made anew") from error
        except UnicodeEncodeError as error:
            raise StorageError("not kept: it has half a character in it, which is no text") from error
        except OSError as error:
            raise StorageError(f"{self._path} cannot be opened: {error.strerror}") from error
