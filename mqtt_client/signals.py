"""What the broker brings beside messages and receipts: markers, typing, presence and hints of the API. Pure.

All of it was written by others, so whatever is not exactly as the contract says (section 2) counts as nothing.
"""

import json
from collections.abc import Mapping
from typing import Final, Literal

from mqtt_client.events import (
    GroupChanged,
    GroupsKnown,
    MarkerArrived,
    MarkerMoved,
    PresenceChanged,
    PresenceStatus,
    SessionsChanged,
    Signal,
    TypingChanged,
)
from wire import topics
from wire.conversations import Conversation, direct
from wire.markers import parse_marker
from wire.names import is_device_id, is_group_id, is_username
from wire.receipts import decode_watermarks
from wire.times import parse_time

SIGNAL_MAX = 1024
"""Bytes of a payload that is read; own markers come many at once and are not bounded by it."""
_STATUSES: Final[Mapping[str, PresenceStatus]] = {"online": "online", "away": "away", "offline": "offline"}
_GROUPS: Final[Mapping[str, Literal["added", "removed", "changed"]]] = {
    "group_added": "added",
    "group_removed": "removed",
    "group_changed": "changed",
}
_SESSIONS: Final[Mapping[str, Literal["added", "removed"]]] = {
    "session_added": "added",
    "session_removed": "removed",
}


class GroupsSeen:
    """Tells of memberships that came or ended, from one list of them to the next: no event may have said so."""

    def __init__(self) -> None:
        """Begin without a list; the first one is no change."""
        self._groups: frozenset[str] | None = None

    def changed_to(self, groups: frozenset[str]) -> list[Signal]:
        """Take a list; say what it is, and what is different."""
        before, self._groups = self._groups if self._groups is not None else groups, groups
        added = [GroupChanged(each, "added") for each in sorted(groups - before)]
        removed = [GroupChanged(each, "removed") for each in sorted(before - groups)]
        return [GroupsKnown(groups), *added, *removed]


def read_signals(topic: str, payload: bytes, me: str) -> list[Signal]:
    """Read what a publication tells `me`; nothing when it is of another kind, or not as agreed."""
    if topic == topics.archived(me):
        is_there = b'"markers"' in payload
        return [MarkerMoved(*watermark) for watermark in decode_watermarks(payload)] if is_there else []
    if len(payload) > SIGNAL_MAX:
        return []
    found: Signal | None
    if topic == topics.events(me):
        found = _hint(payload)
    elif topic.endswith("/presence"):
        found = _presence(topic, payload)
    else:
        found = _of_conversation(topic, payload, me)
    return [found] if found else []


def is_token_stale(topic: str, payload: bytes, me: str) -> bool:
    """Say whether the publication tells us to fetch new MQTT credentials."""
    if topic != topics.events(me) or len(payload) > SIGNAL_MAX:
        return False
    return _object(payload).get("type") == "token_stale"


def is_group_hint(topic: str, payload: bytes, me: str) -> bool:
    """Say whether the publication tells of a membership that came or ended."""
    if topic != topics.events(me) or len(payload) > SIGNAL_MAX:
        return False
    return _object(payload).get("type") in ("group_added", "group_removed")  # no set: it may be a list, without a hash


def _of_conversation(topic: str, payload: bytes, me: str) -> Signal | None:
    parsed = topics.parse_topic(topic)
    if parsed is None or parsed.what == "message" or not is_username(parsed.sender) or parsed.sender == me:
        return None
    if parsed.kind == "direct":
        if parsed.name != me:
            return None
        conversation = direct(parsed.sender)
    elif is_group_id(parsed.name):
        conversation = Conversation("group", parsed.name)
    else:
        return None
    if parsed.what == "typing":
        return TypingChanged(conversation, parsed.sender, payload == b"1") if payload in {b"0", b"1"} else None
    marker = parse_marker(payload)
    if marker is None:
        return None
    # What is read is delivered too.
    delivered, read = marker.delivered or 0, marker.read or 0
    return MarkerArrived(conversation, parsed.sender, max(delivered, read), read)


def _presence(topic: str, payload: bytes) -> PresenceChanged | None:
    match topic.split("/"):
        case ["users", username, "presence"] if is_username(username):
            pass
        case _:
            return None
    if not payload:
        # Whoever deletes an account clears what was retained.
        return PresenceChanged(username, "offline")
    content = _object(payload)
    status, since = content.get("status"), content.get("since")
    if not isinstance(status, str) or status not in _STATUSES:
        return None
    return PresenceChanged(username, _STATUSES[status], parse_time(since) if isinstance(since, str) else None)


def _hint(payload: bytes) -> GroupChanged | SessionsChanged | None:
    match _object(payload):
        case {"type": str(kind), "group": str(group)} if kind in _GROUPS and is_group_id(group):
            return GroupChanged(group, _GROUPS[kind])
        case {"type": str(kind), "device": str(device)} if kind in _SESSIONS and is_device_id(device):
            return SessionsChanged(device, _SESSIONS[kind])
        case _:
            return None


def _object(payload: bytes) -> dict[str, object]:
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
