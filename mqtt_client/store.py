"""An account's store on this machine, shared by all processes of its profile: an SQLite file for its owner only.

It holds the outbox, the archive's answers to it, a short log of what the connection brought, what has been shown, and
what is to be told of markers, presence and typing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from mqtt_client.errors import StorageError
from mqtt_client.profile import chats_beside
from mqtt_client.state import SHOWN_MOST, UNSTORED_MOST
from mqtt_client.store_live import LiveStore
from wire.conversations import Conversation, parse_conversation
from wire.message import Relation

_LOG_SECONDS = 600
_LOG_MOST = 10_000
_RESULT_SECONDS = 86400
_RESULTS_MOST = 100_000
_FORGETTABLE = ("results", "log", "cursors", "shown", "markers", "watched", "blocked", "typing")
"""All tables but the outbox."""
_OUTGOING = "id, conversation, content_type, sent_at, body, relation, relates_to"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way. `sent_at` is RFC 3339; `relates_to` is the id of the message that the relation is to."""

    id: str
    conversation: Conversation
    content_type: str
    sent_at: str
    body: bytes
    relation: Relation | None = None
    relates_to: str | None = None


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


class Store(LiveStore):
    """One account's store; open in as many processes as one likes. Every method raises StorageError."""

    def post(self, *messages: Outgoing) -> None:
        """Put messages into the outbox, all or none; they survive whatever comes, a power cut too."""
        with self._mending():
            self._db.execute("PRAGMA synchronous = FULL")
        try:
            with self._writing():
                self._db.executemany(
                    f"INSERT INTO outbox ({_OUTGOING}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  # a constant
                    [(each.id, str(each.conversation), *astuple(each)[2:]) for each in messages],
                )
        finally:
            with self._mending():
                self._db.execute("PRAGMA synchronous = NORMAL")

    def outbox(self) -> list[tuple[str, str]]:
        """List (id, conversation) of what waits, oldest first."""
        return [(id_, conversation) for _, id_, conversation in self.outbox_after(0)]

    def outbox_after(self, position: int) -> list[tuple[int, str, str]]:
        """List (position, id, conversation) of what came after a position and waits, oldest first."""
        statement = "SELECT position, id, conversation FROM outbox WHERE position > ? ORDER BY position"
        found: list[tuple[int, str, str]] = self._rows(statement, (position,))
        return found

    def outbox_before(self, sent_at: str) -> list[tuple[str, str]]:
        """List (id, conversation) of what waits and was written before that time, oldest first."""
        statement = "SELECT id, conversation FROM outbox WHERE sent_at < ? ORDER BY position"
        found: list[tuple[str, str]] = self._rows(statement, (sent_at,))
        return found

    def outbox_end(self) -> int:
        """Return the position of the newest message that was ever in the outbox."""
        return self._end("outbox")

    def outgoing(self, id_: str) -> Outgoing | None:
        """Read one message of the outbox; None when it has left it."""
        rows = self._rows(f"SELECT {_OUTGOING} FROM outbox WHERE id = ?", (id_,))  # noqa: S608  # a constant
        if not rows:
            return None
        conversation = parse_conversation(rows[0][1])
        if conversation is None:
            raise StorageError(f"{self._path} is damaged: {rows[0][1]!r} in its outbox is no conversation")
        return Outgoing(rows[0][0], conversation, *rows[0][2:])

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

    def set_back(self, seq: int) -> None:
        """Go on after `seq` in every scope, and forget all markers: the server's numbers were set back."""
        with self._writing():
            self._db.execute("DELETE FROM cursors")
            self._db.execute("INSERT INTO cursors VALUES ('*', ?)", (seq,))
            self._db.execute("DELETE FROM markers")

    def begin_anew(self) -> None:
        """Forget everything but the outbox, and begin at 0: the account is a new one."""
        with self._writing():
            for table in _FORGETTABLE:
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608  # a constant
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
