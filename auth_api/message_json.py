"""A message as the API shows it (contract, section 6)."""

import base64
from typing import NamedTuple

from wire.conversations import Conversation
from wire.message import TEXT, is_textual


class StoredMessage(NamedTuple):
    """A message as the archive holds it, and the conversation as its reader sees it; times as they are shown."""

    seq: int
    id: str
    conversation: Conversation
    sender: str
    content_type: str | None
    body: bytes | memoryview
    sent_at: str
    received_at: str
    relation: str | None = None
    relates_to: int | None = None


def conversation_json(conversation: Conversation) -> dict[str, str]:
    """Write a conversation's object form."""
    if conversation.kind == "direct":
        return {"type": "direct", "with": conversation.name}
    return {"type": "group", "id": conversation.name}


def message_json(message: StoredMessage) -> dict[str, object]:
    """Write a message."""
    seq, id_, conversation, sender, stored_type, body, sent_at, received_at, relation, relates_to = message
    content_type = stored_type or TEXT
    shown: dict[str, object] = {
        "id": id_,
        "seq": seq,
        "conversation": conversation_json(conversation),
        "sender": sender,
        "content_type": content_type,
    }
    if relation != "retract":
        name, text = body_json(content_type, body)
        shown[name] = text
    shown["sent_at"] = sent_at
    shown["received_at"] = received_at
    if relation is not None:
        shown["relation"] = relation
        shown["relates_to"] = relates_to
    return shown


def body_json(content_type: str, body: bytes | memoryview) -> tuple[str, str]:
    """Name and write a body: as text when the type is text or JSON and the bytes are UTF-8, else in base64."""
    if content_type == TEXT or is_textual(content_type):
        try:
            return "body", str(body, "utf-8")
        except UnicodeDecodeError:
            pass
    return "body_base64", base64.b64encode(body).decode()
