"""The part of the local copy that changes after a message was written: edits, retractions, reactions, markers."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from mqtt_client.app.local_file import LocalFile

Reactions = tuple[tuple[str, tuple[str, ...]], ...]
"""What was reacted, and who did: sorted."""


class LiveChats(LocalFile):
    """These statements. Every method raises StorageError."""

    def has(self, seq: int) -> bool:
        """Whether the copy has the message of a seq."""
        return bool(self._rows("SELECT 1 FROM messages WHERE seq = ?", (seq,)))

    def newest_seq(self, name: str) -> int:
        """Return the seq of a conversation's newest stored message; 0 when there is none."""
        where = "conversation = ? AND seq IS NOT NULL ORDER BY place DESC, arrival DESC LIMIT 1"
        rows = self._rows(f"SELECT seq FROM messages WHERE {where}", (name,))  # noqa: S608  # a constant
        return int(rows[0][0]) if rows else 0

    def read_upto(self, name: str, seq: int) -> bool:
        """Note that a conversation has been read up to a seq, on another device; say whether that is news."""
        with self._mending():
            statement = "UPDATE messages SET is_new = 0 WHERE conversation = ? AND is_new AND seq <= ?"
            return bool(self._db.execute(statement, (name, seq)).rowcount)

    def their_marker(self, name: str, delivered: int, read: int) -> bool:
        """Note how far the other side of a conversation has got; it never moves back. Say whether it moved."""
        with self._mending():
            statement = (
                "UPDATE conversations SET their_delivered = max(their_delivered, :delivered),"
                " their_read = max(their_read, :read)"
                " WHERE name = :name AND (their_delivered < :delivered OR their_read < :read)"
            )
            parameters = {"name": name, "delivered": delivered, "read": read}
            return bool(self._db.execute(statement, parameters).rowcount)

    def rename(self, name: str, title: str) -> None:
        """Give a conversation another title."""
        with self._mending():
            self._db.execute("UPDATE conversations SET title = ? WHERE name = ?", (title, name))


def reactions_of(found: Mapping[str, Iterable[str]]) -> Reactions:
    """Put reactions in order."""
    return tuple(sorted((reaction, tuple(sorted(names))) for reaction, names in found.items() if names))


def write_reactions(reactions: Reactions) -> str:
    """Write them as they are kept."""
    return json.dumps(reactions, separators=(",", ":")) if reactions else ""


def read_reactions(text: str) -> Reactions:
    """Read what was kept."""
    kept: list[Any] = json.loads(text) if text else []
    return tuple((reaction, tuple(names)) for reaction, names in kept)
