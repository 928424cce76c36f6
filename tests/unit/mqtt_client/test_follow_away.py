"""Following while the archive is away: what is told meanwhile, in which order, and when it is said that it is back."""

import asyncio

import pytest

from mqtt_client import follow
from mqtt_client.events import CaughtUp, ConnectionChanged, Event, MessageArrived
from tests.unit.mqtt_client.following import AWAY, CAME, EMPTY, MISSED, ONE_MISSED, SECOND, Begin, Scene, begin
from tests.unit.mqtt_client.test_hostile_server import serve

__all__ = ["begin", "serve"]


async def test_a_patient_follower_begins_without_the_archive_and_says_when_it_is_back(begin: Begin) -> None:
    """The broker's connection has not changed meanwhile, so nothing else would say it."""
    told: list[Event] = []
    async with begin(AWAY, AWAY, EMPTY) as scene, asyncio.timeout(60):
        async for event in scene.follower.events():
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
    async with begin(*[AWAY] * 8, EMPTY, ONE_MISSED) as scene:
        assert await ids_told(scene, count=2) == [MISSED, CAME]


async def test_with_rest_away_for_long_chat_goes_on(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "HELD_SECONDS", 1.5)
    async with begin(AWAY) as scene:
        assert await ids_told(scene, count=1) == [CAME]
        assert not scene.follower.is_current


async def test_a_connection_that_comes_back_alone_does_not_say_that_all_is_well(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "_RETRY_SECONDS", 0.1)
    told: list[bool] = []
    async with begin(AWAY) as scene, asyncio.timeout(60):
        async for event in scene.follower.events():
            if isinstance(event, ConnectionChanged):
                told.append(event.connected)
            if told == [False]:
                scene.arrive("disconnected", "connected")
            if len(told) == 3:
                break
    assert told == [False, True, False]


async def test_the_end_of_an_earlier_login_does_not_end_this_one(begin: Begin) -> None:
    """Its process may only now have found out, and writes into the same store."""
    async with begin(EMPTY) as scene, asyncio.timeout(60):
        told = asyncio.create_task(scene.first_ids(1))
        await asyncio.sleep(0.2)
        scene.store.log([("ended", b"zzzzzzzzzz\nthis profile has logged in meanwhile\n")])
        scene.arrive(SECOND)
        assert await told == [CAME]


async def ids_told(scene: Scene, count: int) -> list[str]:
    """Let a message come live once the feed could not be asked; return the ids of the first messages that are told."""
    ids: list[str] = []
    async with asyncio.timeout(60):
        async for event in scene.follower.events():
            if isinstance(event, ConnectionChanged) and not event.connected:
                scene.arrive(SECOND)
            if isinstance(event, MessageArrived):
                ids.append(event.message.id)
            if len(ids) == count:
                break
    return ids
