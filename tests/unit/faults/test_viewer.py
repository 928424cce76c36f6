"""What a person's connection brings and is not theirs, is counted: of other people, and of other groups."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiomqtt import PublishPacket

from mqtt_client.events import CaughtUp, Message, MessageArrived
from scripts.faults.evidence import read_view
from scripts.faults.facts import Asked, Stray, Unasked
from scripts.faults.people import Person, Places
from scripts.faults.viewer import Viewer
from wire.conversations import direct

PAIR = Person("anna", ("bert",), "client-0", 10)
MEMBER = Person("anna", ("bert", "cleo"), "client-0", 10, "group 16", "gabcdefabcdef")


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Make the files of a run."""
    (tmp_path / "ledgers").mkdir()
    return Places(tmp_path)


def receipts(*conversations: str) -> str:
    """Write archive receipts."""
    entries = (f'{{"id":"1","seq":1,"conversation":"{each}","sender":"bert"}}' for each in conversations)
    return f'{{"messages":[{",".join(entries)}]}}'


OWN = [
    (PAIR, "users/anna/inbox/bert", "hello"),
    (PAIR, "users/bert/inbox/anna", "hello"),
    (PAIR, "users/anna/archived", receipts("direct:bert", "direct:bert")),
    (PAIR, "users/anna/events", "{}"),
    (MEMBER, "groups/gabcdefabcdef/messages/cleo", "hello"),
    (MEMBER, "groups/gabcdefabcdef/messages/anna", "hello"),
    (MEMBER, "groups/gabcdefabcdef/archived", receipts("group:gabcdefabcdef")),
    (MEMBER, "users/anna/archived", receipts("group:gabcdefabcdef")),
]
STRANGE = [
    (PAIR, "users/anna/inbox/cleo", "hello"),
    (PAIR, "groups/gabcdefabcdef/messages/cleo", "hello"),
    (PAIR, "users/anna/archived", receipts("direct:bert", "group:gabcdefabcdef")),
    (MEMBER, "groups/gabcdefabcdef/messages/dora", "hello"),
    (MEMBER, "groups/gzzzzzzzzzzzz/messages/bert", "hello"),
    (MEMBER, "groups/gzzzzzzzzzzzz/archived", receipts("group:gabcdefabcdef")),
    (MEMBER, "groups/gabcdefabcdef/archived", receipts("group:gzzzzzzzzzzzz")),
    (MEMBER, "users/anna/inbox/bert", "hello"),
]


@pytest.mark.parametrize(("person", "topic", "payload"), OWN)
def test_what_is_of_ones_own_conversation_is_no_stray(places: Places, person: Person, topic: str, payload: str) -> None:
    Viewer(person, places).watch(PublishPacket(topic, payload.encode()))
    assert read_view(places, "anna") == []


@pytest.mark.parametrize(("person", "topic", "payload"), STRANGE)
def test_what_is_of_others_is_a_stray(places: Places, person: Person, topic: str, payload: str) -> None:
    Viewer(person, places).watch(PublishPacket(topic, payload.encode()))
    assert read_view(places, "anna") == [Stray(f"{topic} {payload}")]


def test_what_is_shown_while_rest_cannot_be_asked_is_noted_until_it_has_been(places: Places) -> None:
    """Once for all of it; what came from the feed itself is none of it."""
    live = Message(direct("bert"), "bert", "id-1", "text/plain", b"hello", datetime.now(UTC))
    viewer = Viewer(PAIR, places)
    for event, is_current in (
        (MessageArrived(live), True),
        (MessageArrived(replace(live, seq=7)), False),
        (MessageArrived(live), False),
        (MessageArrived(live), False),
        (CaughtUp(), True),
        (MessageArrived(live), True),
    ):
        viewer._note_feed(event, is_current=is_current)
    assert read_view(places, "anna") == [Unasked(), Asked()]
