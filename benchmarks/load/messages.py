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


def encode_messages(topic: str, count: int, first_packet_id: int = 1, body: bytes = BODY) -> Sequence[bytes]:
    """Write PUBLISH packets at QoS 1 with a new message id each and the present time.

    Packet ids go round from 1 to 65535, beginning with the one given.
    """
    now_ms = time.time_ns() // 1_000_000
    sent_at = format_time(datetime.fromtimestamp(now_ms / 1000, UTC))
    template = publish_packet(topic, body, 1, [("id", str(UUID(int=0))), ("sent-at", sent_at)])
    at_packet_id = template.index(text(topic)) + len(text(topic))
    at_id = template.index(str(UUID(int=0)).encode())
    head, middle, tail = template[:at_packet_id], template[at_packet_id + 2 : at_id], template[at_id + 36 :]
    random = os.urandom(10 * count)
    return [
        b"".join(
            (
                head,
                ((first_packet_id + number - 1) % 65535 + 1).to_bytes(2),
                middle,
                message_id(now_ms + number, random[10 * number : 10 * number + 10]).encode(),
                tail,
            )
        )
        for number in range(count)
    ]


def message_id(milliseconds: int, random: bytes) -> str:
    """Write a UUID of version 7 from a time and ten random bytes."""
    digits = f"{milliseconds:012x}7{random.hex()}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{'89ab'[random[9] & 3]}{digits[16:19]}-{digits[19:31]}"
