"""Deliveries read as messages, or refused."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.delivery import Delivery
from archiver.letters import CLAIMED_ID_MAX, Item, Letter, Refused, digest, read_delivery, reject
from archiver.markings import Ignored, Marking
from wire.conversations import Conversation, direct, group
from wire.markers import Marker

GIVEN = UUID(int=7)


def delivery(
    topic: str = "users/bob/inbox/alice",
    body: bytes = b"x",
    content_type: str | None = None,
    properties: list[tuple[str, str]] | None = None,
    packet_id: int = 1,
) -> Delivery:
    """Make a delivery."""
    return Delivery(1, packet_id, False, topic, body, content_type, properties or [], 0)


def read(made: Delivery) -> Item:
    """Read it."""
    return read_delivery(made, lambda: GIVEN)


def test_a_message_without_an_id_is_given_one() -> None:
    letter = read(delivery())
    assert isinstance(letter, Letter)
    assert (letter.id, letter.given, letter.sender, letter.to) == (str(GIVEN), True, "alice", direct("bob"))


def test_a_message_keeps_its_own_id() -> None:
    own = uuid4()
    letter = read(delivery(properties=[("id", str(own))]))
    assert isinstance(letter, Letter)
    assert (letter.id, letter.given) == (str(own), False)


@pytest.mark.parametrize(
    ("topic", "sender", "reason"),
    [
        ("users/bob/typing/alice", None, "malformed"),
        ("users/bob/inbox/ALICE", None, "malformed"),
        ("users/bob/inbox/a", None, "malformed"),
        ("", None, "malformed"),
        ("users/BOB/inbox/alice", "alice", "unknown_recipient"),
        ("groups/gabcdefghijkl/messages/ALICE", None, "malformed"),
        ("groups/gabcdefghijkl/inbox/alice", None, "malformed"),
        ("groups/bob/messages/alice", "alice", "not_a_member"),
        ("groups/GABCDEFGHIJKL/messages/alice", "alice", "not_a_member"),
    ],
)
def test_topics_of_another_shape_are_refused(topic: str, sender: str | None, reason: str) -> None:
    refused = read(delivery(topic))
    assert isinstance(refused, Refused)
    assert (refused.sender, refused.reason, refused.id) == (sender, reason, str(GIVEN))


def test_a_group_and_a_user_of_the_same_name_are_different_conversations() -> None:
    name = "gabcdefghijkl"
    for topic, to in ((f"users/{name}/inbox/alice", direct(name)), (f"groups/{name}/messages/alice", group(name))):
        letter = read(delivery(topic))
        assert isinstance(letter, Letter)
        assert letter.to == to
    assert direct(name) != group(name)


@pytest.mark.parametrize(
    ("topic", "to"),
    [("users/bob/markers/alice", direct("bob")), ("groups/gabcdefghijkl/markers/alice", group("gabcdefghijkl"))],
)
def test_a_marker_is_read_whatever_its_properties(topic: str, to: Conversation) -> None:
    made = delivery(topic, b'{"delivered": 7, "read": 5}', "no media type", [("id", "no UUID")])
    assert read(made) == Marking(made, "alice", to, Marker(7, 5))


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("users/bob/markers/alice", b""),
        ("users/bob/markers/alice", b"{}"),
        ("users/BOB/markers/alice", b'{"read": 1}'),
        ("users/bob/markers/ALICE", b'{"read": 1}'),
        ("groups/bob/markers/alice", b'{"read": 1}'),
        ("groups/gabcdefghijkl/markers/a", b'{"read": 1}'),
    ],
)
def test_a_marker_that_is_none_is_ignored_and_no_dead_letter(topic: str, body: bytes) -> None:
    made = delivery(topic, body)
    assert read(made) == Ignored(made)


def test_a_refused_message_is_named_as_its_sender_named_it_but_not_at_any_length() -> None:
    refused = read(delivery(properties=[("id", "no UUID")]))
    assert isinstance(refused, Refused)
    assert refused.id == "no UUID"
    empty = read(delivery(properties=[("id", "")]))
    assert isinstance(empty, Refused)
    assert empty.id == ""
    refused = read(delivery(properties=[("id", "x" * 5000)]))
    assert isinstance(refused, Refused)
    assert refused.id == "x" * CLAIMED_ID_MAX


def test_a_message_that_the_database_knows_better_about_is_named_as_written_too() -> None:
    own = str(uuid4()).upper()
    letter = read(delivery(properties=[("id", own)]))
    assert isinstance(letter, Letter)
    assert reject(letter, "id_conflict", "because").id == own


texts = st.text(st.characters(codec="utf-8"))


@given(texts, st.binary(), st.none() | texts, st.lists(st.tuples(texts, texts)))
def test_whatever_comes_is_read_or_refused(
    topic: str, body: bytes, content_type: str | None, properties: list[tuple[str, str]]
) -> None:
    made = delivery(topic, body, content_type, properties)
    assert read(made).delivery is made
    assert len(digest(made)) == 32


@given(*[st.tuples(texts, st.binary(), st.none() | texts, st.lists(st.tuples(texts, texts)))] * 2)
def test_different_contents_have_different_digests(
    one: tuple[str, bytes, str | None, list[tuple[str, str]]],
    other: tuple[str, bytes, str | None, list[tuple[str, str]]],
) -> None:
    same = (one[0], one[1], one[2] or "", one[3]) == (other[0], other[1], other[2] or "", other[3])
    assert (digest(delivery(*one)) == digest(delivery(*other, packet_id=2))) == same


def test_what_stands_in_one_place_of_a_message_does_not_pass_for_another() -> None:
    digests = {
        digest(delivery(properties=[("a", "bc")])),
        digest(delivery(properties=[("ab", "c")])),
        digest(delivery(body=b"xa", properties=[])),
        digest(delivery(content_type="a")),
    }
    assert len(digests) == 4
