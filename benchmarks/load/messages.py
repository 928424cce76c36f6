"""Messages as clients of ours write them, encoded beforehand."""

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from benchmarks.mqtt import publish_packet, text
from wire.times import format_time

BODY = b"The quick brown fox jumps over the lazy dog, and then does it once more, to make it a hundred bytes."
"""100 bytes."""


def encode_messages(topics: Sequence[str], count: int, first: int = 0, body: bytes = BODY) -> Sequence[bytes]:
    """Write PUBLISH packets at QoS 1 to the topics in turn, with a new message id each and the present time.

    `first` is how many this sender has sent before; packet ids go round from 1 to 65535.
    """
    now_ms = time.time_ns() // 1_000_000
    sent_at = format_time(datetime.fromtimestamp(now_ms / 1000, UTC))
    used = {(first + number) % len(topics) for number in range(min(count, len(topics)))}
    templates = {index: _template(topics[index], sent_at, body) for index in used}
    random = os.urandom(10 * count)
    packets = []
    for number in range(count):
        head, middle, tail = templates[(first + number) % len(topics)]
        packet_id = ((first + number) % 65535 + 1).to_bytes(2, "big")
        id_ = message_id(now_ms + number, random[10 * number : 10 * number + 10]).encode()
        packets.append(b"".join((head, packet_id, middle, id_, tail)))
    return packets


def message_id(milliseconds: int, random: bytes) -> str:
    """Write a UUID of version 7 from a time and ten random bytes."""
    digits = f"{milliseconds:012x}7{random.hex()}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{'89ab'[random[9] & 3]}{digits[16:19]}-{digits[19:31]}"


def _template(topic: str, sent_at: str, body: bytes) -> tuple[bytes, bytes, bytes]:
    """Write a packet and cut it where the packet id and the message id stand."""
    no_id = str(UUID(int=0))
    whole = publish_packet(topic, body, 1, [("id", no_id), ("sent-at", sent_at)])
    at_packet_id = whole.index(text(topic)) + len(text(topic))
    at_id = whole.index(no_id.encode())
    return whole[:at_packet_id], whole[at_packet_id + 2 : at_id], whole[at_id + len(no_id) :]
