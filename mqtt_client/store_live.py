"""The part of a store that makes a conversation live: markers, whose presence is wanted, who is blocked, typing."""

from collections.abc import Iterable
from dataclasses import dataclass

from mqtt_client.store_file import StoreFile

WATCHED_MOST = 500
"""Of whom the presence is followed: the newest wishes."""
_TYPING_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Marker:
    """How far a conversation has been delivered and read here; 0 for not at all. `told_read` is known to the server."""

    conversation: str
    delivered: int
    read: int
    told_read: int = 0


class LiveStore(StoreFile):
    """These tables of a store. Every method raises StorageError."""

    # Markers

    def mark(self, conversation: str, *, delivered: int = 0, read: int = 0) -> bool:
        """Note markers to be sent; what is read is delivered too. They never move back. Say whether one moved."""
        with self._writing():
            row = (conversation, max(delivered, read), read)
            return bool(
                self._db.execute(
                    "INSERT INTO markers (conversation, delivered, read) VALUES (?, ?, ?) ON CONFLICT (conversation) DO"
                    " UPDATE SET delivered = max(delivered, excluded.delivered), read = max(read, excluded.read)"
                    " WHERE excluded.delivered > delivered OR excluded.read > read",
                    row,
                ).rowcount
            )

    def unsent_markers(self) -> list[Marker]:
        """List the markers that have moved since they were sent."""
        statement = (
            "SELECT conversation, delivered, read, sent_read FROM markers"
            " WHERE delivered > sent_delivered OR read > sent_read"
        )
        return [Marker(*row) for row in self._rows(statement)]

    def marker(self, conversation: str) -> Marker:
        """Read the markers of a conversation."""
        statement = "SELECT conversation, delivered, read, sent_read FROM markers WHERE conversation = ?"
        rows = self._rows(statement, (conversation,))
        return Marker(*rows[0]) if rows else Marker(conversation, 0, 0)

    def markers_sent(self, marker: Marker) -> None:
        """Note that markers were sent, or that another of our devices has told them."""
        with self._writing():
            self._db.execute(
                "INSERT INTO markers VALUES (:name, :delivered, :read, :delivered, :read) ON CONFLICT (conversation)"
                " DO UPDATE SET delivered = max(delivered, :delivered), read = max(read, :read),"
                " sent_delivered = max(sent_delivered, :delivered), sent_read = max(sent_read, :read)",
                {"name": marker.conversation, "delivered": marker.delivered, "read": marker.read},
            )

    # Presence and typing

    def watch(self, usernames: Iterable[str]) -> None:
        """Ask for the presence of users, now and from now on; it is told again of those that are watched already."""
        with self._writing():
            statement = "INSERT OR REPLACE INTO watched (username) VALUES (?)"
            self._db.executemany(statement, [(name,) for name in usernames])
            self._db.execute(
                "DELETE FROM watched WHERE position <= (SELECT max(position) FROM watched) - ?", (WATCHED_MOST,)
            )

    def watched_after(self, position: int) -> list[tuple[int, str]]:
        """List (position, username) of those that were asked for after a position."""
        statement = "SELECT position, username FROM watched WHERE position > ? ORDER BY position"
        found: list[tuple[int, str]] = self._rows(statement, (position,))
        return found

    def type(self, conversation: str, *, active: bool) -> None:
        """Say that somebody types here, or has stopped; the connection's owner tells it once, if it is at hand."""
        with self._writing():
            self._db.execute(
                "INSERT OR REPLACE INTO typing (at, conversation, active) VALUES (?, ?, ?)",
                (self._now(), conversation, active),
            )

    def take_typing(self) -> list[tuple[str, bool]]:
        """Take out (conversation, active) of what is to be told; what is some seconds old is told no more."""
        if not self._rows("SELECT 1 FROM typing LIMIT 1"):
            return []
        with self._writing():
            rows = self._db.execute(
                "SELECT conversation, active FROM typing WHERE at > ? ORDER BY position",
                (self._now() - _TYPING_SECONDS,),
            ).fetchall()
            self._db.execute("DELETE FROM typing")
        return [(conversation, bool(active)) for conversation, active in rows]

    # Blocks

    def blocked(self) -> frozenset[str]:
        """Name the users that are blocked, as far as we have been told."""
        return frozenset(name for (name,) in self._rows("SELECT username FROM blocked"))

    def block(self, username: str) -> None:
        """Note that a user is blocked."""
        with self._writing():
            self._db.execute("INSERT OR IGNORE INTO blocked VALUES (?)", (username,))

    def unblock(self, username: str) -> None:
        """Note that a user is not blocked any more."""
        with self._writing():
            self._db.execute("DELETE FROM blocked WHERE username = ?", (username,))

    def replace_blocked(self, known: frozenset[str], usernames: Iterable[str]) -> bool:
        """Take over the server's list, if ours is still the `known` one of before the server was asked; say so."""
        wanted = frozenset(usernames)
        if wanted == self.blocked():
            return True
        with self._writing():
            if self.blocked() != known:
                return False
            self._db.execute("DELETE FROM blocked")
            self._db.executemany("INSERT INTO blocked VALUES (?)", [(name,) for name in wanted])
        return True
