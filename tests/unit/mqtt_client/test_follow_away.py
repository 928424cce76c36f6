"""Following while the archive is away: what is told meanwhile, in which order, and when it is said that it is back."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mqtt_client import follow
from mqtt_client.api import Api
from mqtt_client.credentials import Credentials
from mqtt_client.events import CaughtUp, ConnectionChanged, Event, Message, MessageArrived
from mqtt_client.follow import EVERYTHING, Follower
from mqtt_client.incoming import Live, write_live
from mqtt_client.profile import Profile
from mqtt_client.reading import FeedPage
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
SECOND = Live(direct("bob"), "bob", b"second", Envelope(id=MessageId(CAME)))


Begin = Callable[..., AbstractAsyncContextManager[tuple[Follower, Store]]]


@pytest.fixture
def begin(serve: Serve, tmp_path: Path) -> Begin:
    """Return a function that makes a patient follower after number 7, of a server with these answers."""

    @asynccontextmanager
    async def begun(*answers: bytes) -> AsyncIterator[tuple[Follower, Store]]:
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
                yield Follower(Api(transport, profile, credentials), store, wakeups, patient=True), store

    return begun


async def test_a_patient_follower_begins_without_the_archive_and_says_when_it_is_back(begin: Begin) -> None:
    """The broker's connection has not changed meanwhile, so nothing else would say it."""
    told: list[Event] = []
    async with begin(AWAY, AWAY, EMPTY) as (follower, _), asyncio.timeout(60):
        async for event in follower.events():
            told.append(event)
            if event == ConnectionChanged(True):
                break
    assert [type(event) for event in told] == [ConnectionChanged, CaughtUp, ConnectionChanged]
    assert isinstance(told[0], ConnectionChanged)
    assert not told[0].connected


async def test_what_was_missed_is_told_before_what_came_live_though_rest_is_back_late(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a crash of both, on a machine on which the REST service takes some seconds more to start."""
    monkeypatch.setattr(follow, "HELD_SECONDS", 600.0)
    async with begin(*[AWAY] * 8, EMPTY, ONE_MISSED) as (follower, store):
        assert await ids_told(follower, store, count=2) == [MISSED, CAME]


async def test_with_rest_away_for_long_chat_goes_on(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "HELD_SECONDS", 1.5)
    async with begin(AWAY) as (follower, store):
        assert await ids_told(follower, store, count=1) == [CAME]
        assert not follower.is_current


async def test_with_a_rest_service_that_does_not_answer_chat_goes_on(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the question, and is frozen, or a firewall has swallowed it."""
    monkeypatch.setattr(follow, "UNSETTLED_SECONDS", 0.0)
    monkeypatch.setattr(follow, "PATIENCE_SECONDS", 0.2)
    async with begin(EMPTY) as (follower, store), asyncio.timeout(10):

        async def never(*_: object) -> None:
            await asyncio.sleep(0.5)
            store.log([("message", write_live(SECOND))])
            await asyncio.Event().wait()

        monkeypatch.setattr(follow, "feed_page", never)
        assert await first_ids(follower, 1) == [CAME]
        assert not follower.is_current


async def test_what_came_while_the_feed_was_asked_waits_for_what_was_missed(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer that was on its way says nothing of what was stored after the question. So it is asked again."""
    answers = [FeedPage([], has_more=False, next_after_seq=7), FeedPage([MISSED_MESSAGE], False, 8)]
    monkeypatch.setattr(follow, "UNSETTLED_SECONDS", 2.0)
    monkeypatch.setattr(follow, "PATIENCE_SECONDS", 0.2)
    async with begin(EMPTY) as (follower, store), asyncio.timeout(10):

        async def slowly(*_: object) -> FeedPage:
            if len(answers) > 1:
                await asyncio.sleep(0.5)
                store.log([("message", write_live(SECOND))])
                await asyncio.sleep(3)
            return answers.pop(0)

        monkeypatch.setattr(follow, "feed_page", slowly)
        assert await first_ids(follower, 2) == [MISSED, CAME]


async def test_what_comes_within_a_long_catch_up_is_told_after_it(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slow it is, and though the connection has been there for long: what was missed is older."""
    pages = [FeedPage([], True, 8), FeedPage([MISSED_MESSAGE], False, 9), FeedPage([], False, 9)]
    monkeypatch.setattr(follow, "UNSETTLED_SECONDS", 0.0)
    monkeypatch.setattr(follow, "PATIENCE_SECONDS", 0.1)
    async with begin(EMPTY) as (follower, store), asyncio.timeout(10):

        async def slowly(*_: object) -> FeedPage:
            if len(pages) == 2:
                await asyncio.sleep(0.5)
                store.log([("message", write_live(SECOND))])
                await asyncio.sleep(0.5)
            return pages.pop(0)

        monkeypatch.setattr(follow, "feed_page", slowly)
        assert await first_ids(follower, 2) == [MISSED, CAME]


async def first_ids(follower: Follower, count: int) -> list[str]:
    """Return the ids of the first messages that are told."""
    ids: list[str] = []
    async for event in follower.events():
        if isinstance(event, MessageArrived):
            ids.append(event.message.id)
        if len(ids) == count:
            break
    return ids


async def ids_told(follower: Follower, store: Store, count: int) -> list[str]:
    """Let a message come live once the feed could not be asked; return the ids of the first messages that are told."""
    ids: list[str] = []
    async with asyncio.timeout(60):
        async for event in follower.events():
            if isinstance(event, ConnectionChanged) and not event.connected:
                store.log([("message", write_live(SECOND))])
            if isinstance(event, MessageArrived):
                ids.append(event.message.id)
            if len(ids) == count:
                break
    return ids
