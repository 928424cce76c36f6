"""The tables of an account's store: one script a version of the file, so that older ones can be brought up to date."""

SCHEMA = (
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
    """
ALTER TABLE outbox RENAME COLUMN recipient TO conversation;
UPDATE outbox SET conversation = 'direct:' || conversation;
ALTER TABLE outbox ADD COLUMN relation TEXT;
ALTER TABLE outbox ADD COLUMN relates_to TEXT;
CREATE TABLE markers (
    conversation   TEXT PRIMARY KEY,
    delivered      INTEGER NOT NULL DEFAULT 0,
    read           INTEGER NOT NULL DEFAULT 0,
    sent_delivered INTEGER NOT NULL DEFAULT 0,
    sent_read      INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX markers_unsent ON markers (conversation) WHERE delivered > sent_delivered OR read > sent_read;
CREATE TABLE watched (position INTEGER PRIMARY KEY AUTOINCREMENT, username TEXT NOT NULL UNIQUE);
CREATE TABLE blocked (username TEXT PRIMARY KEY);
CREATE TABLE typing (
    position     INTEGER PRIMARY KEY AUTOINCREMENT,
    at           REAL NOT NULL,
    conversation TEXT NOT NULL UNIQUE,
    active       INTEGER NOT NULL
);
""",
)
