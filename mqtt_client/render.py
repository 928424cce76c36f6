"""What people and scripts read on standard output. Pure: text in, text out."""

import json
from collections.abc import Mapping
from datetime import datetime, tzinfo

from mqtt_client.events import Message
from mqtt_client.reading import ListedConversation
from mqtt_client.text import shortened, visible, visible_lines

_INDENT = "      "
_PREVIEW = 60


def as_json(value: Mapping[str, object]) -> str:
    """Write one object on one line, in ASCII: no terminal acts on it, and nothing but a newline ends it."""
    return json.dumps(value, ensure_ascii=True, separators=(", ", ": "))


def local_time(moment: datetime, now: datetime, zone: tzinfo | None = None) -> str:
    """Write a time by the clock on the wall (`zone`, or the machine's), with the date when it is not today."""
    try:
        there = moment.astimezone(zone)
    except (OverflowError, ValueError):
        # A sender's clock may say year 1 or 9999, which some time zones have not got.
        return moment.strftime("%Y-%m-%d %H:%M")
    return there.strftime("%H:%M" if there.date() == now.astimezone(zone).date() else "%Y-%m-%d %H:%M")


def message_text(
    message: Message, me: str, now: datetime, *, one_conversation: bool, zone: tzinfo | None = None
) -> str:
    """Write a message for people: time, who, text; further lines indented, so that none can pass for a message.

    Among several conversations a message of our own names its receiver.
    """
    who = visible(message.sender)
    if message.sender == me and not one_conversation:
        who = f"{who} → {visible(message.conversation.name)}"
    first, *rest = body_lines(message)
    head = f"{local_time(message.sent_at, now, zone)} {who}: {first}"
    return "\n".join([head, *(_INDENT + line for line in rest)])


def body_lines(message: Message) -> list[str]:
    """Write a body as lines that are safe to show; what is no text is named by its type and size."""
    relation = f"[{visible(message.relation)}] " if message.relation else ""
    if not message.body:
        return [relation.rstrip() or "[retracted]"]
    if not message.is_text:
        return [f"{relation}[{visible(message.content_type)}, {len(message.body)} bytes]"]
    first, *rest = visible_lines(message.body.decode(errors="replace").removesuffix("\n"))
    return [relation + first, *rest]


def conversation_text(listed: ListedConversation, last: Message | None, me: str, now: datetime) -> str:
    """Write one line of the list of conversations."""
    name = visible(listed.entry.title or listed.entry.conversation.name.partition(":")[2])
    unread = f" ({listed.entry.unread} unread)" if listed.entry.unread else ""
    if last is None:
        return name + unread
    preview = shortened(message_text(last, me, now, one_conversation=True).split("\n")[0], _PREVIEW + 20)
    return f"{name}{unread}  {preview}"
