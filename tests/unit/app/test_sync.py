"""What the backend tells the screen: also when the copy cannot be read, and nothing after it is closed."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from mqtt_client.api import Api
from mqtt_client.app.changes import Change, EntriesChanged, Noticed, RowsChanged
from mqtt_client.app.entries import Mark
from mqtt_client.app.ledger import CopyLedger
from mqtt_client.app.storage import Chats
from mqtt_client.app.sync import Sync
from mqtt_client.events import CaughtUp, Message, MessageArrived
from mqtt_client.follow import EVERYTHING, Follower
from mqtt_client.profile import Profile
from mqtt_client.sending import compose
from mqtt_client.store import Store
from mqtt_client.transport import Transport
from mqtt_client.wakeup import WakeUps
from tests.unit.app.making import an_incoming
from tests.unit.mqtt_client.test_hostile_server import Serve, a_message, http, serve
from wire.conversations import direct

__all__ = ["serve"]

Changes = tuple[Change, ...]
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def chats(tmp_path: Path) -> Iterator[Chats]:
    """A copy of alice's, with one conversation."""
    with Chats(tmp_path / "alice.chats.db", "alice") as made:
        made.begin("direct:bob", "", 1, is_whole=True)
        made.keep([an_incoming(1)], news=False)
        yield made


async def test_a_copy_that_cannot_be_read_is_said_and_told_once_it_can(chats: Chats) -> None:
    """The error is a line, and no traceback over the screen; the conversation is told the next time."""
    told: asyncio.Queue[Changes] = asyncio.Queue()
    sync = Sync(chats, "alice", told.put_nowait)
    chats._db.execute("ALTER TABLE messages RENAME TO elsewhere")
    sync.changed("direct:bob")
    async with asyncio.timeout(60):
        assert [type(change) for change in await told.get()] == [Noticed]
        chats._db.execute("ALTER TABLE elsewhere RENAME TO messages")
        sync.tell()
        assert [type(change) for change in await told.get()] == [RowsChanged]


async def test_many_messages_at_once_are_told_less_often(chats: Chats) -> None:
    """Drawing takes the thread that has to take the keys, and nobody reads so fast."""
    told: asyncio.Queue[tuple[float, Changes]] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    sync = Sync(chats, "alice", lambda changes: told.put_nowait((loop.time(), changes)))

    async def after(*seqs: int) -> tuple[float, set[int | None]]:
        for seq in seqs:
            sync.take(MessageArrived(Message(direct("bob"), "bob", f"{seq:032x}", "text/plain", b"x", NOON, seq=seq)))
        at, changes = await asyncio.wait_for(told.get(), 30)
        return at, {entry.seq for change in changes if isinstance(change, EntriesChanged) for entry in change.entries}

    began = loop.time()
    _, shown = await after(*range(2, 22))
    assert shown == set(range(2, 22))
    at, shown = await after(22)
    assert shown == {22}
    assert at - began > 0.19
    moments = [at, *[(await after(seq))[0] for seq in range(23, 33)]]
    assert min(later - earlier for earlier, later in pairwise(moments)) < 0.19, "single ones are not held up so long"


async def test_nothing_is_told_after_the_end(chats: Chats) -> None:
    """The copy may be closed then."""
    told: list[Changes] = []
    sync = Sync(chats, "alice", told.append)
    sync.changed("direct:bob")
    sync.close()
    sync.changed("direct:bob")
    await asyncio.sleep(0.3)
    assert told == []


@pytest.mark.parametrize("sender", ["bob", "alice"])
async def test_a_message_whose_receipt_was_missed_gets_its_place_from_the_feed(
    serve: Serve, profile: Profile, sender: str
) -> None:
    """It came live, or was sent, before a kill; until then it would stand below all that is newer."""
    known = a_message(seq=8, sender=sender)
    server = serve(http(json.dumps({"messages": [known], "has_more": False, "next_after_seq": 8, "blocked": []})))
    login = profile.load().model_copy(update={"server": server})
    live = an_incoming(2, seq=None, sender=sender, id=known["id"])
    async with Transport(server) as transport, WakeUps(profile.wakeups) as wakeups:
        with Chats(profile.data / "a.chats.db", "alice") as chats, Store(profile.data / "a.db") as store:
            chats.begin("direct:bob", "", 1, is_whole=True)
            chats.keep([live], news=True)
            chats.move_cursor(EVERYTHING, 7)
            sync = Sync(chats, "alice", lambda _: None)
            api = Api(transport, profile, login)
            events = Follower(api, store, wakeups, ledger=CopyLedger(chats, store), patient=True).events()
            async with asyncio.timeout(60):
                while (event := await anext(events)) != CaughtUp():
                    sync.take(event)
            (entry,) = chats.newest("direct:bob", 10).entries
    assert (entry.seq, entry.place) == (8, 8)
    assert entry.mark is (Mark.STORED if sender == "alice" else Mark.NONE)


async def test_what_is_written_before_the_copy_is_filled_hides_no_history(
    serve: Serve, profile: Profile, tmp_path: Path
) -> None:
    """A second device, and /msg or the outbox comes first: what was said before can still be fetched."""
    last = a_message(seq=8)
    listed = [{"conversation": last["conversation"], "last_message": last, "unread": 0}]
    server = serve(http(json.dumps({"conversations": listed, "next_cursor": None})))
    async with Transport(server) as transport:
        api = Api(transport, profile, profile.load().model_copy(update={"server": server}))
        with Chats(tmp_path / "a.chats.db", "alice") as chats:
            sync = Sync(chats, "alice", lambda _: None)
            for name in ("bob", "carol"):
                sync.post(compose(direct(name), b"written first"))
            assert chats.floor("direct:bob")[0] > 8
            await sync.prime(api)
            assert chats.floor("direct:bob") == (8, False)
            assert chats.floor("direct:carol") == (9, False)
            assert [entry.seq for entry in chats.newest("direct:bob", 10).entries] == [8, None]
