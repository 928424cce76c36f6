"""Packets of the broker, as they are logged and read back."""

from datetime import UTC, datetime

import pytest
from aiomqtt import PublishPacket
from hypothesis import given
from hypothesis import strategies as st

from mqtt_client.events import PresenceChanged
from mqtt_client.incoming import log_entry, read_live, read_signal, receipts_in
from mqtt_client.signals import is_token_stale
from tests.support.receipts import encode_receipts
from wire.conversations import direct, group
from wire.receipts import Receipt, Rejected, Stored

GROUP = "gabcdefabcdef"
ID = "0190a3c4-0000-7000-8000-000000000001"
NOW = datetime(2026, 1, 31, tzinfo=UTC)


def packet(topic: str, payload: bytes, *properties: tuple[str, str], content_type: str | None = None) -> PublishPacket:
    return PublishPacket(topic, payload, content_type=content_type, user_properties=list(properties))


@given(st.binary(min_size=1, max_size=100))
def test_a_message_reads_back_from_the_log_byte_for_byte(body: bytes) -> None:
    entry = log_entry(
        packet("users/alice/inbox/bob", body, ("id", ID.upper()), ("sent-at", "2026-01-31T00:00:00Z")), "alice"
    )
    assert entry is not None
    message = read_live(entry[1]).message(NOW)
    assert message is not None
    assert (message.body, message.identity, message.conversation) == (body, ("bob", ID), direct("bob"))
    assert message.sent_at == NOW


def test_a_message_that_we_sent_belongs_to_the_conversation_with_its_receiver() -> None:
    entry = log_entry(packet("users/bob/inbox/alice", b"hi", ("id", ID)), "alice")
    assert entry is not None
    message = read_live(entry[1]).message(NOW)
    assert message is not None
    assert (message.sender, message.conversation) == ("alice", direct("bob"))


def test_a_message_without_an_id_is_not_shown_before_its_receipt() -> None:
    entry = log_entry(packet("users/alice/inbox/bob", b"from a lamp"), "alice")
    assert entry is not None
    assert entry[0] == "message"
    assert read_live(entry[1]).message(NOW) is None


@pytest.mark.parametrize(
    "broken",
    [
        packet("users/alice/inbox/bob", b""),
        packet("users/alice/inbox/bob", b"x" * 70_000),
        packet("users/alice/inbox/bob", b"x", ("id", "no uuid")),
        packet("users/alice/inbox/bob", b"x", ("relation", "reply")),
        packet("users/carol/inbox/bob", b"not ours"),
        packet("users/alice/inbox/B", b"no username"),
        packet("users/alice/presence", b"{}"),
        packet("users/alice/archived", b"garbage"),
        packet("users/alice/archived", b"[" * 100_000),
    ],
)
def test_what_breaks_the_contract_or_is_not_ours_is_not_told(broken: PublishPacket) -> None:
    assert log_entry(broken, "alice") is None


def test_a_groups_message_is_of_the_group_whoever_sent_it() -> None:
    entry = log_entry(packet(f"groups/{GROUP}/messages/bob", b"hi", ("id", ID)), "alice")
    assert entry is not None
    message = read_live(entry[1]).message(NOW)
    assert message is not None
    assert (message.sender, message.conversation) == ("bob", group(GROUP))
    assert log_entry(packet("groups/nogroup/messages/bob", b"hi", ("id", ID)), "alice") is None


def test_a_groups_receipts_are_about_that_group_alone() -> None:
    mine = Stored(ID, 5, group(GROUP), "bob")
    assert receipts_in(packet(f"groups/{GROUP}/archived", encode_receipts([mine])), "alice") == [mine]
    strange: list[Receipt] = [mine, Stored(ID, 6, direct("bob"), "alice")]
    assert receipts_in(packet(f"groups/{GROUP}/archived", encode_receipts(strange)), "alice") == []
    assert receipts_in(packet(f"groups/{GROUP}/archived", encode_receipts([Rejected(ID, "malformed")])), "alice") == []
    assert receipts_in(packet("groups/nogroup/archived", encode_receipts([mine])), "alice") == []


def test_a_presence_is_logged_as_it_came_and_garbage_is_not() -> None:
    entry = log_entry(packet("users/bob/presence", b'{"status": "online"}'), "alice")
    assert entry is not None
    assert (entry[0], read_signal(entry[1], "alice")) == ("signal", [PresenceChanged("bob", "online")])
    assert log_entry(packet("users/bob/presence", b"online"), "alice") is None


def test_receipts_are_read_from_our_own_topic_only() -> None:
    receipts: list[Receipt] = [Stored(ID, 5, direct("bob"), "alice"), Rejected(ID, "too_large")]
    payload = encode_receipts(receipts)
    assert receipts_in(packet("users/alice/archived", payload), "alice") == receipts
    assert receipts_in(packet("users/bob/archived", payload), "alice") == []
    assert receipts_in(packet("users/alice/inbox/bob", payload), "alice") == []
    assert log_entry(packet("users/alice/archived", payload), "alice") is None, "they are no message"


@pytest.mark.parametrize(
    ("payload", "stale"),
    [
        (b'{"type": "token_stale"}', True),
        (b'{"type": "news"}', False),
        (b"[]", False),
        (b"\xff", False),
        (b"[" * 100_000, False),
    ],
)
def test_only_a_token_stale_event_asks_for_new_credentials(payload: bytes, stale: bool) -> None:
    assert is_token_stale("users/alice/events", payload, "alice") is stale
    assert not is_token_stale("users/alice/inbox/bob", payload, "alice")
