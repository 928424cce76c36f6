"""What the backend tells the screen: also when the copy cannot be read, and nothing after it is closed."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mqtt_client.app.changes import Change, Noticed, RowsChanged
from mqtt_client.app.storage import Chats
from mqtt_client.app.sync import Sync
from tests.unit.app.making import an_incoming

Told = list[Change]


@pytest.fixture
def chats(tmp_path: Path) -> Iterator[Chats]:
    """A copy of alice's, with one conversation."""
    with Chats(tmp_path / "alice.chats.db", "alice") as made:
        made.begin("direct:bob", "", 1, is_whole=True)
        made.keep([an_incoming(1)], news=False)
        yield made


async def test_a_copy_that_cannot_be_read_is_said_and_told_once_it_can(chats: Chats) -> None:
    """The error is a line, and no traceback over the screen; the conversation is told the next time."""
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    told: Told = []
    sync = Sync(chats, "alice", told.extend)
    chats._db.execute("ALTER TABLE messages RENAME TO elsewhere")
    sync.changed("direct:bob")
    await _until(lambda: bool(told) or bool(complaints))
    assert complaints == []
    assert [type(change) for change in told] == [Noticed]
    chats._db.execute("ALTER TABLE elsewhere RENAME TO messages")
    sync.tell()
    await _until(lambda: any(isinstance(change, RowsChanged) for change in told))


async def test_nothing_is_told_after_the_end(chats: Chats) -> None:
    """The copy may be closed then."""
    told: Told = []
    sync = Sync(chats, "alice", told.extend)
    sync.changed("direct:bob")
    sync.close()
    sync.changed("direct:bob")
    await asyncio.sleep(0.3)
    assert told == []


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)
