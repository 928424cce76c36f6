"""What the connection brings, as entries of the store's log, and back from there. Pure."""

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from aiomqtt import PublishPacket

from mqtt_client.events import Message
from wire import topics
from wire.conversations import direct
from wire.message import Envelope, RefusedError, default_content_type, read_message
from wire.names import is_username
from wire.receipts import Receipt, decode_receipts
from wire.times import format_time

LogKind = Literal["message", "receipts", "connected", "disconnected", "ended"]


@dataclass(frozen=True, slots=True)
class Live:
    """A message as it came from the broker. Without an id it can be shown only once the archive has named it."""

    other: str
    sender: str
    body: bytes
    envelope: Envelope

    def message(self, now: datetime) -> Message | None:
        """Make what is shown of it; None when its sender gave it no id."""
        if self.envelope.id is None:
            return None
        return Message(
            conversation=direct(self.other),
            sender=self.sender,
            id=str(self.envelope.id),
            content_type=self.envelope.content_type or default_content_type(self.body),
            body=self.body,
            sent_at=self.envelope.sent_at or now,
            relation=self.envelope.relation,
        )


def filters(username: str) -> tuple[str, ...]:
    """List what a session subscribes to."""
    return (
        topics.own_inbox_filter(username),
        topics.sent_filter(username),
        topics.archived(username),
        topics.events(username),
    )


def receipts_in(packet: PublishPacket, username: str) -> list[Receipt]:
    """Read a packet's archive receipts; none when it is of another kind. Its payload is the log entry's content too."""
    return decode_receipts(packet.payload) if packet.topic == topics.archived(username) else []


def is_token_stale(packet: PublishPacket, username: str) -> bool:
    """Say whether the packet tells us to fetch new MQTT credentials."""
    if packet.topic != topics.events(username):
        return False
    try:
        event = json.loads(packet.payload)
    except (ValueError, RecursionError):
        return False
    return isinstance(event, dict) and event.get("type") == "token_stale"


def log_entry(packet: PublishPacket, username: str) -> tuple[LogKind, bytes] | None:
    """Write what is to be told of a packet that holds no receipts; None for events and for what breaks the contract."""
    topic = topics.parse_inbox(packet.topic)
    if topic is None or username not in (topic.to, topic.sender):
        return None
    if not (is_username(topic.to) and is_username(topic.sender)):
        return None
    try:
        envelope = read_message(packet.payload, packet.content_type, packet.user_properties)
    except RefusedError:
        return None
    other = topic.sender if topic.to == username else topic.to
    return "message", write_live(Live(other, topic.sender, packet.payload, envelope))


def write_live(live: Live) -> bytes:
    """Write a live message as a log entry's content."""
    envelope = live.envelope
    content = {
        "other": live.other,
        "sender": live.sender,
        "body": base64.b64encode(live.body).decode(),
        "content_type": envelope.content_type,
        "id": str(envelope.id) if envelope.id else None,
        "sent_at": format_time(envelope.sent_at) if envelope.sent_at else None,
        "relation": envelope.relation,
        "relates_to": str(envelope.relates_to) if envelope.relates_to else None,
    }
    return json.dumps(content).encode()


def read_live(content: bytes) -> Live:
    """Read what `write_live` wrote."""
    entry = json.loads(content)
    named = [(name, entry[key]) for name, key in _PROPERTIES if entry[key] is not None]
    body = base64.b64decode(entry["body"])
    envelope = read_message(body, entry["content_type"], named)
    return Live(entry["other"], entry["sender"], body, envelope)


_PROPERTIES = (("id", "id"), ("sent-at", "sent_at"), ("relation", "relation"), ("relates-to", "relates_to"))
