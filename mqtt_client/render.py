"""What people and scripts read on standard output. Pure: text in, text out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from mqtt_client.events import Message
from mqtt_client.reading import ListedConversation
from mqtt_client.text import shortened, visible, visible_lines

_INDENT = "      "
_PREVIEW = 60
_VERBS = {"edit": "edited", "retract": "retracted", "reaction": "reacted to"}


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


@dataclass(frozen=True, slots=True)
class Style:
    """How messages are written: for whom, among one conversation or several, with their seqs or without.

    `titles` are those of groups, by id; `zone` is the time zone, or the machine's.
    """

    me: str
    one_conversation: bool = False
    seqs: bool = False
    titles: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo | None = None


def message_text(message: Message, style: Style, now: datetime) -> str:
    """Write a message for people: time, who, text; further lines indented, so that none can pass for a message.

    Among several conversations a message of our own names its receiver, and any message to a group the group.
    """
    who = visible(message.sender)
    if not style.one_conversation and (message.sender == style.me or message.conversation.kind == "group"):
        who = f"{who} → {conversation_name(message, style.titles)}"
    first, *rest = _said(message)
    seq = f" [{message.seq}]" if style.seqs and message.seq else ""
    head = f"{local_time(message.sent_at, now, style.zone)}{seq} {who}{first}"
    return "\n".join([head, *(_INDENT + line for line in rest)])


def version_text(version: Message, me: str, now: datetime) -> str:
    """Write one version of a message for people, with the seq of the message that brought it."""
    return message_text(version, Style(me, one_conversation=True, seqs=True), now)


def conversation_name(message: Message, titles: Mapping[str, str]) -> str:
    """Name the conversation of a message: the other user, the group's title, or its id where that is not known."""
    name = message.conversation.name
    if message.conversation.kind == "group" and name in titles:
        return f"#{visible(titles[name])}"
    return visible(name)


def _said(message: Message) -> list[str]:
    """Write what follows the sender's name, and further lines."""
    target = message.relates_to_seq
    if target is not None and message.relation in _VERBS:
        if message.relation == "retract":
            return [f" retracted {target}"]
        if message.retracted_at is not None:
            return [f" {_VERBS[message.relation]} {target} (taken back)"]
        first, *rest = _text_lines(message)
        if message.relation == "reaction":
            return [f" reacted {first} to {target}", *rest]
        return [f" edited {target}: {first}", *rest]
    first, *rest = body_lines(message)
    notes = [f"re {target}"] if target is not None and message.relation in {"reply", "thread"} else []
    notes += ["edited"] if message.edited_at is not None and message.retracted_at is None else []
    reactions = [
        f"{visible(reaction)} {', '.join(map(visible, names))}"
        for reaction, names in message.reactions.items()
        if names
    ]
    return [f"{(notes and ' (' + ', '.join(notes) + ')') or ''}: {first}", *rest, *reactions]


def body_lines(message: Message) -> list[str]:
    """Write a body as lines that are safe to show; what is no text is named by its type and size."""
    is_named = message.relates_to_seq is not None and message.relation in {"reply", "thread"}
    relation = f"[{visible(message.relation)}] " if message.relation and not is_named else ""
    if not message.body:
        return [relation.rstrip() or "[retracted]"]
    first, *rest = _text_lines(message)
    return [relation + first, *rest]


def _text_lines(message: Message) -> list[str]:
    if not message.is_text:
        return [f"[{visible(message.content_type)}, {len(message.body)} bytes]"]
    return visible_lines(message.body.decode(errors="replace").removesuffix("\n"))


def conversation_text(listed: ListedConversation, last: Message | None, me: str, now: datetime) -> str:
    """Write one line of the list of conversations."""
    name = visible(listed.entry.conversation.name.partition(":")[2])
    if listed.entry.conversation.type == "group" and listed.entry.title:
        name = f"#{visible(listed.entry.title)}"
    unread = f" ({listed.entry.unread} unread)" if listed.entry.unread else ""
    if last is None:
        return name + unread
    preview = shortened(message_text(last, Style(me, one_conversation=True), now).split("\n")[0], _PREVIEW + 20)
    return f"{name}{unread}  {preview}"
