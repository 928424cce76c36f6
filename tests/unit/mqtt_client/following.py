"""A follower of a scripted server, and the messages that it missed or that come live."""

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest

from mqtt_client.api import Api
from mqtt_client.credentials import Credentials
from mqtt_client.events import Message, MessageArrived
from mqtt_client.follow import EVERYTHING, Follower
from mqtt_client.incoming import Live, write_live
from mqtt_client.profile import Profile
from mqtt_client.store import Store
from mqtt_client.transport import Transport
from mqtt_client.wakeup import WakeUps
from tests.unit.mqtt_client.test_hostile_server import Serve, http, serve
from wire.conversations import direct
from wire.message import Envelope, MessageId

__all__ = ["serve"]
EMPTY = http(json.dumps({"messages": [], "has_more": False, "next_after_seq": 7, "blocked": []}))
"""Both of the feed and of the list of those who are blocked."""
AWAY = http("oops", "500 Internal Server Error")
MISSED, CAME = "0b5f8d3a-0000-4000-8000-000000000001", "0b5f8d3a-0000-4000-8000-000000000002"
ONE_MISSED = http(
    json.dumps(
        {
            "messages": [
                {
                    "id": MISSED, "seq": 8, "conversation": {"type": "direct", "with": "bob"}, "sender": "bob",
                    "content_type": "text/plain; charset=utf-8", "body": "first",
                    "sent_at": "2026-01-31T12:00:00.000Z", "received_at": "2026-01-31T12:00:00.000Z",
                }
            ],
            "has_more": False,
            "next_after_seq": 8,
            "blocked": [],
        }
    )
)  # fmt: skip


MISSED_MESSAGE = Message(
    id=MISSED, conversation=direct("bob"), sender="bob", body=b"first", content_type="text/plain; charset=utf-8",
    sent_at=datetime(2026, 1, 31, tzinfo=UTC), seq=8,
)  # fmt: skip


def live(number: int) -> Live:
    """Make a message that comes live."""
    return Live(direct("bob"), "bob", b"live", Envelope(id=MessageId(live_id(number))))


def live_id(number: int) -> str:
    """Name such a message."""
    return f"0b5f8d3a-0000-4000-8000-{number:012}"


SECOND = live(2)


@dataclass(frozen=True)
class Scene:
    """A follower, and what it follows."""

    follower: Follower
    api: Api
    store: Store
    wakeups: WakeUps

    def arrive(self, *entries: Live | Literal["connected", "disconnected"]) -> None:
        """Let messages come live, and the connection come and go."""
        self.store.log([(each, b"") if isinstance(each, str) else ("message", write_live(each)) for each in entries])
        self.wakeups.nudge()

    async def first_ids(self, count: int) -> list[str]:
        """Return the ids of the first messages that are told."""
        ids: list[str] = []
        async for event in self.follower.events():
            if isinstance(event, MessageArrived):
                ids.append(event.message.id)
            if len(ids) == count:
                break
        return ids


Begin = Callable[..., AbstractAsyncContextManager[Scene]]


@pytest.fixture
def begin(serve: Serve, tmp_path: Path) -> Begin:
    """Return a function that makes a patient follower after number 7, of a server with these answers."""

    @asynccontextmanager
    async def begun(*answers: bytes) -> AsyncIterator[Scene]:
        server = serve(*answers)
        profile = Profile("default", tmp_path / "data", tmp_path / "config.json")
        mqtt = {"host": "127.0.0.1", "port": 1, "tls": False, "username": "alice", "password": "x",
                "client_id": "alice.abcdefghij", "expires_at": "2026-01-31T12:00:00Z",
                "ends_at": time.time() + 1000}  # fmt: skip
        credentials = Credentials.model_validate(
            {"server": server, "username": "alice", "device_id": "abcdefghij", "device_name": None,
             "access_token": "a", "access_ends_at": time.time() + 1000, "refresh_token": "r", "mqtt": mqtt}
        )  # fmt: skip
        profile.save(credentials)
        async with Transport(server) as transport, WakeUps(profile.wakeups) as wakeups:
            with Store(tmp_path / "data" / "alice.db") as store:
                store.move_cursor(EVERYTHING, 7)
                api = Api(transport, profile, credentials)
                yield Scene(Follower(api, store, wakeups, patient=True), api, store, wakeups)

    return begun
