"""The local copy of an account's conversations: an SQLite file beside the store, for one app at a time.

What is in it can be fetched again, but for drafts, what was typed, and which messages have been read here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from mqtt_client.app.entries import PENDING, Entry, Mark, Page, Row
from mqtt_client.app.lines import preview, quote
from mqtt_client.app.live_storage import LiveChats, Reactions, read_reactions, write_reactions
from mqtt_client.errors import StorageError

_TYPED_MOST = 500
_NAMES = tuple(field.name for field in fields(Entry) if field.name != "quote")
_ANSWERS = frozenset({"reply", "thread"})
_ANSWERS_MOST = 500
_COLUMNS = ", ".join(_NAMES)
_ELSEWHERE = "an earlier message"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message to be kept, before it has an `arrival`."""

    conversation: str
    sender: str
    id: str
    content_type: str
    body: bytes
    sent_at: float
    relation: str | None = None
    seq: int | None = None
    relates_to: int | None = None
    relates_to_id: str | None = None
    edited_at: float | None = None
    retracted_at: float | None = None
    reactions: Reactions = ()


class Chats(LiveChats):
    """The local copy. Every method raises StorageError. `me` is whose messages carry marks."""

    def __init__(self, path: Path, me: str) -> None:
        """Open the file, made when missing; its directory must be there."""
        super().__init__(path)
        self._me = me

    # Messages

    def keep(self, messages: Iterable[Incoming], *, news: bool) -> tuple[list[Entry], list[Entry]]:
        """Keep messages; return those that were not there, and all that are new or changed.

        `news`: they have just happened, so those of others count as unread. What comes again only gains its seq.
        """
        added: list[Entry] = []
        changed: list[Entry] = []
        with self._writing():
            for message in messages:
                entry, is_added = self._keep(message, news=news)
                if is_added:
                    added.append(entry)
                changed.append(entry)
        return added, changed

    def settle(self, sender: str, id_: str, *, seq: int | None, reason: str = "") -> Entry | None:
        """Note the archive's answer to a message: its seq, or why it was refused. None when there is no such message.

        An answer that is there already stays, but for a refusal that is followed by a seq.
        """
        with self._writing():
            if seq is not None:
                return self._find(sender, id_) if self._place(sender, id_, seq) else None
            entry = self._find(sender, id_)
            if entry is None or entry.seq is not None or entry.mark is not Mark.SENDING:
                return None
            last = self._rows(
                "SELECT place FROM messages WHERE conversation = ? AND place < ? ORDER BY place DESC LIMIT 1",
                (entry.conversation, PENDING),
            )
            self._db.execute(
                "UPDATE messages SET mark = 'rejected', reason = ?, place = ? WHERE arrival = ?",
                (reason, last[0][0] if last else 0, entry.arrival),
            )
            return self._find(sender, id_)

    def remove(self, arrival: int) -> None:
        """Remove a message that was never stored."""
        with self._mending():
            self._db.execute("DELETE FROM messages WHERE arrival = ? AND seq IS NULL", (arrival,))

    def is_rejected(self, arrival: int) -> bool:
        """Say whether a message is there and was refused."""
        return bool(self._rows("SELECT 1 FROM messages WHERE arrival = ? AND mark = 'rejected'", (arrival,)))

    def sending(self) -> list[Entry]:
        """List our messages that the archive has not answered."""
        return self._entries("WHERE mark = 'sending' ORDER BY arrival", ())

    def newest(self, conversation: str, count: int) -> Page:
        """Read the last page of a conversation."""
        return self.before(conversation, (PENDING + 1, 0), count, at_end=True)

    def before(self, conversation: str, key: tuple[int, int], count: int, *, at_end: bool = False) -> Page:
        """Read what stands before a key; `at_start` when the copy has nothing older."""
        found = self._entries(
            "WHERE conversation = ? AND (place, arrival) < (?, ?) ORDER BY place DESC, arrival DESC LIMIT ?",
            (conversation, *key, count + 1),
        )
        return Page(tuple(reversed(found[:count])), at_start=len(found) <= count, at_end=at_end)

    def after(self, conversation: str, key: tuple[int, int], count: int) -> Page:
        """Read what stands after a key; `at_end` when nothing is newer."""
        found = self._entries(
            "WHERE conversation = ? AND (place, arrival) > (?, ?) ORDER BY place, arrival LIMIT ?",
            (conversation, *key, count + 1),
        )
        return Page(tuple(found[:count]), at_start=False, at_end=len(found) <= count)

    def find(self, conversation: str, text: str, before: tuple[int, int], most: int) -> list[Entry]:
        """Find the newest messages before a key whose text contains another, in whatever case."""
        return self._entries(
            "WHERE conversation = ? AND (place, arrival) < (?, ?) AND instr(folded(body), ?)"
            " ORDER BY place DESC, arrival DESC LIMIT ?",
            (conversation, *before, text.casefold(), most),
        )

    def search_apart(self, text: str, most: int) -> list[Entry]:
        """Find the newest messages of all conversations whose text contains another; in another thread, as below."""
        with Chats(self._path, self._me) as apart:
            where = "WHERE instr(folded(body), ?) ORDER BY sent_at DESC LIMIT ?"
            return apart._entries(where, (text.casefold(), most))  # of our own class

    def found_apart(self, conversation: str, text: str, before: tuple[int, int], most: int) -> list[Entry]:
        """Do what `find` does over a connection of its own: in another thread, while this one goes on."""
        with Chats(self._path, self._me) as apart:
            return apart.find(conversation, text, before, most)

    def answers_to(self, entry: Entry) -> list[Entry]:
        """List what answers a message, and shows a line of it."""
        where = f"WHERE relates_to = ? OR relates_to_id = ? ORDER BY arrival DESC LIMIT {_ANSWERS_MOST}"
        found = self._entries(where, (entry.seq, entry.id))
        return [each for each in found if each.relation in _ANSWERS and each.conversation == entry.conversation]

    # Conversations

    def rows(self, names: Iterable[str] | None = None) -> list[Row]:
        """List conversations, the one with the newest message first; all, or those named."""
        wanted = "" if names is None else f"WHERE name IN ({','.join('?' * len(chosen := list(names)))})"
        found = self._rows(
            f"SELECT name, title, muted, draft, their_delivered, their_read FROM conversations {wanted}",  # noqa: S608  # question marks
            () if names is None else chosen,
        )
        return sorted((self._row(*each) for each in found), key=lambda row: row.newest, reverse=True)

    def begin(self, name: str, title: str, floor: int, *, is_whole: bool = False, anew: bool = False) -> None:
        """Note a conversation: everything from the seq `floor` on is in the copy.

        One that is there keeps its own floor, but when it begins `anew`.
        """
        with self._mending():
            self._db.execute(
                "INSERT INTO conversations (name, title, floor, is_whole) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET title = excluded.title WHERE excluded.title != ''",
                (name, title, floor, is_whole),
            )
            if anew:
                self._db.execute(
                    "UPDATE conversations SET floor = ?, is_whole = ? WHERE name = ?", (floor, is_whole, name)
                )

    def floor(self, name: str) -> tuple[int, bool]:
        """Return the seq from which on a conversation is whole, and whether nothing is older at the server either."""
        rows = self._rows("SELECT floor, is_whole FROM conversations WHERE name = ?", (name,))
        return (int(rows[0][0]), bool(rows[0][1])) if rows else (1, False)

    def lower(self, name: str, floor: int, *, is_whole: bool) -> None:
        """Note that older messages have been fetched."""
        with self._mending():
            self._db.execute(
                "UPDATE conversations SET floor = min(floor, ?), is_whole = is_whole OR ? WHERE name = ?",
                (floor, is_whole, name),
            )

    def read(self, name: str) -> None:
        """Note that everything in a conversation has been read."""
        with self._mending():
            self._db.execute("UPDATE messages SET is_new = 0 WHERE conversation = ? AND is_new", (name,))

    def first_unread(self, name: str) -> Entry | None:
        """Return the oldest message of a conversation that has not been read."""
        # Of itself SQLite reads the whole conversation, for the order of the other index.
        where = "INDEXED BY messages_unread WHERE conversation = ? AND is_new ORDER BY place, arrival LIMIT 1"
        found = self._entries(where, (name,))
        return found[0] if found else None

    def mute(self, name: str, *, muted: bool) -> None:
        """Note whether a conversation is to be silent."""
        with self._mending():
            self._db.execute("UPDATE conversations SET muted = ? WHERE name = ?", (muted, name))

    def keep_draft(self, name: str, text: str) -> None:
        """Keep what has been typed and not sent."""
        with self._mending():
            self._db.execute("UPDATE conversations SET draft = ? WHERE name = ?", (text, name))

    # What was typed, and what was chosen

    def typed(self) -> list[str]:
        """List what was sent or commanded, oldest first."""
        return [text for (text,) in self._rows("SELECT text FROM typed ORDER BY position")]

    def keep_typed(self, text: str) -> None:
        """Add to what was typed; the newest 500 are kept."""
        with self._writing():
            self._db.execute("INSERT INTO typed (text) VALUES (?)", (text,))
            self._db.execute(
                "DELETE FROM typed WHERE position <= (SELECT max(position) FROM typed) - ?", (_TYPED_MOST,)
            )

    def choice(self, name: str) -> str | None:
        """Return what was chosen in the app: a theme, the conversation that is open."""
        rows = self._rows("SELECT value FROM choices WHERE name = ?", (name,))
        return str(rows[0][0]) if rows else None

    def choose(self, name: str, value: str) -> None:
        """Keep a choice."""
        with self._mending():
            self._db.execute("INSERT OR REPLACE INTO choices VALUES (?, ?)", (name, value))

    # The feed's cursor: see `mqtt_client.app.ledger`

    def cursors(self) -> dict[str, int]:
        """Return the seq up to which everything is in the copy, by scope."""
        return dict(self._rows("SELECT scope, seq FROM cursors"))

    def move_cursor(self, scope: str, seq: int) -> None:
        """Note that everything up to a seq is in the copy; it never moves back."""
        with self._mending():
            self._db.execute(
                "INSERT INTO cursors VALUES (?, ?) ON CONFLICT (scope) DO UPDATE SET seq = max(seq, excluded.seq)",
                (scope, seq),
            )

    def identities(self, most: int) -> list[tuple[tuple[str, str], bool]]:
        """List (sender, id) of the newest messages, oldest first, each with whether it is stored."""
        rows = self._rows(
            "SELECT sender, id, seq IS NOT NULL FROM (SELECT arrival, sender, id, seq FROM messages"
            " ORDER BY arrival DESC LIMIT ?) ORDER BY arrival",
            (most,),
        )
        return [((sender, id_), bool(stored)) for sender, id_, stored in rows]

    def _keep(self, message: Incoming, *, news: bool) -> tuple[Entry, bool]:
        is_added = self._add(message, news=news)
        if message.seq is not None:
            if not is_added:
                self._place(message.sender, message.id, message.seq)
            self._take_state(message)
        found = self._find(message.sender, message.id)
        if found is None:
            raise StorageError(f"{self._path} loses what is written to it")
        return found, is_added

    def _add(self, message: Incoming, *, news: bool) -> bool:
        """Add a message; False when it is there."""
        is_mine, seq = message.sender == self._me, message.seq
        mark = Mark.SENDING if is_mine and seq is None else self._stored_mark(message.sender)
        added = self._db.execute(
            "INSERT INTO messages (place, conversation, sender, id, content_type, body, sent_at, relation, seq,"
            " mark, is_new, relates_to_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (sender, id) DO NOTHING",
            (PENDING if seq is None else seq, message.conversation, message.sender, message.id, message.content_type,
             message.body, message.sent_at, message.relation, seq, mark, news and not is_mine, message.relates_to_id),
        )  # fmt: skip
        return added.rowcount == 1

    def _stored_mark(self, sender: str) -> Mark:
        return Mark.STORED if sender == self._me else Mark.NONE

    def _take_state(self, message: Incoming) -> None:
        """Take what the archive says of a message now."""
        self._db.execute(
            "UPDATE messages SET content_type = ?, body = ?, relates_to = ?, edited_at = ?, retracted_at = ?,"
            " reactions = ? WHERE sender = ? AND id = ?",
            (message.content_type, message.body, message.relates_to, message.edited_at, message.retracted_at,
             write_reactions(message.reactions), message.sender, message.id),
        )  # fmt: skip

    def _place(self, sender: str, id_: str, seq: int) -> bool:
        """Give a message the seq that the archive gave it; False when there is none, or it has one."""
        placed = self._db.execute(
            "UPDATE messages SET seq = ?, place = ?, mark = ?, reason = '' WHERE sender = ? AND id = ? AND seq IS NULL",
            (seq, seq, self._stored_mark(sender), sender, id_),
        )
        return placed.rowcount == 1

    def _find(self, sender: str, id_: str) -> Entry | None:
        found = self._entries("WHERE sender = ? AND id = ?", (sender, id_))
        return found[0] if found else None

    def _row(self, name: str, title: str, *kept: Any) -> Row:  # noqa: ANN401  # columns
        last = self._entries("WHERE conversation = ? ORDER BY place DESC, arrival DESC LIMIT 1", (name,))
        unread, failed = self._rows(
            "SELECT (SELECT count(*) FROM messages WHERE conversation = :name AND is_new),"
            " (SELECT count(*) FROM messages WHERE conversation = :name AND mark = 'rejected')",
            {"name": name},
        )[0]
        newest, text = (last[0].key, preview(last[0], self._me)) if last else ((0, 0), "")
        muted, draft, *theirs = kept
        return Row(name, title or name.partition(":")[2], unread, failed, newest, text, bool(muted), draft, *theirs)

    def _entries(self, where: str, parameters: Sequence[object]) -> list[Entry]:
        found = self._without_quotes(where, parameters)
        return [self._quoting(entry) if entry.relation in _ANSWERS else entry for entry in found]

    def _without_quotes(self, where: str, parameters: Sequence[object]) -> list[Entry]:
        return [_entry(row) for row in self._rows(f"SELECT {_COLUMNS} FROM messages {where}", parameters)]  # noqa: S608  # constants

    def _quoting(self, entry: Entry) -> Entry:
        """Add a line of the message that another answers. It counts only if it is of the same conversation."""
        if entry.relates_to is not None:
            found = self._without_quotes("WHERE seq = ? LIMIT 1", (entry.relates_to,))
        else:
            found = self._without_quotes("WHERE id = ? LIMIT 2", (entry.relates_to_id or "",))
        here = [each for each in found if each.conversation == entry.conversation]
        return replace(entry, quote=quote(here[0]) if len(here) == 1 else _ELSEWHERE)


def _entry(row: Sequence[Any]) -> Entry:
    named = dict(zip(_NAMES, row, strict=True))
    reactions = read_reactions(named["reactions"])
    return Entry(**{**named, "mark": Mark(named["mark"]), "is_new": bool(named["is_new"]), "reactions": reactions})
