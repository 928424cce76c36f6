"""The broker ends a connection with its token, wherever in its life that is."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from mqtt_client.credentials import StoredMqtt
from mqtt_client.errors import ApiError, OutOfReachError
from mqtt_client.profile import Profile
from mqtt_client.session import Session
from mqtt_client.store import Store
from mqtt_client.transport import Answer
from mqtt_client.wakeup import WakeUps
from tests.support.raw_mqtt import CONNACK, SUBACK

SUBSCRIBE = 8


@dataclass
class Server:
    """A broker that cuts connections, and the API that gives out tokens for it, each good for `life` seconds."""

    cuts: list[int]
    """For one connection after the other: the kind of the answer that is due when it is cut."""
    passes: float
    """How many seconds pass until the cut."""
    life: float = 60.0
    now: float = 1000.0
    tokens: list[StoredMqtt] = field(default_factory=list)
    port: int = 0
    open: list[asyncio.StreamWriter] = field(default_factory=list)

    username = "alice"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a client."""
        self.open.append(writer)
        due = self.cuts.pop(0) if self.cuts else None
        while packet := await reader.read(65536):
            if due == (SUBACK if packet[0] >> 4 == SUBSCRIBE else CONNACK):
                self.cut()
            elif packet[0] >> 4 == SUBSCRIBE:
                writer.write(bytes([SUBACK << 4, 4]) + packet[2:4] + b"\0\1")
            else:
                writer.write(struct.pack(">BBHB", CONNACK << 4, 3, 0, 0))
        writer.close()

    def cut(self) -> None:
        """Let time pass, and end the newest connection."""
        self.now += self.passes
        self.open[-1].close()

    def revoke(self) -> None:
        """End the newest connection as the broker does when its token is void: the reason is administrative."""
        self.open[-1].write(bytes([0xE0, 2, 0x98, 0]))
        self.open[-1].close()

    async def mqtt(self, refused: str | None = None) -> StoredMqtt:
        """Give out the last token, or another if that one was refused."""
        if not self.tokens or self.tokens[-1].password.get_secret_value() == refused:
            self.tokens.append(
                StoredMqtt(
                    host="127.0.0.1",
                    port=self.port,
                    tls=False,
                    username="alice",
                    password=SecretStr(f"token {len(self.tokens)}"),
                    client_id="alice.aaaaaaaaaa",
                    expires_at=datetime.now(UTC),
                    ends_at=self.now + self.life,
                )
            )
        return self.tokens[-1]

    async def call(self, method: str, path: str, **asked: object) -> Answer:
        """Know nothing of groups."""
        raise ApiError(f"there is no {method} {path} {asked or ''}", 404)

    def check_login(self) -> None:
        """Find that the login is as it was."""


@asynccontextmanager
async def running(
    server: Server, directory: Path, *, patient: bool = True
) -> AsyncIterator[Callable[[int], Awaitable[list[str]]]]:
    """Run a session by the server's clock; give a function that waits for so many log entries and returns all kinds."""
    listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    profile = Profile("default", directory, directory / "settings.json")
    async with listening, WakeUps(profile.wakeups) as wakeups:
        with Store(directory / "store.db") as store:
            session = Session(server, store, wakeups, profile, now=lambda: server.now)  # type: ignore[arg-type]  # the server stands for the API
            await session.begin()
            task = asyncio.create_task(session.run(patient=patient))

            def links() -> list[str]:
                return [entry.kind for entry in store.log_after(0) if entry.kind != "groups"]

            async def told(count: int) -> list[str]:
                async with asyncio.timeout(20):
                    while len(links()) < count and not task.done():  # noqa: ASYNC110  # the log is a file
                        await asyncio.sleep(0.01)
                if task.done():
                    task.result()
                return links()

            try:
                yield told
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("patient", [True, False])
@pytest.mark.parametrize("answer", [CONNACK, SUBACK])
async def test_a_token_that_runs_out_before_the_connection_stands_is_replaced_without_a_word(
    tmp_path: Path, answer: int, patient: bool
) -> None:
    server = Server([answer], passes=60)
    async with running(server, tmp_path, patient=patient) as told:
        assert await told(1) == ["connected"]
    assert len(server.tokens) == 2


async def test_a_token_that_runs_out_on_a_connection_is_replaced_without_a_word(tmp_path: Path) -> None:
    server = Server([], passes=60)
    async with running(server, tmp_path) as told:
        await told(1)
        server.cut()
        assert await told(2) == ["connected", "connected"]


async def test_a_token_that_is_revoked_is_replaced_without_a_word(tmp_path: Path) -> None:
    """As when its user has been removed from a group."""
    server = Server([], passes=0)
    async with running(server, tmp_path) as told:
        await told(1)
        server.revoke()
        assert await told(2) == ["connected", "connected"]
    assert len(server.tokens) == 2


@pytest.mark.parametrize("answer", [CONNACK, SUBACK])
async def test_a_cut_while_the_token_holds_is_told_of(tmp_path: Path, answer: int) -> None:
    async with running(Server([answer], passes=50), tmp_path) as told:
        assert await told(2) == ["disconnected", "connected"]


async def test_tokens_that_end_as_they_are_given_out_are_no_excuse(tmp_path: Path) -> None:
    async with running(Server([CONNACK] * 100, passes=1, life=1), tmp_path, patient=False) as told:
        with pytest.raises(OutOfReachError):
            await told(1)
