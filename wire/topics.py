"""MQTT topics: their names, and reading them back (contract, section 2)."""

from dataclasses import dataclass

ARCHIVER_GROUP = "$share/archiver/"
"""What the archivers put before a filter: the broker gives each message to one of them."""
ARCHIVER_FILTERS = (ARCHIVER_GROUP + "users/+/inbox/+",)
"""Topic filters of everything that is archived, as one archiver or several subscribe to them."""
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


@dataclass(frozen=True, slots=True)
class InboxTopic:
    """`users/{to}/inbox/{sender}`: the sender level is proof of the sender, the other is not yet checked."""

    to: str
    sender: str


def inbox(to: str, sender: str) -> str:
    """Name the topic of messages to `to` from `sender`."""
    return f"users/{to}/inbox/{sender}"


def archived(username: str) -> str:
    """Name the topic of a user's archive receipts."""
    return f"users/{username}/archived"


def events(username: str) -> str:
    """Name the topic on which the API tells a user's devices what changed."""
    return f"users/{username}/events"


def own_inbox_filter(username: str) -> str:
    """Name the topic filter of every message to a user."""
    return f"users/{username}/inbox/+"


def sent_filter(username: str) -> str:
    """Name the topic filter of every message a user sends, from whichever device."""
    return f"users/+/inbox/{username}"


def parse_inbox(topic: str) -> InboxTopic | None:
    """Read an inbox topic; None when it is another kind of topic."""
    match topic.split("/"):
        case ["users", to, "inbox", sender] if to and sender:
            return InboxTopic(to, sender)
        case _:
            return None
