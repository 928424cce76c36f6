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
    body: bytes
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
    content_type = message.content_type or TEXT
    shown: dict[str, object] = {
        "id": message.id,
        "seq": message.seq,
        "conversation": conversation_json(message.conversation),
        "sender": message.sender,
        "content_type": content_type,
    }
    if message.relation != "retract":
        shown.update(body_json(content_type, message.body))
    shown["sent_at"] = message.sent_at
    shown["received_at"] = message.received_at
    if message.relation is not None:
        shown["relation"] = message.relation
        shown["relates_to"] = message.relates_to
    return shown


def body_json(content_type: str, body: bytes) -> dict[str, str]:
    """Write a body: as text when the type is text or JSON and the bytes are UTF-8, else in base64."""
    if content_type == TEXT or is_textual(content_type):
        try:
            return {"body": body.decode()}
        except UnicodeDecodeError:
            pass
    return {"body_base64": base64.b64encode(body).decode()}
