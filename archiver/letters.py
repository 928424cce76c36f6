"""Deliveries read as messages, or refused. Pure: whether names and targets exist is the archive's to say."""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from archiver.delivery import Delivery
from archiver.markings import Ignored, Marking, read_marking
from wire.conversations import Conversation
from wire.message import Envelope, MessageId, RefusedError, RejectReason, claimed_id, read_message
from wire.names import is_group_id, is_username
from wire.topics import parse_topic

ADDRESS_MAX = 80
"""Characters of a topic that is remembered; one of names that can exist has fewer."""
CLAIMED_ID_MAX = 128
"""Characters of a sender's own id that a receipt repeats."""


class Letter(NamedTuple):
    """A message that keeps the contract as far as it can be seen without the database."""

    delivery: Delivery
    sender: str
    to: Conversation
    """As its sender names it."""
    id: MessageId
    """The sender's, or one given here."""
    given: bool
    """Whether the id was given here."""
    envelope: Envelope


class Refused(NamedTuple):
    """A delivery that goes to the dead letters. `sender` is None when it cannot be told of it."""

    delivery: Delivery
    sender: str | None
    id: str
    reason: RejectReason
    detail: str


Mail = Letter | Refused
"""What came on a topic of messages."""
Item = Mail | Marking | Ignored


class _Address(NamedTuple):
    """The topic of a message or a marker."""

    sender: str
    to: Conversation
    is_usual: bool
    """Whether it is that of a message, with names that can exist."""
    is_marker: bool
    nobody: tuple[RejectReason, str] | None
    """Why there can be no such user or conversation."""


def _read_address(topic: str) -> _Address | None:
    parsed = parse_topic(topic)
    if parsed is None or parsed.what == "typing":
        return None
    nobody: tuple[RejectReason, str] | None = None
    if not is_username(parsed.sender):
        nobody = "malformed", "the sender's name is no username"
    elif parsed.kind == "direct" and not is_username(parsed.name):
        nobody = "unknown_recipient", "the recipient's name is no username"
    elif parsed.kind == "group" and not is_group_id(parsed.name):
        nobody = "not_a_member", "the group's id is none"
    is_marker = parsed.what == "marker"
    return _Address(
        parsed.sender, Conversation(parsed.kind, parsed.name), not is_marker and nobody is None, is_marker, nobody
    )


_remembered_address = lru_cache(maxsize=10_000)(_read_address)
"""For topics of up to `ADDRESS_MAX` characters: a conversation has few, and they come again and again."""


def read_delivery(delivery: Delivery, new_id: Callable[[], UUID]) -> Item:
    """Read a delivery; `new_id` makes the id of a message that has none."""
    topic = delivery.topic
    address = _remembered_address(topic) if len(topic) <= ADDRESS_MAX else _read_address(topic)
    if address is None or not address.is_usual:
        return _read_unusual(delivery, address, new_id)
    try:
        envelope = read_message(delivery.body, delivery.content_type, delivery.properties)
    except RefusedError as error:
        return refuse(delivery, address.sender, error.reason, str(error), new_id)
    if envelope.id is None:
        return Letter(delivery, address.sender, address.to, MessageId(str(new_id())), True, envelope)
    return Letter(delivery, address.sender, address.to, envelope.id, False, envelope)


def _read_unusual(delivery: Delivery, address: _Address | None, new_id: Callable[[], UUID]) -> Item:
    if address is None:
        return refuse(delivery, None, "malformed", "the topic is none of a message", new_id)
    if address.is_marker:
        return Ignored(delivery) if address.nobody else read_marking(delivery, address.sender, address.to)
    reason, detail = address.nobody or ("malformed", "")
    sender = address.sender if is_username(address.sender) else None
    try:
        read_message(delivery.body, delivery.content_type, delivery.properties)
    except RefusedError as error:
        if sender is not None:
            reason, detail = error.reason, str(error)
    return refuse(delivery, sender, reason, detail, new_id)


def refuse(
    delivery: Delivery, sender: str | None, reason: RejectReason, detail: str, new_id: Callable[[], UUID]
) -> Refused:
    """Refuse a delivery, naming it as its sender did."""
    claimed = claimed_id(delivery.properties)
    named = str(new_id()) if claimed is None else claimed[:CLAIMED_ID_MAX]
    return Refused(delivery, sender, named, reason, detail)


def reject(letter: Letter, reason: RejectReason, detail: str) -> Refused:
    """Refuse a message that was read well, for what the database says about it."""
    claimed = claimed_id(letter.delivery.properties)
    return Refused(letter.delivery, letter.sender, claimed or letter.id, reason, detail)


def digest(delivery: Delivery) -> bytes:
    """Name a delivery's content: SHA-256 of topic, content type, user properties and body."""
    parts = [delivery.topic, delivery.content_type or "", *(text for pair in delivery.properties for text in pair)]
    made = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        made.update(len(encoded).to_bytes(4, "big") + encoded)
    made.update(delivery.body)
    return made.digest()
