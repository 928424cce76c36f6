"""Markers of what has been delivered here, from what a follower learns is stored."""

from collections.abc import Iterable

from mqtt_client.store import Store
from mqtt_client.wakeup import WakeUps
from wire.conversations import Conversation


class Deliveries:
    """Notes them in the store; the connection's owner tells them."""

    def __init__(self, store: Store, wakeups: WakeUps, me: str, *, enabled: bool) -> None:
        """Take where they are kept, and whether any are to be sent."""
        self._store = store
        self._wakeups = wakeups
        self._me = me
        self._enabled = enabled

    def note(self, arrived: Iterable[tuple[Conversation, str, int | None]]) -> None:
        """Note (conversation, sender, seq) of stored messages that are here."""
        if not self._enabled:
            return
        newest: dict[str, int] = {}
        for conversation, sender, seq in arrived:
            if seq and sender != self._me:
                newest[str(conversation)] = max(seq, newest.get(str(conversation), 0))
        moved = [self._store.mark(name, delivered=seq) for name, seq in newest.items()]
        if any(moved):
            self._wakeups.notify()
