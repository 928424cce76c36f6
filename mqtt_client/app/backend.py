"""Everything behind the screen, in an event loop of its own: the login, the connection, the local copy."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from random import random

from mqtt_client.account import Account, check_user, log_in, open_account, safe_username
from mqtt_client.api import Api, read
from mqtt_client.app.changes import Change, LinkChanged, LoginChanged
from mqtt_client.app.entries import Entry
from mqtt_client.app.ledger import CopyLedger
from mqtt_client.app.pages import Pages
from mqtt_client.app.storage import Chats
from mqtt_client.app.sync import Sync
from mqtt_client.errors import ApiError, InputError, NotLoggedInError, OutOfReachError, StorageError
from mqtt_client.follow import Follower
from mqtt_client.models import Devices, User
from mqtt_client.profile import Profile
from mqtt_client.sending import compose
from mqtt_client.session import Session, alongside
from mqtt_client.settings import check_server
from mqtt_client.state import backoff
from mqtt_client.store import Store
from mqtt_client.transport import Transport
from mqtt_client.wakeup import WakeUps
from wire.conversations import direct

_READY_SECONDS = 5.0
_STORAGE_SECONDS = 5.0
Emit = Callable[[tuple[Change, ...]], None]


@dataclass(frozen=True)
class Opened:
    """What there is while somebody is logged in, with or without the server."""

    account: Account
    store: Store
    wakeups: WakeUps
    chats: Chats
    sync: Sync
    pages: Pages


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
        self._turns: dict[str, asyncio.Lock] = {}

    async def run(self) -> None:
        """Serve one login after the other. Raises StorageError."""
        while True:
            self._logged_in.clear()
            try:
                await self._serve()
            except NotLoggedInError as error:
                self._emit((LoginChanged(None, reason=str(error)),))
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

    async def send(self, name: str, text: str) -> Entry:
        """Put a text into the outbox, and show it. Raises InputError, RejectedError, StorageError."""
        try:
            body = text.encode()
        except UnicodeEncodeError as error:
            raise InputError("not sent: it has half a character in it, which is no text") from error
        to = name.partition(":")[2]
        async with self._turn(to):
            opened = await self._begun(to)
            message = compose(to, body)
            opened.store.post(message)
            entry = opened.sync.post(message)
        opened.wakeups.notify()
        return entry

    async def resend(self, entry: Entry) -> None:
        """Send a message that was rejected again, as a new one; one that was dropped or sent again already stays so."""
        opened = self.opened
        if not opened.chats.is_rejected(entry.arrival):
            return
        message = compose(entry.conversation.partition(":")[2], entry.body)
        opened.store.post(message)
        opened.sync.remove(entry)
        opened.sync.post(message)
        opened.wakeups.notify()

    async def discard(self, entry: Entry) -> None:
        """Drop a message that was rejected."""
        self.opened.sync.remove(entry)

    async def begin(self, username: str) -> str:
        """Find somebody to write to; return the conversation's name. Raises InputError."""
        async with self._turn(username):
            opened = await self._begun(username)
        name = str(direct(username))
        opened.sync.changed(name)
        return name

    async def mark_read(self, name: str) -> Entry | None:
        """Note that a conversation has been read; return the first message that had not been."""
        chats = self.opened.chats
        first = chats.first_unread(name)
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

    @asynccontextmanager
    async def _turn(self, username: str) -> AsyncIterator[None]:
        """Let what is written to somebody go its way in the order in which it was written: the server may be slow."""
        async with self._turns.setdefault(username, asyncio.Lock()):
            yield

    async def _begun(self, username: str) -> Opened:
        """Have a conversation with somebody; return where. Raises InputError, NotLoggedInError."""
        opened = self.opened
        name = str(direct(username))
        if opened.chats.rows([name]):
            return opened
        # An unknown user is told at once where the server can be asked; without it the archive tells later.
        await check_user(opened.account.api, username)
        with suppress(OutOfReachError):
            try:
                await opened.account.api.call("GET", f"/v1/users/{username}")
            except ApiError as error:
                raise InputError(f"{username}: {error}") from error
        if self._opened is not opened:
            raise NotLoggedInError("the login has ended meanwhile")
        opened.chats.begin(name, "", opened.sync.next_seq)
        return opened

    # The account

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
                        sync = Sync(chats, me, self._emit)
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
        while True:
            session = Session(opened.account.api, opened.store, opened.wakeups, self._profile)
            try:
                await alongside(session, self._take_events(opened))
            except StorageError as error:
                # A full disk, say: what is on the screen can still be read, and it may have room again.
                opened.sync.link(LinkChanged("offline", str(error)))
                await asyncio.sleep(_STORAGE_SECONDS)

    async def _take_events(self, opened: Opened) -> None:
        failures = 0
        while True:
            try:
                await opened.sync.prime(opened.account.api)
                ledger = CopyLedger(opened.chats, opened.store)
                follower = Follower(opened.account.api, opened.store, opened.wakeups, ledger=ledger, patient=True)
                try:
                    async for event in follower.events():
                        opened.sync.take(event)
                finally:
                    ledger.flush()
            except (ApiError, OutOfReachError) as error:
                failures += 1
                opened.sync.link(LinkChanged("offline", str(error)))
            await asyncio.sleep(max(1.0, backoff(failures, random)))


def _checked_server(server: str) -> str:
    try:
        return check_server(server.strip())
    except ValueError as error:
        raise InputError(f"server: {error}") from error
