"""Following in this process, by a clock that runs faster than the one on the wall."""

import asyncio
import time

from mqtt_client.account import open_account
from mqtt_client.events import CaughtUp, MessageArrived
from mqtt_client.follow import Follower
from mqtt_client.profile import Profile
from mqtt_client.wakeup import WakeUps
from tests.support.nightjar import Person


async def test_a_message_of_which_nobody_told_is_shown_within_a_minute(alice: Person, bob: Person) -> None:
    """Nothing holds bob's connection here: neither the message nor its receipt comes, as when the broker lost both."""
    profile = Profile("default", bob.directory, bob.directory / "settings.json")
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
