"""Following in this process, by a clock that runs as the tests need it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from mqtt_client.account import open_account
from mqtt_client.events import CaughtUp, ConnectionChanged, Event, MessageArrived, ReceiptArrived
from mqtt_client.follow import HELD_SECONDS, Follower
from mqtt_client.incoming import Live, write_live
from mqtt_client.profile import Profile
from mqtt_client.session import Session, alongside
from mqtt_client.wakeup import WakeUps
from tests.conftest import StackFactory
from tests.support.nightjar import Person, new_person
from tests.support.peer import Peer
from tests.support.receipts import encode_receipts
from tests.support.stack import RunningStack
from wire.conversations import direct
from wire.message import Envelope, parse_uuid
from wire.receipts import Stored


def profile_of(person: Person) -> Profile:
    """Name where the person's login and store are."""
    return Profile("default", person.directory, person.directory / "settings.json")


@asynccontextmanager
async def following(person: Person, clock: Callable[[], float]) -> AsyncIterator[list[Event]]:
    """Follow with a connection of the person's own; the list grows with what is told."""
    told: list[Event] = []

    async def follow(follower: Follower) -> None:
        async for event in follower.events():
            told.append(event)  # noqa: PERF401  # it is looked at while it grows

    async with open_account(profile_of(person), None) as account, WakeUps(account.profile.wakeups) as wakeups:
        with account.store() as store:
            session = Session(account.api, store, wakeups, account.profile)
            await session.begin()
            follower = Follower(account.api, store, wakeups, clock=clock)
            task = asyncio.create_task(alongside(session, follow(follower)))
            try:
                yield told
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


async def until(condition: Callable[[], bool], what: str, seconds: float = 45) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still not: {what}"
        await asyncio.sleep(0.01)


def bodies(told: list[Event]) -> list[bytes]:
    """List the messages among what was told."""
    return [event.message.body for event in told if isinstance(event, MessageArrived)]


def publish(stack: RunningStack, sender: Person, to: Person, body: bytes) -> None:
    """Publish a message that has an id, whatever became of those before."""
    block = sender.login()["mqtt"]
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho does not annotate it
    properties.UserProperty = [("id", str(uuid4()))]
    with Peer(stack.mqtt_port, block["client_id"], block["username"], block["password"]) as device:
        device.publish(f"users/{to.name}/inbox/{sender.name}", body, properties=properties)


def count_stored(stack: RunningStack) -> int:
    """Count the messages in the archive."""
    with closing(psycopg2.connect(stack.database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM messages")
        ((count,),) = cursor.fetchall()
        return int(count)


@pytest.fixture
def stack(stack_factory: StackFactory) -> RunningStack:
    """A stack of this test's own."""
    return stack_factory().start()


@pytest.fixture
def people(stack: RunningStack, tmp_path: Path) -> tuple[Person, Person]:
    """Two who are logged in."""
    alice, bob = (new_person(stack.server, tmp_path, name).register() for name in ("alice", "bob"))
    return alice, bob


async def test_a_message_of_which_nobody_told_is_shown_within_a_minute(alice: Person, bob: Person) -> None:
    """Nothing holds bob's connection here: neither the message nor its receipt comes, as when the broker lost both."""
    profile = profile_of(bob)
    async with open_account(profile, None) as account, WakeUps(profile.wakeups) as wakeups:
        with account.store() as store:
            follower = Follower(account.api, store, wakeups, clock=lambda: 30 * time.monotonic())
            events = follower.events()
            assert await anext(events) == CaughtUp()
            await asyncio.to_thread(alice.run, "send", bob.name, "unannounced")
            async with asyncio.timeout(20):
                event = await anext(events)
            assert isinstance(event, MessageArrived)
            assert event.message.body == b"unannounced"


async def test_a_message_of_ours_from_another_device_that_only_a_receipt_tells_of_is_fetched(
    alice: Person, bob: Person, tmp_path: Path
) -> None:
    """The receipt stands in the log as the connection would have brought it; the message itself never came."""
    elsewhere = alice.elsewhere(tmp_path / "elsewhere")
    profile = profile_of(alice)
    async with open_account(profile, None) as account, WakeUps(profile.wakeups) as wakeups:
        with account.store() as store:
            events = Follower(account.api, store, wakeups, clock=lambda: time.monotonic() / 20).events()
            assert await anext(events) == CaughtUp()
            (sent,) = await asyncio.to_thread(elsewhere.objects, "send", bob.name, "from the other one")
            receipt = Stored(sent["id"], sent["seq"], direct(bob.name), alice.name)
            store.log([("receipts", encode_receipts([receipt]))])
            async with asyncio.timeout(60):
                told = [await anext(events), await anext(events)]
            assert ReceiptArrived(receipt) in told
            assert bodies(told) == [b"from the other one"]


async def test_what_was_missed_while_away_is_shown_before_what_comes_live_after_it(
    stack: RunningStack, people: tuple[Person, Person]
) -> None:
    """The first message is stored after bob has caught up, and the second is there before he is told of the first.

    The clock runs slowly, so that the seconds after a connect last as long as the archiver takes to start.
    """
    alice, bob = people
    stack.archiver.stop()
    publish(stack, alice, bob, b"missed")
    async with following(bob, clock=lambda: time.monotonic() / 20) as told:
        await until(lambda: CaughtUp() in told and ConnectionChanged(True) in told, "bob is connected")
        await asyncio.to_thread(stack.archiver.start, wait=False)
        await until(lambda: count_stored(stack) == 1, "the first is stored")
        await asyncio.to_thread(publish, stack, alice, bob, b"live")
        await until(lambda: len(bodies(told)) == 2, "both are shown")
        assert bodies(told) == [b"missed", b"live"]


async def test_without_the_rest_server_a_live_message_is_shown_some_seconds_after_a_reconnect(
    stack: RunningStack, people: tuple[Person, Person]
) -> None:
    alice, bob = people
    async with following(bob, clock=time.monotonic) as told:
        await until(lambda: ConnectionChanged(True) in told, "bob is connected")
        await asyncio.to_thread(stack.api.stop)
        block = bob.login()["mqtt"]
        with Peer(stack.mqtt_port, block["client_id"], block["username"], block["password"]):
            await until(lambda: told[-1] != ConnectionChanged(True), "bob has lost the connection to another")
        await until(lambda: told.count(ConnectionChanged(True)) == 2, "bob is back")
        await asyncio.to_thread(publish, stack, alice, bob, b"one")
        await asyncio.to_thread(publish, stack, alice, bob, b"two")
        await until(lambda: bodies(told) == [b"one", b"two"], "they are shown")


async def test_without_the_rest_server_reconnects_do_not_hold_a_live_message_back_for_ever(
    stack: RunningStack, people: tuple[Person, Person]
) -> None:
    """The log tells of connections, each of which lasts for seconds only, by a clock that stands still between."""
    now, (alice, bob) = 0.0, people
    profile = profile_of(bob)
    async with open_account(profile, None) as account, WakeUps(profile.wakeups) as wakeups:
        with account.store() as store:
            events = Follower(account.api, store, wakeups, clock=lambda: now).events()
            assert await anext(events) == CaughtUp()
            await asyncio.to_thread(stack.api.stop)
            live = Live(direct(alice.name), alice.name, b"live", Envelope(parse_uuid(str(uuid4()))))
            store.log([("connected", b""), ("message", write_live(live))])
            told: list[Event] = []
            async with asyncio.timeout(60):
                while not bodies(told) and now < 60:
                    told.append(await anext(events))
                    now += 2
                    store.log([("disconnected", b""), ("connected", b"")])
            assert (bodies(told), now < 2 * HELD_SECONDS) == ([b"live"], True)
