"""Pages of a conversation for the screen: from the local copy while it reaches, then from the archive."""

import asyncio
from collections.abc import Callable

from mqtt_client.api import Api
from mqtt_client.app.changes import Noticed
from mqtt_client.app.entries import PENDING, Entry, Page
from mqtt_client.app.storage import Chats
from mqtt_client.app.sync import Sync
from mqtt_client.errors import ApiError, InputError, NotLoggedInError, OutOfReachError, StorageError
from mqtt_client.events import is_change
from mqtt_client.reading import PAGE, history, search
from wire.conversations import Conversation, parse_conversation

_FOUND_MOST = 200
_SEARCH_SECONDS = 5.0


class Pages:
    """Reads conversations. Errors of the network are ApiError, OutOfReachError, NotLoggedInError."""

    def __init__(self, chats: Chats, sync: Sync, api: Callable[[], Api | None]) -> None:
        """Take the copy, who writes into it, and where the archive is once there is a login."""
        self._chats = chats
        self._sync = sync
        self._api = api

    async def newest(self, name: str) -> Page:
        """Read the last page."""
        return self._whole(name, self._chats.newest(name, PAGE))

    async def older(self, name: str, key: tuple[int, int]) -> Page:
        """Read the page before a key; asks the archive when the copy has nothing there."""
        while True:
            page = self._whole(name, self._chats.before(name, key, PAGE))
            if page.entries or page.at_start:
                return page
            # A page of the archive may hold nothing but edits and reactions.
            await self._fetch(name)

    async def newer(self, name: str, key: tuple[int, int]) -> Page:
        """Read the page after a key."""
        return self._chats.after(name, key, PAGE)

    async def around(self, entry: Entry) -> Page:
        """Read what stands before and after a message, which the search of the archive may have brought alone."""
        count = 0
        while not self._chats.floor(entry.conversation)[1] and entry.place < self._chats.floor(entry.conversation)[0]:
            count += await self._fetch(entry.conversation)
            self._sync.say(Noticed(f"going back to it: {count} messages have come", stays=False))
        before = self._whole(entry.conversation, self._chats.before(entry.conversation, entry.key, PAGE))
        place, arrival = entry.key
        after = self._chats.after(entry.conversation, (place, arrival - 1), PAGE)
        return Page((*before.entries, *after.entries), before.at_start, after.at_end)

    async def first(self, name: str) -> Page:
        """Read the first page that the copy has."""
        floor, is_whole = self._chats.floor(name)
        page = self._chats.after(name, (0 if is_whole else floor, 0), PAGE)
        return Page(page.entries, is_whole, page.at_end)

    async def fetch_all(self, name: str, progress: Callable[[int], None]) -> None:
        """Fetch everything back to the first message; tells how many have come. Ends early when cancelled."""
        count = 0
        while not self._chats.floor(name)[1]:
            count += await self._fetch(name)
            progress(count)

    async def find(self, name: str, text: str) -> list[Entry]:
        """Find the newest 200 messages that contain a text, newest first."""
        floor, is_whole = self._chats.floor(name)
        found = await asyncio.to_thread(self._chats.found_apart, name, text, (PENDING + 1, 0), _FOUND_MOST)
        found = [entry for entry in found if is_whole or entry.place >= floor]
        return found if is_whole else _together(found, await self._searched(text, parse_conversation(name)))

    async def search(self, text: str) -> list[Entry]:
        """Find the newest 200 messages of all conversations that contain a text, newest first."""
        found = await asyncio.to_thread(self._chats.search_apart, text, _FOUND_MOST)
        is_whole = all(self._chats.floor(row.name)[1] for row in self._chats.rows())
        return found if is_whole else _together(found, await self._searched(text, None))

    async def _searched(self, text: str, conversation: Conversation | None) -> list[Entry]:
        """Ask the archive for what the copy has not; without it what is here has to do, and that is said."""
        api = self._api()
        try:
            async with asyncio.timeout(_SEARCH_SECONDS):
                found = await search(api, conversation, text, _FOUND_MOST // 2, None) if api else []
        except (ApiError, InputError, OutOfReachError, TimeoutError):
            self._sync.say(Noticed("the server did not search: only what is stored here was looked through"))
            return []
        known = {row.name for row in self._chats.rows()}
        messages = [message for message, _ in found if str(message.conversation) in known and not is_change(message)]
        return self._sync.keep(messages)

    async def _fetch(self, name: str) -> int:
        api = self._api()
        if api is None:
            raise NotLoggedInError("older messages are at the server, and there is no login yet")
        floor, _ = self._chats.floor(name)
        conversation = parse_conversation(name)
        if conversation is None:
            raise StorageError(f"{name!r} is no conversation")
        messages = await history(api, conversation, PAGE, floor)
        lowest = min((message.seq for message in messages if message.seq), default=floor)
        if messages and lowest >= floor:
            raise ApiError("the server's history does not move on", 200)
        self._sync.keep(messages)
        self._chats.lower(name, lowest, is_whole=len(messages) < PAGE)
        self._sync.changed(name)
        return len(messages)

    def _whole(self, name: str, page: Page) -> Page:
        """Leave out what stands below a gap."""
        floor, is_whole = self._chats.floor(name)
        if is_whole:
            return page
        entries = tuple(entry for entry in page.entries if entry.place >= floor or entry.seq is None)
        return Page(entries, at_start=False, at_end=page.at_end)


def _together(here: list[Entry], there: list[Entry]) -> list[Entry]:
    """Put what was found here and there in one list, newest first."""
    every = {entry.arrival: entry for entry in [*there, *here]}
    return sorted(every.values(), key=lambda entry: (entry.sent_at, entry.key), reverse=True)[:_FOUND_MOST]
