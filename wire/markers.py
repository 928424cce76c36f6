"""Markers: how far somebody has received and read a conversation (contract, section 2)."""

import json
from typing import Final, NamedTuple

from wire.receipts import SEQ_MAX

PAYLOAD_MAX: Final = 1024
"""Bytes of a marker; one has fewer than a hundred."""


class Marker(NamedTuple):
    """The highest seq of a conversation that was delivered, and read. One of them at least is there."""

    delivered: int | None = None
    read: int | None = None


def encode_marker(marker: Marker) -> bytes:
    """Write the payload of a marker."""
    return json.dumps({name: seq for name, seq in marker._asdict().items() if seq is not None}).encode()


def parse_marker(payload: bytes) -> Marker | None:
    """Read such a payload; None for whatever is none. Unknown members are ignored."""
    if len(payload) > PAYLOAD_MAX:
        return None
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    named = {name: content[name] for name in Marker._fields if name in content}
    return Marker(**named) if named and all(_is_seq(value) for value in named.values()) else None


def _is_seq(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= SEQ_MAX
