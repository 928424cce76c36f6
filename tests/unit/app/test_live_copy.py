"""What changes in the copy after a message was written, and what is told of it."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mqtt_client.app.changes import (
    Change,
    EntriesChanged,
    GroupTold,
    MarkerChanged,
    Noticed,
    PresenceTold,
    RowsChanged,
    TypingTold,
)
from mqtt_client.app.local_file import _SCHEMA
from mqtt_client.app.refreshing import Refreshing
from mqtt_client.app.storage import Chats
from mqtt_client.app.sync import Sync, incoming
from mqtt_client.errors import ApiError
from mqtt_client.events import (
    Event,
    GroupChanged,
    MarkerArrived,
    MarkerMoved,
    Message,
    MessageArrived,
    MessageRetracted,
    PresenceChanged,
    ReceiptArrived,
    TypingChanged,
    arrival,
)
from mqtt_client.sending import Related, compose
from mqtt_client.transport import Answer
from tests.unit.app.making import an_incoming
from wire.conversations import direct
from wire.receipts import Rejected

GROUP = "gabcdefabcdef"
THEN = datetime(2026, 1, 31, 12, tzinfo=UTC)


def a_message(seq: int, body: str, sender: str = "bob", **changes: Any) -> Message:
    id_ = f"00000000-0000-7000-8000-{seq:012d}"
    message = Message(direct("bob"), sender, id_, "text/plain; charset=utf-8", body.encode(), THEN, seq=seq)
    return replace(message, **changes)


class Scripted:
    """Stands for the API: answers by path."""

    username = "alice"

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def call(self, method: str, path: str, **_: object) -> Answer:
        """Answer what was scripted."""
        self.asked.append(path)
        if path not in self.answers:
            raise ApiError(f"no {method} {path}", 404)
        return Answer(200, self.answers[path].encode(), 0.0)


async def told(sync: Sync, changes: list[Change], *events: Event) -> list[Change]:
    """Let events be taken; return what is told of them."""
    for event in events:
        sync.take(event)
    await asyncio.sleep(0.25)
    return changes


async def test_signals_are_told_and_markers_kept(tmp_path: Path) -> None:
    changes: list[Change] = []
    with Chats(tmp_path / "c", "alice") as chats:
        sync = Sync(chats, "alice", changes.extend)
        await told(
            sync,
            changes,
            MessageArrived(a_message(5, "mine", "alice")),
            MessageArrived(a_message(6, "news")),
            MarkerArrived(direct("bob"), "bob", 5, 5),
            MarkerArrived(direct("bob"), "bob", 4, 4),
            TypingChanged(direct("bob"), "bob", active=True),
            PresenceChanged("bob", "online", THEN),
        )
        assert MarkerChanged("direct:bob", "bob", 5, 5) in changes
        assert TypingTold("direct:bob", "bob", active=True) in changes
        assert PresenceTold("bob", "online", THEN) in changes
        (row,) = chats.rows()
        assert (row.their_delivered, row.their_read, row.unread) == (5, 5, 1)
        changes.clear()
        await told(sync, changes, MarkerMoved(direct("bob"), 6, 6))
        assert [row.unread for change in changes if isinstance(change, RowsChanged) for row in change.rows] == [0]


async def test_a_message_that_was_changed_is_read_again_and_shown_as_it_is(tmp_path: Path) -> None:
    """Of a reaction that is taken back the message that it was to."""
    changes: list[Change] = []
    state = """{"id": "00000000-0000-7000-8000-000000000005", "seq": 5, "sender": "bob", "body": "edited",
        "conversation": {"type": "direct", "with": "bob"}, "content_type": "text/plain; charset=utf-8",
        "sent_at": "2026-01-31T12:00:00.000Z", "received_at": "2026-01-31T12:00:00.000Z",
        "edited_at": "2026-01-31T12:01:00.000Z", "reactions": {"👍": ["carol", "alice"]}}"""
    taken_back = state.replace('"seq": 5', '"seq": 7, "relation": "reaction", "relates_to": 5')
    api = Scripted({"/v1/messages/5": state, "/v1/messages/7": taken_back})
    with Chats(tmp_path / "c", "alice") as chats:
        sync = Sync(chats, "alice", changes.extend)
        refreshing = Refreshing(api, sync)  # type: ignore[arg-type]  # it stands for the API
        running = asyncio.create_task(refreshing.run())
        events = [
            MessageArrived(a_message(5, "first")),
            arrival(a_message(6, "edited", relation="edit", relates_to_seq=5)),
            MessageRetracted(a_message(8, "", relation="retract", relates_to_seq=7), 7),
            MessageRetracted(a_message(9, "", relation="retract", relates_to_seq=99), 99),
        ]
        for event in events:
            sync.take(event)
            refreshing.take(event)
        async with asyncio.timeout(60):
            while sync.changed_targets:  # noqa: ASYNC110  # it is a set
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.25)
        running.cancel()
        (entry,) = chats.newest("direct:bob", 10).entries
        assert (entry.body, entry.reactions) == (b"edited", (("👍", ("alice", "carol")),))
        assert entry.edited_at == datetime(2026, 1, 31, 12, 1, tzinfo=UTC).timestamp()
        shown = [each for change in changes if isinstance(change, EntriesChanged) for each in change.entries]
        assert shown[-1] == entry
        assert sorted(set(api.asked)) == ["/v1/messages/5", "/v1/messages/7", "/v1/messages/99"]


async def test_a_group_that_one_is_added_to_is_there_with_its_title(tmp_path: Path) -> None:
    changes: list[Change] = []
    group = f'{{"id": "{GROUP}", "title": "team", "visibility": "private", "history": "all", "members": 2}}'
    with Chats(tmp_path / "c", "alice") as chats:
        sync = Sync(chats, "alice", changes.extend)
        refreshing = Refreshing(Scripted({f"/v1/groups/{GROUP}": group}), sync)  # type: ignore[arg-type]  # as above
        running = asyncio.create_task(refreshing.run())
        refreshing.take(GroupChanged(GROUP, "added"))
        async with asyncio.timeout(60):
            while GroupTold(GROUP, "added") not in changes:  # noqa: ASYNC110  # it is a list
                await asyncio.sleep(0.01)
        running.cancel()
        assert [(row.name, row.title) for row in chats.rows()] == [(f"group:{GROUP}", "team")]


async def test_a_change_of_ours_that_is_refused_is_said(tmp_path: Path) -> None:
    changes: list[Change] = []
    with Chats(tmp_path / "c", "alice") as chats:
        sync = Sync(chats, "alice", changes.extend)
        edit = compose(direct("bob"), b"new", related=Related("edit", "00000000-0000-7000-8000-000000000005"))
        sync.post_change(edit)
        await told(sync, changes, ReceiptArrived(Rejected(edit.id, "bad_relation")))
        assert Noticed("not changed: bad_relation") in changes
        assert chats.newest("direct:bob", 10).entries == ()


def test_edits_and_reactions_of_older_messages_are_no_messages_of_their_own(tmp_path: Path) -> None:
    with Chats(tmp_path / "c", "alice") as chats:
        sync = Sync(chats, "alice", lambda _: None)
        chats.begin("direct:bob", "", 1)
        sync.keep([a_message(5, "hello"), a_message(6, "👍", relation="reaction", relates_to_seq=5)])
        assert [entry.seq for entry in chats.newest("direct:bob", 10).entries] == [5]


def test_a_retracted_message_loses_its_text_here_too(tmp_path: Path) -> None:
    with Chats(tmp_path / "c", "alice") as chats:
        chats.keep([an_incoming(5, "a secret")], news=True)
        gone = replace(a_message(5, ""), id=an_incoming(5).id, retracted_at=THEN)
        chats.keep([incoming(gone)], news=False)
        (entry,) = chats.newest("direct:bob", 10).entries
        assert (entry.body, entry.retracted_at) == (b"", THEN.timestamp())
        assert chats.search_apart("secret", 10) == []


@pytest.mark.parametrize("version", range(1, len(_SCHEMA)))
def test_a_copy_of_an_older_app_is_brought_up_to_date(tmp_path: Path, version: int) -> None:
    with closing(sqlite3.connect(tmp_path / "c", isolation_level=None)) as old:
        for script in _SCHEMA[:version]:
            old.executescript(script)
        old.execute(f"PRAGMA user_version = {version}")
        old.execute("INSERT INTO conversations (name, floor) VALUES ('direct:bob', 1)")
        old.execute(
            "INSERT INTO messages (place, conversation, sender, id, content_type, body, sent_at, seq, mark)"
            " VALUES (5, 'direct:bob', 'bob', 'x', 'text/plain', x'6869', 1.0, 5, '')"
        )
    with Chats(tmp_path / "c", "alice") as chats:
        (entry,) = chats.newest("direct:bob", 10).entries
        assert (entry.body, entry.reactions, entry.edited_at) == (b"hi", (), None)
