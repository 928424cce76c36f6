"""What the connection brings, as entries of the store's log, and back from there. Pure."""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from aiomqtt import PublishPacket

from mqtt_client.events import Message, Signal
from mqtt_client.signals import read_signals
from wire import topics
from wire.conversations import Conversation, direct, group, parse_conversation
from wire.message import Envelope, RefusedError, default_content_type, read_message
from wire.names import is_group_id, is_username
from wire.receipts import Receipt, Stored, decode_receipts
from wire.times import format_time

LogKind = Literal["message", "receipts", "signal", "groups", "connected", "disconnected", "ended"]


@dataclass(frozen=True, slots=True)
class Live:
    """A message as it came from the broker. Without an id it can be shown only once the archive has named it."""

    conversation: Conversation
    sender: str
    body: bytes
    envelope: Envelope

    def message(self, now: datetime) -> Message | None:
        """Make what is shown of it; None when its sender gave it no id."""
        if self.envelope.id is None:
            return None
        return Message(
            conversation=self.conversation,
            sender=self.sender,
            id=str(self.envelope.id),
            content_type=self.envelope.content_type or default_content_type(self.body),
            body=self.body,
            sent_at=self.envelope.sent_at or now,
            relation=self.envelope.relation,
            relates_to_id=self.envelope.relates_to,
        )


def filters(username: str, *, live: bool = False) -> tuple[str, ...]:
    """List what every session subscribes to; a `live` one to markers, typing and the own presence too."""
    messages = (
        topics.own_inbox_filter(username),
        topics.sent_filter(username),
        topics.archived(username),
        topics.events(username),
    )
    signals = (f"users/{username}/markers/+", f"users/{username}/typing/+", topics.presence(username))
    return messages + signals if live else messages


def group_filters(groups: Iterable[str]) -> list[str]:
    """List what a session subscribes to for the groups that its token is good for."""
    return [topics.group_filter(group_id) for group_id in sorted(groups)]


def receipts_in(packet: PublishPacket, username: str) -> list[Receipt]:
    """Read a packet's archive receipts; none when it is of another kind. Its payload is the log entry's content too.

    A group's receipts are about nothing but that group.
    """
    if packet.topic == topics.archived(username):
        return decode_receipts(packet.payload)
    match packet.topic.split("/"):
        case ["groups", name, "archived"] if is_group_id(name):
            receipts = decode_receipts(packet.payload)
            of_group = all(isinstance(each, Stored) and each.conversation == group(name) for each in receipts)
            return receipts if of_group else []
        case _:
            return []


def log_entry(packet: PublishPacket, username: str) -> tuple[LogKind, bytes] | None:
    """Write what is to be told of a packet that holds no receipts; None for what breaks the contract."""
    topic = topics.parse_topic(packet.topic)
    if topic is None or topic.what != "message":
        is_signal = bool(read_signals(packet.topic, packet.payload, username))
        return ("signal", packet.topic.encode() + b"\n" + packet.payload) if is_signal else None
    conversation = _conversation(topic, username)
    if conversation is None or not is_username(topic.sender):
        return None
    try:
        envelope = read_message(packet.payload, packet.content_type, packet.user_properties)
    except RefusedError:
        return None
    return "message", write_live(Live(conversation, topic.sender, packet.payload, envelope))


def read_signal(content: bytes, username: str) -> list[Signal]:
    """Read a log entry of that kind."""
    topic, _, payload = content.partition(b"\n")
    return read_signals(topic.decode(errors="replace"), payload, username)


def write_live(live: Live) -> bytes:
    """Write a live message as a log entry's content."""
    envelope = live.envelope
    content = {
        "conversation": str(live.conversation),
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
    conversation = parse_conversation(entry["conversation"])
    if conversation is None:
        raise ValueError(f"{entry['conversation']!r} is no conversation")
    return Live(conversation, entry["sender"], body, envelope)


def _conversation(topic: topics.Topic, username: str) -> Conversation | None:
    """Name the conversation of a message's topic from a user's side; None when it is none of theirs."""
    if topic.kind == "group":
        return group(topic.name) if is_group_id(topic.name) else None
    if username not in (topic.name, topic.sender) or not is_username(topic.name):
        return None
    return direct(topic.sender if topic.name == username else topic.name)


_PROPERTIES = (("id", "id"), ("sent-at", "sent_at"), ("relation", "relation"), ("relates-to", "relates_to"))
