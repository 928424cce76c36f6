"""A conversation's name on the wire, as one user sees it: `direct:bob`, `group:g…` (contract, section 4)."""

from typing import Literal, NamedTuple

from wire.names import is_group_id, is_username


class Conversation(NamedTuple):
    """A conversation from one user's side: `name` is the other user, or the group's id."""

    kind: Literal["direct", "group"]
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


def direct(other: str) -> Conversation:
    """Name the direct conversation with `other`; with oneself it is a notebook."""
    return Conversation("direct", other)


def group(group_id: str) -> Conversation:
    """Name a group's conversation."""
    return Conversation("group", group_id)


def parse_conversation(text: str) -> Conversation | None:
    """Read a conversation's name; None when it is none."""
    kind, _, name = text.partition(":")
    if kind == "direct" and is_username(name):
        return Conversation("direct", name)
    if kind == "group" and is_group_id(name):
        return Conversation("group", name)
    return None
