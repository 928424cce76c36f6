"""Markers, typing, presence and hints, as hostile as anything from the network."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_client.events import (
    GroupChanged,
    MarkerArrived,
    MarkerMoved,
    PresenceChanged,
    SessionsChanged,
    Signal,
    TypingChanged,
)
from mqtt_client.signals import is_group_hint, is_token_stale, read_signals
from wire.conversations import direct, group

GROUP = "gabcdefabcdef"


@pytest.mark.parametrize(
    ("topic", "payload", "told"),
    [
        ("users/alice/markers/bob", '{"delivered": 5}', MarkerArrived(direct("bob"), "bob", 5, 0)),
        ("users/alice/markers/bob", '{"read": 5, "delivered": 3}', MarkerArrived(direct("bob"), "bob", 5, 5)),
        (f"groups/{GROUP}/markers/bob", '{"read": 7}', MarkerArrived(group(GROUP), "bob", 7, 7)),
        ("users/alice/typing/bob", "1", TypingChanged(direct("bob"), "bob", active=True)),
        (f"groups/{GROUP}/typing/bob", "0", TypingChanged(group(GROUP), "bob", active=False)),
        ("users/bob/presence", '{"status": "away"}', PresenceChanged("bob", "away")),
        (
            "users/bob/presence",
            '{"status": "online", "since": "2026-01-31T12:00:00.000Z"}',
            PresenceChanged("bob", "online", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ),
        ("users/bob/presence", "", PresenceChanged("bob", "offline")),
        ("users/alice/events", json.dumps({"type": "group_added", "group": GROUP}), GroupChanged(GROUP, "added")),
        (
            "users/alice/events",
            '{"type": "session_removed", "device": "abcdefghij"}',
            SessionsChanged("abcdefghij", "removed"),
        ),
        (
            "users/alice/archived",
            '{"messages": [], "markers": [{"conversation": "direct:bob", "delivered": 9, "read": 4}, 7]}',
            MarkerMoved(direct("bob"), 9, 4),
        ),
    ],
)
def test_what_is_as_agreed_is_told(topic: str, payload: str, told: Signal) -> None:
    assert read_signals(topic, payload.encode(), "alice") == [told]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("users/alice/markers/bob", "{}"),
        ("users/alice/markers/bob", '{"read": 0}'),
        ("users/alice/markers/bob", '{"read": -1}'),
        ("users/alice/markers/bob", '{"read": true}'),
        ("users/alice/markers/bob", '{"read": "5"}'),
        ("users/alice/markers/bob", '{"read": 9223372036854775808}'),
        ("users/alice/markers/bob", '{"read": 5, "delivered": null}'),
        ("users/alice/markers/bob", "[" * 1000),
        ("users/alice/markers/bob", '{"read": 5, "x": "' + "y" * 2000 + '"}'),
        ("users/carol/markers/bob", '{"read": 5}'),
        (f"groups/{GROUP}/markers/alice", '{"read": 5}'),
        ("groups/nogroup/markers/bob", '{"read": 5}'),
        ("users/alice/typing/B", "1"),
        ("users/alice/typing/bob", "yes"),
        ("users/bob/presence", '{"status": "asleep"}'),
        ("users/bob/presence", '{"status": ["online"]}'),
        ("users/B/presence", '{"status": "online"}'),
        ("a/users/bob/presence", '{"status": "online"}'),
        ("users/alice/events", '{"type": "news"}'),
        ("users/alice/events", '{"type": "group_added"}'),
        ("users/alice/events", '{"type": "group_added", "group": "../x"}'),
        ("users/alice/events", '{"type": {}, "group": "gabcdefabcdef"}'),
        ("users/bob/events", json.dumps({"type": "group_added", "group": GROUP})),
        ("users/alice/archived", '{"messages": [], "markers": {"conversation": "direct:bob"}}'),
        ("users/alice/archived", '{"markers": [{"conversation": "telepathy:bob", "delivered": 9, "read": 4}]}'),
        ("users/alice/inbox/bob", "1"),
    ],
)
def test_what_is_not_counts_as_nothing(topic: str, payload: str) -> None:
    assert read_signals(topic, payload.encode(), "alice") == []


@given(st.sampled_from(["users/alice/events", "users/bob/presence", "users/alice/markers/bob", "x"]), st.binary())
def test_no_payload_is_an_error(topic: str, payload: bytes) -> None:
    assert len(read_signals(topic, payload, "alice")) <= 1
    assert not is_token_stale(topic, payload, "alice")


@pytest.mark.parametrize("kind", ["[]", "{}", '["group_added"]', "null", "1e999", "NaN", "true"])
def test_a_hint_whose_type_is_no_text_is_none(kind: str) -> None:
    payload = f'{{"type": {kind}, "group": "{GROUP}"}}'.encode()
    assert not is_group_hint("users/alice/events", payload, "alice")
    assert not is_token_stale("users/alice/events", payload, "alice")
    assert read_signals("users/alice/events", payload, "alice") == []


def test_memberships_that_come_and_end_are_worth_a_look() -> None:
    assert is_group_hint("users/alice/events", b'{"type": "group_removed", "group": "gabcdefabcdef"}', "alice")
    assert not is_group_hint("users/alice/events", b'{"type": "group_changed", "group": "gabcdefabcdef"}', "alice")
    assert not is_group_hint("users/bob/events", b'{"type": "group_removed"}', "alice")
