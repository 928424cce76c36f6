"""Sessions that stay tell each other of typing, presence, markers and memberships, as typed events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from mqtt_client.account import open_account
from mqtt_client.events import (
    Event,
    GroupChanged,
    MarkerArrived,
    MarkerMoved,
    MessageArrived,
    MessageReacted,
    PresenceChanged,
    TypingChanged,
)
from mqtt_client.follow import Follower
from mqtt_client.liveliness import Manner
from mqtt_client.session import Session, alongside
from mqtt_client.store import Store
from mqtt_client.wakeup import WakeUps
from tests.integration.client.test_follow import profile_of, until
from tests.support.nightjar import Person
from wire.conversations import direct


@dataclass
class Seat:
    """Somebody's session in this process, and what it was told."""

    store: Store
    wakeups: WakeUps
    told: list[Event] = field(default_factory=list)

    def type(self, conversation: str, *, active: bool) -> None:
        """Type, as the app does."""
        self.store.type(conversation, active=active)
        self.wakeups.notify()

    async def is_told(self, event: Event) -> None:
        """Wait until an event was told."""
        await until(lambda: event in self.told, f"{event} in {self.told}")


@asynccontextmanager
async def seated(person: Person) -> AsyncIterator[Seat]:
    """Run a session that stays, and follow it."""

    async def follow(follower: Follower, told: list[Event]) -> None:
        async for event in follower.events():
            told.append(event)  # noqa: PERF401  # it is looked at while it grows

    async with open_account(profile_of(person), None) as account, WakeUps(account.profile.wakeups) as wakeups:
        with account.store() as store:
            manner = Manner(live=True, visible=True)
            session = Session(account.api, store, wakeups, account.profile, manner=manner)
            await session.begin()
            seat = Seat(store, wakeups)
            follower = Follower(account.api, store, wakeups, markers=True)
            task = asyncio.create_task(alongside(session, follow(follower, seat.told)))
            try:
                yield seat
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


async def test_typing_presence_and_markers_reach_the_other_side(alice: Person, bob: Person) -> None:
    async with seated(alice) as at_alice:
        at_alice.store.watch([bob.name])
        async with seated(bob) as at_bob:
            await until(
                lambda: any(isinstance(each, PresenceChanged) and each.status == "online" for each in at_alice.told),
                "bob is there",
            )
            at_bob.type(f"direct:{alice.name}", active=True)
            await at_alice.is_told(TypingChanged(direct(bob.name), bob.name, active=True))
            at_bob.type(f"direct:{alice.name}", active=False)
            await at_alice.is_told(TypingChanged(direct(bob.name), bob.name, active=False))
            (sent,) = await asyncio.to_thread(alice.objects, "send", bob.name, "news")
            await at_alice.is_told(MarkerArrived(direct(bob.name), bob.name, sent["seq"], 0))
            await at_bob.is_told(MarkerMoved(direct(alice.name), sent["seq"], 0))
            at_bob.store.mark(f"direct:{alice.name}", read=sent["seq"])
            at_bob.wakeups.notify()
            await at_alice.is_told(MarkerArrived(direct(bob.name), bob.name, sent["seq"], sent["seq"]))
            await at_bob.is_told(MarkerMoved(direct(alice.name), sent["seq"], sent["seq"]))
        await until(
            lambda: any(isinstance(each, PresenceChanged) and each.status == "offline" for each in at_alice.told),
            "bob has gone",
        )


async def test_who_was_in_no_group_is_told_of_the_first_though_no_event_says_so(alice: Person, bob: Person) -> None:
    """It was made before they connected, with a token of before that."""
    group = (await asyncio.to_thread(alice.out, "groups", "create", "team", "--member", bob.name)).strip()
    async with seated(bob) as at_bob:
        await at_bob.is_told(GroupChanged(group, "added"))


async def test_memberships_and_reactions_are_told_and_no_message_is_told_twice(alice: Person, bob: Person) -> None:
    async with seated(bob) as at_bob:
        group = (await asyncio.to_thread(alice.out, "groups", "create", "team", "--member", bob.name)).strip()
        await at_bob.is_told(GroupChanged(group, "added"))
        (sent,) = await asyncio.to_thread(alice.objects, "send", group, "welcome")
        await asyncio.to_thread(alice.run, "react", str(sent["seq"]), "🎉")
        await until(lambda: any(isinstance(each, MessageReacted) for each in at_bob.told), "the reaction")
        await asyncio.to_thread(alice.run, "groups", "remove", group, bob.name)
        await at_bob.is_told(GroupChanged(group, "removed"))
        await asyncio.to_thread(alice.run, "send", bob.name, "sorry")
        await until(lambda: len([each for each in at_bob.told if isinstance(each, MessageArrived)]) == 2, "both")
        messages = [each.message for each in at_bob.told if isinstance(each, MessageArrived)]
        assert [message.body for message in messages] == [b"welcome", b"sorry"]
        (reaction,) = [each for each in at_bob.told if isinstance(each, MessageReacted)]
        assert (reaction.target, reaction.message.body.decode()) == (sent["seq"], "🎉")
