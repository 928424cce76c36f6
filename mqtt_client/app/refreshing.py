"""Reading again what has changed at the server: messages that were edited, retracted or reacted to, and groups."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from mqtt_client.api import Api
from mqtt_client.app.changes import GroupTold
from mqtt_client.app.sync import Sync
from mqtt_client.errors import ApiError, OutOfReachError
from mqtt_client.events import Event, GroupChanged, GroupsKnown, is_change
from mqtt_client.groups import show_group
from mqtt_client.reading import one_message

_NOT_FOUND = 404
_AGAIN_SECONDS = 5.0


class Refreshing:
    """Asks the archive, which alone knows what a message says after several changes."""

    def __init__(self, api: Api, sync: Sync) -> None:
        """Take where to ask, and who writes it into the copy."""
        self._api = api
        self._sync = sync
        self._groups: dict[str, GroupChanged] = {}
        self._wanted = asyncio.Event()

    def take(self, event: Event) -> None:
        """Note what an event asks for."""
        if isinstance(event, GroupChanged):
            self._groups[event.group] = event
        if isinstance(event, GroupsKnown):
            for group in event.groups - self._sync.groups():
                self._groups[group] = GroupChanged(group, "added")
        if self._groups or self._sync.changed_targets:
            self._wanted.set()

    async def run(self) -> None:
        """Read what was noted, without end. Raises NotLoggedInError, StorageError."""
        while True:
            await self._wanted.wait()
            try:
                while self._groups:
                    await self._refresh_group(next(iter(self._groups.values())))
                while self._sync.changed_targets:
                    await self._refresh_message(next(iter(self._sync.changed_targets)))
            except (ApiError, OutOfReachError):
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                self._wanted.clear()

    async def _refresh_message(self, seq: int) -> None:
        with _missing_is_fine():
            message = await one_message(self._api, seq)
            if is_change(message) and message.relates_to_seq:
                # A reaction was taken back, or an edit undone: what shows it is the message that it was to.
                message = await one_message(self._api, message.relates_to_seq)
            self._sync.refresh(message)
        self._sync.changed_targets.discard(seq)

    async def _refresh_group(self, event: GroupChanged) -> None:
        if event.change != "removed":
            with _missing_is_fine():
                listed = await show_group(self._api, event.group)
                self._sync.begin(f"group:{event.group}", listed.group.title)
        self._sync.say(GroupTold(event.group, event.change))
        if self._groups.get(event.group) == event:
            del self._groups[event.group]


@contextmanager
def _missing_is_fine() -> Iterator[None]:
    """Let pass that something is not there any more, or not for us."""
    try:
        yield
    except ApiError as error:
        if error.status != _NOT_FOUND:
            raise
