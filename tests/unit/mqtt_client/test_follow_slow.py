"""Following while the feed answers slowly, or not at all: chat goes on, and what was missed is told before it."""

import asyncio
import itertools
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from mqtt_client import blocks, follow
from mqtt_client.errors import OutOfReachError
from mqtt_client.events import CaughtUp, ConnectionChanged, Event, MessageArrived
from mqtt_client.reading import FeedPage
from mqtt_client.store import Store
from tests.support.receipts import encode_receipts
from tests.unit.mqtt_client.following import (
    CAME,
    EMPTY,
    MISSED,
    MISSED_MESSAGE,
    SECOND,
    Begin,
    Scene,
    begin,
    live,
    live_id,
)
from tests.unit.mqtt_client.test_hostile_server import serve
from wire.conversations import direct
from wire.receipts import Stored

__all__ = ["begin", "serve"]
NOTHING = FeedPage([], has_more=False, next_after_seq=7)
Pace = Callable[..., None]


@pytest.fixture
def pace(monkeypatch: pytest.MonkeyPatch) -> Pace:
    """Return a function that sets the follower's seconds."""

    def set_seconds(**seconds: float) -> None:
        for name, value in seconds.items():
            monkeypatch.setattr(follow, f"{name}_SECONDS", value)

    return set_seconds


def more(seq: int) -> FeedPage:
    """Make a page with nothing for us, after which there are others."""
    return FeedPage([], has_more=True, next_after_seq=seq)


def last(seq: int) -> FeedPage:
    """Make the page with the message that was missed."""
    return FeedPage([MISSED_MESSAGE], has_more=False, next_after_seq=seq)


async def test_with_a_rest_service_that_does_not_answer_chat_goes_on(
    begin: Begin, pace: Pace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the question, and is frozen, or a firewall has swallowed it."""
    pace(UNSETTLED=0.0, PATIENCE=0.2)
    async with begin(EMPTY) as scene, asyncio.timeout(10):

        async def never(*_: object) -> None:
            await asyncio.sleep(0.5)
            scene.arrive(SECOND)
            await asyncio.Event().wait()

        monkeypatch.setattr(follow, "feed_page", never)
        assert await scene.first_ids(1) == [CAME]
        assert not scene.follower.is_current


async def test_what_came_while_the_feed_was_asked_waits_for_what_was_missed(
    begin: Begin, pace: Pace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer that was on its way says nothing of what was stored after the question. So it is asked again."""
    pace(UNSETTLED=2.0, PATIENCE=0.2)
    answers = [NOTHING, last(8)]
    async with begin(EMPTY) as scene, asyncio.timeout(10):

        async def slowly(*_: object) -> FeedPage:
            if len(answers) > 1:
                await asyncio.sleep(0.5)
                scene.arrive(SECOND)
                await asyncio.sleep(3)
            return answers.pop(0)

        monkeypatch.setattr(follow, "feed_page", slowly)
        assert await scene.first_ids(2) == [MISSED, CAME]


@pytest.mark.parametrize(
    ("pages", "seconds"),
    [
        ([more(8), last(9)], {"PATIENCE": 0.1}),
        ([more(8), more(9), more(10), last(11)], {"PATIENCE": 0.1, "HELD": 1.5}),
        ([more(8), more(9), OutOfReachError("away"), last(11)], {"PATIENCE": 0.8}),
    ],
    ids=["slow pages", "more slow pages than anything waits for", "an error within"],
)
async def test_what_comes_within_a_long_catch_up_is_told_after_it(
    begin: Begin,
    pace: Pace,
    monkeypatch: pytest.MonkeyPatch,
    pages: list[FeedPage | OutOfReachError],
    seconds: dict[str, float],
) -> None:
    """Though the connection has been there for long: what was missed is older."""
    pace(UNSETTLED=0.1, **seconds)
    left = list(pages)
    async with begin(EMPTY) as scene, asyncio.timeout(20):

        async def slowly(*_: object) -> FeedPage:
            if len(left) == len(pages) - 1:
                scene.arrive(SECOND)
            await asyncio.sleep(0.6)
            page = left.pop(0) if left else NOTHING
            if isinstance(page, OutOfReachError):
                raise page
            return page

        monkeypatch.setattr(follow, "feed_page", slowly)
        assert await scene.first_ids(2) == [MISSED, CAME]


async def test_a_catch_up_that_hangs_holds_back_what_comes_live_once(
    begin: Begin, pace: Pace, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace(UNSETTLED=0.1, PATIENCE=0.1, HELD=2.0)
    pages = [more(8)]
    async with begin(EMPTY) as scene, asyncio.timeout(20):

        async def answer(*_: object) -> FeedPage:
            if not pages:
                await asyncio.Event().wait()
            return pages.pop()

        monkeypatch.setattr(follow, "feed_page", answer)
        late = await lateness(scene, count=3, every=2.2)
    assert sum(seconds > 1 for seconds in late) == 1


async def test_a_slow_feed_is_asked_only_for_what_comes_right_after_a_connect(
    begin: Begin, pace: Pace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for those before it asks for nothing of its own, or everything would be late without end."""
    pace(UNSETTLED=0.7, PATIENCE=0.3)
    asked: list[float] = []
    async with begin(EMPTY) as scene, asyncio.timeout(30):

        async def slowly(*_: object) -> FeedPage:
            asked.append(time.monotonic())
            await asyncio.sleep(0.5)
            return NOTHING

        monkeypatch.setattr(follow, "feed_page", slowly)
        await lateness(scene, count=350, every=0.02)
    assert asked[-1] < time.monotonic() - 2


async def test_a_feed_that_is_away_is_not_asked_for_each_message_that_waits_for_it(
    begin: Begin, pace: Pace, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace(HELD=60.0)
    asked: list[float] = []
    async with begin(EMPTY) as scene, asyncio.timeout(20):

        async def away(*_: object) -> None:
            asked.append(time.monotonic())
            raise OutOfReachError("away")

        monkeypatch.setattr(follow, "feed_page", away)
        with suppress(TimeoutError):
            async with asyncio.timeout(3):
                await lateness(scene, count=100, every=0.02)
    assert len(asked) <= 5, "once a second"


async def test_a_feed_that_is_away_is_asked_once_a_second_however_many_receipts_say_that_something_was_missed(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    async with begin(EMPTY) as scene, asyncio.timeout(30):

        async def away(*_: object) -> FeedPage:
            asked.append(time.monotonic())
            if len(asked) == 3:
                return NOTHING
            raise OutOfReachError("away")

        async def come() -> None:
            for number in itertools.count(8):
                receipt = Stored(live_id(number), number, direct("bob"), "bob")
                scene.store.log([("receipts", encode_receipts([receipt]))])
                scene.wakeups.nudge()
                await asyncio.sleep(0.02)

        monkeypatch.setattr(follow, "feed_page", away)
        coming = asyncio.create_task(come())
        await until_caught_up(scene)
        coming.cancel()
    assert asked[1] - asked[0] >= 1.0
    assert asked[2] - asked[1] >= 1.0


async def test_blocks_are_asked_for_after_a_connect_also_while_a_question_is_under_way(
    begin: Begin, pace: Pace, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace(PATIENCE=0.1)
    blocked: list[str] = []
    async with begin(EMPTY) as scene, asyncio.timeout(10):

        async def fetch(_: object, store: Store) -> list[str]:
            store.replace_blocked(store.blocked(), blocked)
            return blocked

        async def slowly(*_: object) -> FeedPage:
            await asyncio.sleep(0.5)
            if not blocked:
                blocked.append("bob")
                scene.arrive("disconnected", "connected")
                await asyncio.sleep(2)
                return last(8)
            return FeedPage([], has_more=False, next_after_seq=8)

        monkeypatch.setattr(blocks, "fetch_blocks", fetch)
        monkeypatch.setattr(follow, "feed_page", slowly)
        told = await until_caught_up(scene)
    assert ConnectionChanged(True) in told
    assert not [event for event in told if isinstance(event, MessageArrived)]


async def test_whom_one_blocks_while_a_question_is_under_way_is_not_in_its_answer(
    begin: Begin, pace: Pace, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace(PATIENCE=0.1)
    async with begin(EMPTY) as scene, asyncio.timeout(10):

        async def slowly(*_: object) -> FeedPage:
            await asyncio.sleep(0.5)
            scene.store.block("bob")
            await asyncio.sleep(0.1)
            return last(8)

        monkeypatch.setattr(follow, "feed_page", slowly)
        told = await until_caught_up(scene)
    assert not [event for event in told if isinstance(event, MessageArrived)]


async def lateness(scene: Scene, count: int, every: float) -> list[float]:
    """Let so many messages come live, so many seconds apart; say how many seconds later each is told."""
    came: dict[str, float] = {}
    late: list[float] = []

    async def come() -> None:
        for number in range(count):
            await asyncio.sleep(every)
            came[live_id(number)] = time.monotonic()
            scene.arrive(live(number))

    coming = asyncio.create_task(come())
    try:
        async for event in scene.follower.events():
            if isinstance(event, MessageArrived):
                late.append(time.monotonic() - came[event.message.id])
            if len(late) == count:
                break
    finally:
        coming.cancel()
    return late


async def until_caught_up(scene: Scene) -> list[Event]:
    """Return what is told until all is."""
    told: list[Event] = []
    async for event in scene.follower.events():
        told.append(event)
        if isinstance(event, CaughtUp):
            break
    return told
