"""Markers on their way to the archive: read, and put together. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from archiver.delivery import Delivery
from wire.conversations import Conversation
from wire.markers import Marker, parse_marker
from wire.receipts import Watermark


class Marking(NamedTuple):
    """A marker by a user in a conversation, as that user names it."""

    delivery: Delivery
    user: str
    to: Conversation
    marker: Marker


class Ignored(NamedTuple):
    """A delivery that is acknowledged, and nothing else: a marker that is none."""

    delivery: Delivery


class Moved(NamedTuple):
    """A user's watermark that is further now; the user's devices are told."""

    user: str
    watermark: Watermark


def read_marking(delivery: Delivery, user: str, to: Conversation) -> Marking | Ignored:
    """Read a delivery on the topic of a user's markers."""
    marker = parse_marker(delivery.body)
    return Marking(delivery, user, to, marker) if marker else Ignored(delivery)


def furthest(markings: Iterable[Marking]) -> list[tuple[str, Watermark]]:
    """Return how far each user wants to have got in each conversation, however often they said so.

    What was read was delivered.
    """
    found: dict[tuple[str, Conversation], tuple[int, int]] = {}
    for _, user, to, marker in markings:
        delivered, read = found.get((user, to), (0, 0))
        read = max(read, marker.read or 0)
        found[user, to] = max(delivered, marker.delivered or 0, read), read
    return [(user, Watermark(to, *seqs)) for (user, to), seqs in found.items()]
