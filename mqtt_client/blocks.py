"""Whose messages are not shown: the server's list, and what the store keeps of it."""

from mqtt_client.api import Api, read
from mqtt_client.errors import ApiError
from mqtt_client.models import Blocks
from mqtt_client.store import Store


class Blocked:
    """The users who are blocked, as a follower needs to know them: the broker delivers their messages all the same."""

    def __init__(self, api: Api, store: Store) -> None:
        """Take where the list is, and where it is kept."""
        self._api = api
        self._store = store
        self._names = store.blocked()
        self._is_stale = True

    def __contains__(self, username: str) -> bool:
        return username in self._names

    def doubt(self) -> None:
        """Have the server asked before anything else is shown: another device may have changed the list."""
        self._is_stale = True

    def look(self) -> None:
        """See what a command here has changed."""
        self._names = self._store.blocked()

    async def learn(self) -> None:
        """Ask the server if there is doubt. Raises ApiError, OutOfReachError, NotLoggedInError."""
        if self._is_stale:
            self._is_stale = False  # a doubt that comes up meanwhile is about what the answer does not say
            try:
                await fetch_blocks(self._api, self._store)
            except BaseException:
                self._is_stale = True
                raise
        self.look()


async def fetch_blocks(api: Api, store: Store) -> list[str]:
    """Read the server's list and keep it. Errors as above."""
    while True:
        known = store.blocked()
        names = await _names(api)
        # What was blocked here meanwhile may be missing in the answer, which is then asked for again.
        if store.replace_blocked(known, names):
            return names


async def _names(api: Api) -> list[str]:
    try:
        return read(Blocks, await api.call("GET", "/v1/blocks")).blocked
    except ApiError as error:
        if error.status != 404:  # HTTP's: a server that has no blocks yet
            raise
        return []


async def block(api: Api, store: Store, username: str) -> None:
    """Block a user. Errors as above."""
    await api.call("PUT", f"/v1/blocks/{username}")
    store.block(username)


async def unblock(api: Api, store: Store, username: str) -> None:
    """Show what a user writes from now on. Errors as above."""
    await api.call("DELETE", f"/v1/blocks/{username}")
    store.unblock(username)
