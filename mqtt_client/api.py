"""The REST calls of the client, and the login behind them (contract, sections 5 and 6)."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from mqtt_client.credentials import Credentials, StoredMqtt
from mqtt_client.errors import ApiError, NotLoggedInError, OutOfReachError
from mqtt_client.locks import FileLock, held
from mqtt_client.models import Login, Mqtt
from mqtt_client.profile import Profile
from mqtt_client.transport import Answer, Transport

Model = TypeVar("Model", bound=BaseModel)

_LOCK_PATIENCE = 30.0
CLOCKS_AGREE_SECONDS = 2.0
"""A difference from the server's clock that counts as none."""
_REFRESH_SECONDS = 3.0
"""Of one try to refresh. The second one still finds the successor that the server keeps for 10 s, and so does another
process that takes over when we are stopped meanwhile."""


class Api:
    """Authorized calls for one login, which several processes share.

    A refresh token is good for one use, so only the holder of the profile's lock refreshes, and what it got is read
    back from the file by all others.
    """

    def __init__(
        self, transport: Transport, profile: Profile, credentials: Credentials, now: Callable[[], float] = time.time
    ) -> None:
        """Take what the profile's login says; `now` gives local Unix time."""
        self._transport = transport
        self._profile = profile
        self.device_id = credentials.device_id
        self._now = now
        self.username = credentials.username
        self._ended: NotLoggedInError | None = None

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, str | int] | None = None,
    ) -> Answer:
        """Ask with an access token that holds, refreshed when needed.

        Raises NotLoggedInError when the login has ended, ApiError, OutOfReachError.
        """
        token = await self._access_token()
        try:
            return await self._transport.request(method, path, token=token, body=body, query=query)
        except ApiError as error:
            if error.status != 401:
                raise
        token = await self._access_token(refused=token)
        try:
            return await self._transport.request(method, path, token=token, body=body, query=query)
        except ApiError as error:
            if error.status == 401:
                raise NotLoggedInError(f"the server does not accept the login: {error}") from error
            raise

    @asynccontextmanager
    async def stream(self, path: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Ask for something of any size, and yield its parts as they come. Errors as above."""
        # Whether the token is good is found out before, so that nothing has to be asked for twice.
        await self.call("GET", "/v1/me")
        async with self._transport.stream(path, token=await self._access_token()) as parts:
            yield parts

    async def mqtt(self, refused: str | None = None) -> StoredMqtt:
        """Return MQTT credentials that hold: those on disk unless they end soon or are the refused password.

        Raises NotLoggedInError, ApiError, OutOfReachError.
        """
        known = self._load().mqtt
        if known.ends_at - self._now() > CLOCKS_AGREE_SECONDS and known.password.get_secret_value() != refused:
            return known
        answer = await self.call("POST", "/v1/sessions/current/mqtt")
        fresh = stored_mqtt(read(Mqtt, answer), self._now(), answer.clock_ahead)
        async with held(self._profile.credentials_lock, _LOCK_PATIENCE):
            self._profile.save(self._load().model_copy(update={"mqtt": fresh}))
        return fresh

    def check_login(self) -> None:
        """Raise NotLoggedInError when the profile has logged out, or in anew, meanwhile."""
        self._load()

    def _load(self) -> Credentials:
        try:
            credentials = self._profile.load()
        except NotLoggedInError as error:
            # The file is gone because the session has ended, which says more.
            raise (self._ended or error) from error
        if credentials.device_id != self.device_id:
            raise NotLoggedInError(f"this profile has logged in as {credentials.username} meanwhile: start again")
        return credentials

    async def _access_token(self, refused: str | None = None) -> str:
        token = self._fresh_token(refused)
        if token:
            return token
        async with held(self._profile.credentials_lock, _LOCK_PATIENCE) as lock:
            return self._fresh_token(refused) or await self._refresh(lock)

    def _fresh_token(self, refused: str | None) -> str | None:
        credentials = self._load()
        token = credentials.access_token.get_secret_value()
        return token if credentials.access_ends_at - self._now() > 1 and token != refused else None

    async def _refresh(self, lock: FileLock) -> str:
        before = self._load()
        body = {"refresh_token": before.refresh_token.get_secret_value()}
        try:
            answer = await self._ask_twice(body, lock)
        except ApiError as error:
            if error.status != 401:
                raise
            _check_held(lock)
            self._ended = NotLoggedInError(
                f"the session of {self.username} has ended", f"run `nightjar login {self.username}`"
            )
            self._profile.forget()
            raise self._ended from error
        after = credentials_of(before.server, read(Login, answer), self._now(), answer.clock_ahead)
        if (after.username, after.device_id) != (before.username, before.device_id):
            raise ApiError("the server refreshed another session than ours", answer.status)
        _check_held(lock)
        self._profile.save(after)
        return after.access_token.get_secret_value()

    async def _ask_twice(self, body: Mapping[str, object], lock: FileLock) -> Answer:
        path = "/v1/sessions/refresh"
        try:
            return await self._transport.request("POST", path, body=body, seconds=_REFRESH_SECONDS)
        except OutOfReachError:
            await asyncio.sleep(0.2)
            _check_held(lock)
            return await self._transport.request("POST", path, body=body, seconds=_REFRESH_SECONDS)


def read(model: type[Model], answer: Answer) -> Model:
    """Check an answer. Raises ApiError when it is not of the contract's form."""
    return checked(model, answer.json(), answer.status)


def checked(model: type[Model], content: object, status: int = 200) -> Model:
    """Check a part of an answer, as read. Raises ApiError."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise ApiError(f"the server's answer is not as agreed: {where}: {first['msg']}", status) from error


def credentials_of(server: str, login: Login, now: float, clock_ahead: float) -> Credentials:
    """Make what is kept on disk of an answer to a login or a refresh. Times in seconds."""
    return Credentials(
        server=server,
        username=login.user.username,
        device_id=login.device.id,
        device_name=login.device.name,
        access_token=SecretStr(login.access_token.get_secret_value()),
        access_ends_at=now + login.expires_in,
        refresh_token=login.refresh_token,
        mqtt=stored_mqtt(login.mqtt, now, clock_ahead),
    )


def stored_mqtt(mqtt: Mqtt, now: float, clock_ahead: float) -> StoredMqtt:
    """Add the end by the local clock to an `mqtt` block.

    The Date header is whole seconds, so a small difference counts as none. A block that was just received and seems
    to have ended already is believed for a minute: the broker judges it.
    """
    ends_at = mqtt.expires_at.timestamp() - (clock_ahead if abs(clock_ahead) > CLOCKS_AGREE_SECONDS else 0.0)
    return StoredMqtt(**mqtt.model_dump(), ends_at=ends_at if ends_at > now else now + 60)


def _check_held(lock: FileLock) -> None:
    # The login on disk is another's work by now, and our refresh token may be spent.
    if not lock.beat():
        raise OutOfReachError("this process was stopped while it renewed the login, and another took over: try again")
