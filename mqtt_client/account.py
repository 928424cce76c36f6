"""One login of one profile, opened for a command."""

import re
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from mqtt_client.api import Api, credentials_of, read
from mqtt_client.credentials import Credentials
from mqtt_client.errors import ApiError, ClientError, InputError, NotLoggedInError, OutOfReachError
from mqtt_client.locks import held
from mqtt_client.models import Login
from mqtt_client.profile import Profile
from mqtt_client.reading import feed_page, newest_seq
from mqtt_client.store import Store, remove_file
from mqtt_client.transport import Transport
from wire.names import DISPLAY_NAME_MAX, is_shown_name, is_username

EVERYTHING = "*"


@dataclass(frozen=True)
class Account:
    """A login, and what to reach its server with."""

    profile: Profile
    credentials: Credentials
    transport: Transport
    api: Api

    @property
    def username(self) -> str:
        """Who is logged in."""
        return self.credentials.username

    def store(self) -> Store:
        """Open the account's store. Raises StorageError."""
        self.profile.prepare()
        return Store(self.profile.store_file(self.credentials.server, self.username))


@asynccontextmanager
async def open_account(profile: Profile, server: str | None) -> AsyncIterator[Account]:
    """Open the profile's login. A `server` that was asked for must be the one it is logged in at.

    Raises NotLoggedInError.
    """
    credentials = profile.load()
    if server is not None and server != credentials.server:
        raise NotLoggedInError(
            f"not logged in at {server}: this profile is logged in at {credentials.server}; use another --profile"
        )
    async with Transport(credentials.server) as transport:
        yield Account(profile, credentials, transport, Api(transport, profile, credentials))


async def log_in(profile: Profile, server: str, username: str, password: str, *, is_new: bool = False) -> Credentials:
    """Log in and keep the login; one that the profile had before is ended. Raises ApiError, OutOfReachError …"""
    body: Mapping[str, object] = {"username": username, "password": password}
    device_name = socket.gethostname()
    if device_name and is_shown_name(device_name, DISPLAY_NAME_MAX):
        body = {**body, "device_name": device_name}
    async with Transport(server) as transport:
        answer = await transport.request("POST", "/v1/sessions", body=body)
        credentials = credentials_of(server, read(Login, answer), time.time(), answer.clock_ahead)
        if credentials.username != username:
            raise ApiError("the server logged somebody else in than asked for", answer.status)
        profile.prepare()
        async with held(profile.credentials_lock, 30):
            before = _known(profile)
            profile.save(credentials)
        profile.remember_server(server)
        account = Account(profile, credentials, transport, Api(transport, profile, credentials))
        await _begin_store(account, is_new=is_new)
    if before is not None:
        await _end(before)
    return credentials


async def end_login(account: Account) -> None:
    """End the session at the server and forget it here. Raises OutOfReachError, ApiError."""
    with suppress(NotLoggedInError):
        await account.api.call("DELETE", "/v1/sessions/current")
    # Another process may be about to write the login that it has refreshed.
    async with held(account.profile.credentials_lock, 30):
        account.profile.forget()


def safe_username(name: str) -> str:
    """Check a name's form only. Raises InputError."""
    if not is_username(name):
        raise InputError(f"{re.sub(r'[^ -~]', '?', name)!r} is no username: 3 to 32 of a-z, 0-9, _ and -")
    return name


async def _begin_store(account: Account, *, is_new: bool) -> None:
    copy = account.profile.chats_file(account.credentials.server, account.username)
    with account.store() as store, suppress(ApiError, OutOfReachError):
        if is_new:
            # The name was free, so a store of that name is of a server that has been set up anew or restored since.
            # What waits in its outbox may be nowhere else, and can still be sent.
            remove_file(copy)
            store.begin_anew()
            return
        newest, cursor = await newest_seq(account.api), store.cursors().get(EVERYTHING)
        if cursor is None:
            # What is older than the first login here is history, not news.
            store.move_cursor(EVERYTHING, newest)
        elif newest < cursor and (await feed_page(account.api, newest)).next_after_seq < cursor:
            # The feed passes what a block hides, but it does not get as far as we were: the server was set up anew or
            # restored. This is the first login here since, so what it has by now is history again, even what nobody
            # was shown: `unread` and `history` have it. What comes has higher numbers.
            remove_file(copy)
            store.set_back(newest)


def _known(profile: Profile) -> Credentials | None:
    try:
        return profile.load()
    except NotLoggedInError:
        return None


async def _end(before: Credentials) -> None:
    # Best effort: it may have ended long ago, at a server that is gone. Its access token lives for minutes only, so a
    # new one is asked for; a refresh token that is spent ends the session by itself.
    with suppress(ClientError):
        async with Transport(before.server) as transport:
            body = {"refresh_token": before.refresh_token.get_secret_value()}
            login = read(Login, await transport.request("POST", "/v1/sessions/refresh", body=body, seconds=5))
            token = login.access_token.get_secret_value()
            await transport.request("DELETE", "/v1/sessions/current", token=token, seconds=5)
