"""What came in, as it came. Pure data."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Origin:
    """One connection of ours to the broker, as the archive has to know it."""

    client_id: str
    connection: int
    """Different for every connection, also after a restart."""
    resumed: bool
    """Whether the broker kept our session, and with it the packet ids of unacknowledged messages."""


class Delivery(NamedTuple):
    """One PUBLISH packet as it came in."""

    number: int
    """Counts the deliveries of its connection, from 1."""
    packet_id: int
    duplicate: bool
    topic: str
    body: bytes
    content_type: str | None
    properties: list[tuple[str, str]]
    received_at: int
    """Unix microseconds."""
