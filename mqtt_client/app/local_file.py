"""The SQLite file of the local copy."""

from pathlib import Path

from mqtt_client.store_file import StoreFile

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


class LocalFile(StoreFile):
    """An open file. Every method raises StorageError."""

    schema = _SCHEMA
    if_damaged = "it is made anew"

    def __init__(self, path: Path) -> None:
        """Open the file, made when missing; its directory must be there."""
        super().__init__(path)
        self._db.create_function("folded", 1, lambda body: bytes(body).decode(errors="replace").casefold())

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._path

    def close(self) -> None:
        """Close the file."""
        self._db.close()
