"""Everything behind the screen, in an event loop of its own: the login, the connection, the local copy."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import random

from mqtt_client.account import log_in, open_account, safe_username
from mqtt_client.api import Api, read
from mqtt_client.app.actions import Actions
from mqtt_client.app.changes import Change, LinkChanged, LoginChanged
from mqtt_client.app.entries import Entry
from mqtt_client.app.ledger import CopyLedger
from mqtt_client.app.opened import Opened
from mqtt_client.app.pages import Pages
from mqtt_client.app.refreshing import Refreshing
from mqtt_client.app.storage import Chats
from mqtt_client.app.sync import Sync
from mqtt_client.errors import ApiError, InputError, NotLoggedInError, OutOfReachError, StorageError
from mqtt_client.events import PresenceStatus
from mqtt_client.exporting import export_to
from mqtt_client.follow import Follower
from mqtt_client.groups import show_group
from mqtt_client.liveliness import Manner
from mqtt_client.models import Devices, User
from mqtt_client.profile import Profile
from mqtt_client.recipients import conversation_named, find_conversation
from mqtt_client.sending import Related, compose
from mqtt_client.session import Session, alongside
from mqtt_client.settings import check_server
from mqtt_client.state import backoff
from mqtt_client.store import Store
from mqtt_client.transport import Transport
from mqtt_client.typing_plan import TypingPlan
from mqtt_client.wakeup import WakeUps
from wire.conversations import Conversation

_READY_SECONDS = 5.0
_STORAGE_SECONDS = 5.0
Emit = Callable[[tuple[Change, ...]], None]


class Backend:
    """Runs until cancelled. Its coroutines are called within its loop; they raise ClientError."""

    def __init__(self, profile: Profile, emit: Emit, chats: Chats | None = None) -> None:
        """Take the profile, whom to tell, and the local copy where it is open already."""
        self._profile = profile
        self._emit = emit
        self._chats = chats
        self._opened: Opened | None = None
        self._logged_in = asyncio.Event()
        self._is_open = asyncio.Event()
        self._typing = TypingPlan()
        self._is_away = False
        self._turns: dict[str, asyncio.Lock] = {}

    async def run(self) -> None:
        """Serve one login after the other. Raises StorageError."""
        while True:
            self._logged_in.clear()
            try:
                await self._serve()
            except NotLoggedInError as error:
                self._emit((LoginChanged(None, reason=error.reason),))
            await self._logged_in.wait()

    async def log_in(self, server: str, username: str, password: str, *, is_new: bool) -> None:
        """Log in, after registering when `is_new`. Raises InputError, ApiError, OutOfReachError."""
        server, username = _checked_server(server), safe_username(username.strip())
        if not password:
            raise InputError("the password is empty")
        if is_new:
            body: Mapping[str, object] = {"username": username, "password": password}
            async with Transport(server) as transport:
                await transport.request("POST", "/v1/users", body=body)
        await log_in(self._profile, server, username, password, is_new=is_new)
        self._logged_in.set()

    async def ready(self) -> None:
        """Wait for a moment until the login is open. Raises NotLoggedInError."""
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await self._is_open.wait()
        except TimeoutError as error:
            raise NotLoggedInError("not logged in") from error

    @property
    def opened(self) -> Opened:
        """What there is while somebody is logged in. Raises NotLoggedInError."""
        if self._opened is None:
            raise NotLoggedInError("not logged in")
        return self._opened

    @property
    def pages(self) -> Pages:
        """The conversations to read. Raises NotLoggedInError."""
        return self.opened.pages

    # Writing

    async def send(self, name: str, text: str) -> str:
        """Put a text into the outbox, and show it; return its id.

        Raises InputError, RejectedError and StorageError, and only when it was not put there.
        """
        try:
            body = text.encode()
        except UnicodeEncodeError as error:
            raise InputError("not sent: it has half a character in it, which is no text") from error
        conversation = conversation_named(name)
        async with self._turn(name):
            opened = await self._begun(conversation, conversation.name)
            message = compose(conversation, body)
            opened.store.post(message)
            opened.wakeups.notify()
            opened.sync.post(message)
        return message.id

    async def resend(self, entry: Entry) -> None:
        """Send a message that was rejected again, as a new one; one that was dropped or sent again already stays so."""
        opened = self.opened
        if not opened.chats.is_rejected(entry.arrival):
            return
        answered = Related("reply", entry.relates_to_id) if entry.relation == "reply" and entry.relates_to_id else None
        message = compose(conversation_named(entry.conversation), entry.body, related=answered)
        opened.store.post(message)
        opened.wakeups.notify()
        opened.sync.post(message, instead_of=entry)

    async def discard(self, entry: Entry) -> None:
        """Drop a message that was rejected."""
        self.opened.sync.remove(entry)

    async def begin(self, wanted: str) -> str:
        """Find somebody to write to, or a group by its id or #title; return the conversation's name.

        Raises InputError.
        """
        conversation = await find_conversation(self.opened.account.api, wanted, may_have_left=True)
        name = str(conversation)
        async with self._turn(name):
            opened = await self._begun(conversation, wanted)
        opened.sync.changed(name)
        return name

    async def _title(self, conversation: Conversation, wanted: str) -> str:
        """Return a group's title; see that a user is there."""
        try:
            if conversation.kind == "group":
                return (await show_group(self._api, conversation.name)).group.title
            await self._api.call("GET", f"/v1/users/{conversation.name}")
        except ApiError as error:
            raise InputError(f"{wanted}: {error}") from error
        return ""

    async def mark_read(self, name: str) -> Entry | None:
        """Note that a conversation has been read; return the first message that had not been."""
        chats = self.opened.chats
        first = chats.first_unread(name)
        self.actions.tell_read(name)
        if first:
            chats.read(name)
            self.opened.sync.changed(name)
        return first

    async def mute(self, name: str, *, muted: bool) -> None:
        """Let a conversation be silent, or not."""
        self.opened.chats.mute(name, muted=muted)
        self.opened.sync.changed(name)

    async def keep_draft(self, name: str, text: str) -> None:
        """Keep what has been typed and not sent."""
        self.opened.chats.keep_draft(name, text)
        self.opened.sync.changed(name)

    async def keep_typed(self, text: str) -> None:
        """Add to what can be called back with the arrow keys."""
        self.opened.chats.keep_typed(text)

    async def typed(self) -> list[str]:
        """List what was typed, oldest first."""
        return self.opened.chats.typed()

    async def choose(self, name: str, value: str) -> None:
        """Keep a choice for the next start."""
        self.opened.chats.choose(name, value)

    @property
    def actions(self) -> Actions:
        """What can be done beside writing. Raises NotLoggedInError."""
        return Actions(self.opened, self._typing)

    async def be_away(self, *, is_away: bool) -> None:
        """Say that nobody has touched the keys for a while, or that somebody has."""
        if is_away != self._is_away:
            self._is_away = is_away
            self.opened.wakeups.notify()

    def _status(self) -> PresenceStatus:
        return "away" if self._is_away else "online"

    @asynccontextmanager
    async def _turn(self, name: str) -> AsyncIterator[None]:
        """Let what is written to a conversation go its way in its order: the server may be slow."""
        async with self._turns.setdefault(name, asyncio.Lock()):
            yield

    async def _begun(self, conversation: Conversation, wanted: str) -> Opened:
        """Have a conversation; return where. Raises InputError, NotLoggedInError.

        An unknown user is told at once where the server can be asked; without it the archive tells later.
        """
        opened = self.opened
        name = str(conversation)
        if opened.chats.rows([name]):
            return opened
        title = ""
        with suppress(OutOfReachError):
            title = await self._title(conversation, wanted)
        if self._opened is not opened:
            raise NotLoggedInError("the login has ended meanwhile")
        opened.chats.begin(name, title, opened.sync.next_seq)
        _watch(opened.store, opened.account.username, [name])
        opened.wakeups.notify()
        return opened

    # The account

    async def export(self, path: Path, progress: Callable[[int], None]) -> int:
        """Write all that the server stores about us into a new file; return its bytes. Removed when cancelled."""
        return await export_to(self._api, path, progress)

    async def whois(self, username: str) -> User:
        """Ask for somebody's public profile."""
        return read(User, await self._api.call("GET", f"/v1/users/{safe_username(username)}"))

    async def sessions(self) -> Devices:
        """List the login sessions."""
        return read(Devices, await self._api.call("GET", "/v1/sessions"))

    async def end_session(self, device_id: str) -> None:
        """End one of the other sessions."""
        await self._api.call("DELETE", f"/v1/sessions/{device_id}")

    async def change_password(self, current: str, new: str) -> None:
        """Change the password; every other session ends."""
        body = {"current_password": current, "new_password": new}
        await self._api.call("PUT", "/v1/me/password", body=body)

    @property
    def _api(self) -> Api:
        return self.opened.account.api

    async def _serve(self) -> None:
        async with open_account(self._profile, None) as account:
            server, me = account.credentials.server, account.username
            path = self._profile.chats_file(server, me)
            if self._chats is not None and self._chats.path != path:
                # What was opened for the first screen is of somebody else, who was logged in then.
                self._chats.close()
                self._chats = None
            if self._chats is None:
                self._profile.prepare()
                self._chats = Chats(path, me)
            try:
                with self._chats as chats, account.store() as store:
                    async with WakeUps(self._profile.wakeups) as wakeups:
                        sync = Sync(chats, me, self._emit, lambda name: _watch(store, me, [name]))
                        pages = Pages(chats, sync, lambda: account.api)
                        self._opened = Opened(account, store, wakeups, chats, sync, pages)
                        self._is_open.set()
                        self._emit((LoginChanged(me, server),))
                        try:
                            await self._follow(self._opened)
                        finally:
                            sync.close()
            finally:
                self._opened = self._chats = None
                self._is_open.clear()

    async def _follow(self, opened: Opened) -> None:
        opened.sync.reconcile(opened.store)
        opened.sync.tell_all()
        opened.sync.link(LinkChanged("catching up"))
        _watch(opened.store, opened.account.username, [row.name for row in opened.chats.rows()])
        while True:
            manner = Manner(live=True, visible=self._profile.privacy().presence, status=self._status)
            session = Session(opened.account.api, opened.store, opened.wakeups, self._profile, manner=manner)
            try:
                refreshing = Refreshing(opened.account.api, opened.sync)
                await alongside(session, self._take_events(opened, refreshing), refreshing.run())
            except StorageError as error:
                # A full disk, say: what is on the screen can still be read, and it may have room again.
                opened.sync.link(LinkChanged("offline", str(error)))
                await asyncio.sleep(_STORAGE_SECONDS)

    async def _take_events(self, opened: Opened, refreshing: Refreshing) -> None:
        failures = 0
        while True:
            try:
                await opened.sync.prime(opened.account.api)
                ledger = CopyLedger(opened.chats, opened.store)
                markers = self._profile.privacy().markers
                follower = Follower(
                    opened.account.api, opened.store, opened.wakeups, ledger=ledger, patient=True, markers=markers
                )
                try:
                    async for event in follower.events():
                        opened.sync.take(event)
                        refreshing.take(event)
                finally:
                    ledger.flush()
            except (ApiError, OutOfReachError) as error:
                failures += 1
                opened.sync.link(LinkChanged("offline", str(error)))
            await asyncio.sleep(max(1.0, backoff(failures, random)))


def _watch(store: Store, me: str, names: Iterable[str]) -> None:
    """Follow the presence of those whom one has conversations with."""
    others = [name.partition(":")[2] for name in names if name.startswith("direct:")]
    store.watch(other for other in others if other != me)


def _checked_server(server: str) -> str:
    try:
        return check_server(server.strip())
    except ValueError as error:
        raise InputError(f"server: {error}") from error
