"""A message as the API shows it (contract, section 6)."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from wire.conversations import Conversation
from wire.message import TEXT, is_textual


@dataclass(frozen=True, slots=True)
class Edit:
    """The newest edit of a message; when it was received, as it is shown."""

    content_type: str | None
    body: bytes | memoryview
    received_at: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message, as its reader may see it; reactions with the names of who gave them."""

    edit: Edit | None = None
    retracted_at: str | None = None
    reactions: Mapping[str, Sequence[str]] = field(default_factory=dict)


class StoredMessage(NamedTuple):
    """A message as the archive holds it, and the conversation as its reader sees it; times as they are shown.

    `changed` is whether the archive has noted that there is an outcome; who reads it looks that up.
    """

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
    changed: bool | None = None
    outcome: Outcome | None = None


def conversation_json(conversation: Conversation) -> dict[str, str]:
    """Write a conversation's object form."""
    if conversation.kind == "direct":
        return {"type": "direct", "with": conversation.name}
    return {"type": "group", "id": conversation.name}


def message_json(message: StoredMessage) -> dict[str, object]:
    """Write a message."""
    return messages_json((message,))[0]


def messages_json(messages: Iterable[StoredMessage]) -> list[dict[str, object]]:
    """Write messages. Most have nothing but a body of plain text: those are written at once.

    A sender may call plain text what is none.
    """
    made: list[dict[str, object]] = []
    known: Conversation | None = None
    where: dict[str, str] = {}
    for message in messages:
        seq, id_, conversation, sender, content_type, body, sent_at, received_at, relation, _, _, outcome = message
        if conversation is not known:
            known, where = conversation, conversation_json(conversation)
        if content_type is not None or relation is not None or outcome is not None:
            made.append(_any_json(message, where))
            continue
        try:
            text = str(body, "utf-8")
        except UnicodeDecodeError:
            made.append(_any_json(message, where))
            continue
        made.append(
            {
                "id": id_,
                "seq": seq,
                "conversation": where,
                "sender": sender,
                "content_type": TEXT,
                "body": text,
                "sent_at": sent_at,
                "received_at": received_at,
            }
        )
    return made


def _any_json(message: StoredMessage, where: dict[str, str]) -> dict[str, object]:
    outcome = message.outcome or Outcome()
    content_type, body = message.content_type or TEXT, message.body
    if outcome.edit is not None:
        content_type, body = outcome.edit.content_type or TEXT, outcome.edit.body
    shown: dict[str, object] = {
        "id": message.id,
        "seq": message.seq,
        "conversation": where,
        "sender": message.sender,
        "content_type": content_type,
    }
    if message.relation != "retract" and outcome.retracted_at is None:
        name, text = body_json(content_type, body)
        shown[name] = text
    shown["sent_at"] = message.sent_at
    shown["received_at"] = message.received_at
    if message.relation is not None:
        shown["relation"] = message.relation
        shown["relates_to"] = message.relates_to
    if outcome.edit is not None:
        shown["edited_at"] = outcome.edit.received_at
    if outcome.retracted_at is not None:
        shown["retracted_at"] = outcome.retracted_at
    if outcome.reactions:
        shown["reactions"] = outcome.reactions
    return shown


def body_json(content_type: str, body: bytes | memoryview) -> tuple[str, str]:
    """Name and write a body: as text when the type is text or JSON and the bytes are UTF-8, else in base64."""
    if content_type == TEXT or is_textual(content_type):
        try:
            return "body", str(body, "utf-8")
        except UnicodeDecodeError:
            pass
    return "body_base64", base64.b64encode(body).decode()
