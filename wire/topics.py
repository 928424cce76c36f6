"""MQTT topics: their names, and reading them back (contract, section 2)."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from wire.conversations import Conversation

ARCHIVER_GROUP = "$share/archiver/"
"""What the archivers put before a filter: the broker gives each message to one of them."""
ARCHIVED_TOPICS = ("users/+/inbox/+", "users/+/markers/+", "groups/+/messages/+", "groups/+/markers/+")
"""Topic filters of everything that is archived."""
ARCHIVER_FILTERS = tuple(ARCHIVER_GROUP + topic for topic in ARCHIVED_TOPICS)
"""The same as one archiver or several subscribe to them."""
BROKER_COUNTERS = {
    "messages": "$SYS/broker/store/messages/count",
    "bytes": "$SYS/broker/store/messages/bytes",
    "retained": "$SYS/broker/retained messages/count",
    "dropped": "$SYS/broker/publish/messages/dropped",
}
"""Where Mosquitto says how many messages it holds, of how many bytes, how many of them are retained, and how many
publications it has dropped since its start."""
CONTROL = "$CONTROL/nightjar/v1"
"""Where the API tells the broker what is revoked (contract, section 5)."""


class Topic(NamedTuple):
    """A topic of a conversation, such as `users/{name}/inbox/{sender}` or `groups/{name}/markers/{sender}`.

    The sender level is proof of the sender; `name`, the other user or the group, is not yet checked.
    """

    kind: Literal["direct", "group"]
    name: str
    what: Literal["message", "marker", "typing"]
    sender: str


_WHAT: Final[Mapping[tuple[str, str], tuple[Literal["direct", "group"], Literal["message", "marker", "typing"]]]] = {
    ("users", "inbox"): ("direct", "message"),
    ("users", "markers"): ("direct", "marker"),
    ("users", "typing"): ("direct", "typing"),
    ("groups", "messages"): ("group", "message"),
    ("groups", "markers"): ("group", "marker"),
    ("groups", "typing"): ("group", "typing"),
}


def inbox(to: str, sender: str) -> str:
    """Name the topic of messages to `to` from `sender`."""
    return f"users/{to}/inbox/{sender}"


def group_messages(group: str, sender: str) -> str:
    """Name the topic of a member's messages to a group."""
    return f"groups/{group}/messages/{sender}"


def message_topic(conversation: Conversation, sender: str) -> str:
    """Name the topic of a sender's messages to a conversation, as the sender names it."""
    make = inbox if conversation.kind == "direct" else group_messages
    return make(conversation.name, sender)


def marker_topic(conversation: Conversation, sender: str) -> str:
    """Name the topic of a user's markers in a conversation, as that user names it."""
    return f"{_ROOTS[conversation.kind]}/{conversation.name}/markers/{sender}"


def typing_topic(conversation: Conversation, sender: str) -> str:
    """Name the topic on which a user tells a conversation that they are typing."""
    return f"{_ROOTS[conversation.kind]}/{conversation.name}/typing/{sender}"


_ROOTS: Final = {"direct": "users", "group": "groups"}


def archived(username: str) -> str:
    """Name the topic of a user's archive receipts."""
    return f"users/{username}/archived"


def group_archived(group: str) -> str:
    """Name the topic of a group's archive receipts."""
    return f"groups/{group}/archived"


def presence(username: str) -> str:
    """Name the topic on which a user's presence is retained."""
    return f"users/{username}/presence"


def events(username: str) -> str:
    """Name the topic on which the API tells a user's devices what changed."""
    return f"users/{username}/events"


def own_inbox_filter(username: str) -> str:
    """Name the topic filter of every message to a user."""
    return f"users/{username}/inbox/+"


def sent_filter(username: str) -> str:
    """Name the topic filter of every message a user sends, from whichever device."""
    return f"users/+/inbox/{username}"


def group_filter(group: str) -> str:
    """Name the topic filter of everything in a group."""
    return f"groups/{group}/#"


def parse_topic(topic: str) -> Topic | None:
    """Read a conversation's topic; None when it is another kind of topic."""
    match topic.split("/"):
        case [root, name, what, sender] if name and sender:
            known = _WHAT.get((root, what))
            return Topic(known[0], name, known[1], sender) if known else None
        case _:
            return None
