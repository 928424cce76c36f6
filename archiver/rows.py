"""Rows of `messages` in the binary format of COPY, which carries every byte as it is. Pure."""

import struct
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from archiver.plan import Row

COLUMNS = (
    "seq",
    "conversation_id",
    "sender_id",
    "relates_to_seq",
    "received_at",
    "message_id",
    "sent_at",
    "relation",
    "content_type",
    "body",
)

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_PART_BYTES = 64 * 1024
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_UNIX_US = 946_684_800_000_000

_IDS = struct.Struct("!hiqiqiq")  # number of columns, then length and value of the first three
_TIME_AND_ID = struct.Struct("!iqi16s")
_INT8 = struct.Struct("!iq")
_LENGTH = struct.Struct("!i")


def copy_data(rows: Iterable[Row]) -> list[bytes]:
    """Write rows for `COPY messages (COLUMNS) FROM STDIN (FORMAT binary)`, in parts: the driver and its library each
    make a copy of the one that they are at, and keep room for the largest.
    """
    parts = []
    written = bytearray(_HEADER)
    for row in rows:
        if len(written) >= _PART_BYTES:
            parts.append(bytes(written))
            written.clear()
        delivery = row.letter.delivery
        envelope = row.letter.envelope
        received_at = delivery.received_at - _EPOCH_UNIX_US
        written += _IDS.pack(len(COLUMNS), 8, row.seq, 8, row.conversation_id, 8, row.sender_id)
        written += _int8(row.relates_to_seq)
        written += _TIME_AND_ID.pack(8, received_at, 16, bytes.fromhex(row.letter.id.replace("-", "")))
        written += _int8((envelope.sent_at - _EPOCH) // _MICROSECOND if envelope.sent_at else None)
        written += _text(envelope.relation)
        written += _text(row.content_type)
        written += _LENGTH.pack(len(delivery.body))
        written += delivery.body
    written += _TRAILER
    parts.append(bytes(written))
    return parts


def _int8(value: int | None) -> bytes:
    return _NULL if value is None else _INT8.pack(8, value)


def _text(value: str | None) -> bytes:
    if value is None:
        return _NULL
    encoded = value.encode()
    return _LENGTH.pack(len(encoded)) + encoded
