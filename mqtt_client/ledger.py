"""What a follower has told, wherever that is kept."""

from collections.abc import Iterable
from typing import Protocol


class Ledger(Protocol):
    """What has been shown, and from where the feed is to be read; a store is one."""

    def cursors(self) -> dict[str, int]:
        """Return, by scope, the seq up to which everything in it has been shown."""

    def move_cursor(self, scope: str, seq: int, shown: Iterable[tuple[str, str]] = ()) -> None:
        """Note that everything up to `seq` has been shown."""

    def shown(self) -> list[tuple[tuple[str, str], bool]]:
        """List (sender, id) of what was shown, oldest first, each with whether it is known to be stored."""

    def show(self, identities: Iterable[tuple[str, str]], *, stored: bool = False) -> None:
        """Note (sender, id) of messages that were shown."""
