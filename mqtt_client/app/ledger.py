"""What the app has been told: everything that is in its local copy. It stands in for the store's own ledger."""

from collections.abc import Iterable

from mqtt_client.app.storage import Chats
from mqtt_client.state import SHOWN_MOST
from mqtt_client.store import Store

_GATHERED = 100


class CopyLedger:
    """A `ledger.Ledger` over the local copy, so that nothing is missing there that another command has shown.

    What the app has shown counts as shown for `nightjar tail` too.
    """

    def __init__(self, chats: Chats, store: Store) -> None:
        """Take the copy and the account's store."""
        self._chats = chats
        self._store = store
        self._shown: dict[bool, list[tuple[str, str]]] = {True: [], False: []}

    def cursors(self) -> dict[str, int]:
        """Return the seq up to which everything is in the copy, by scope."""
        return self._chats.cursors()

    def move_cursor(self, scope: str, seq: int, shown: Iterable[tuple[str, str]] = ()) -> None:
        """Note that everything up to `seq` is in the copy."""
        self._chats.move_cursor(scope, seq)
        self.flush()
        self._store.move_cursor(scope, seq, shown)

    def shown(self) -> list[tuple[tuple[str, str], bool]]:
        """List (sender, id) of what is in the copy, oldest first, each with whether it is stored."""
        return self._chats.identities(SHOWN_MOST)

    def show(self, identities: Iterable[tuple[str, str]], *, stored: bool = False) -> None:
        """Note messages as shown; they are in the copy already, so the store may learn of it a moment later."""
        self._shown[stored] += identities
        if len(self._shown[stored]) >= _GATHERED:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered into the store's ledger."""
        for stored, identities in self._shown.items():
            if identities:
                self._store.show(identities, stored=stored)
                identities.clear()
