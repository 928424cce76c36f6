"""MQTT by hand: packets that no client library would send, and a socket to send them through."""

import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

CONNACK, PUBLISH, PUBACK, PUBREC, SUBACK, DISCONNECT = 2, 3, 4, 5, 9, 14


@dataclass(frozen=True)
class Packet:
    """A packet as it came: its type, the four flag bits, and what follows the length."""

    kind: int
    flags: int
    body: bytes

    @property
    def raw(self) -> bytes:
        """The packet as it came over the wire."""
        return bytes([self.kind << 4 | self.flags]) + varint(len(self.body)) + self.body


def varint(number: int) -> bytes:
    """Write a variable byte integer."""
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def text(value: str | bytes) -> bytes:
    """Write a string, or whatever bytes are to stand in place of one, with its length."""
    content = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(content)) + content


def packet(kind: int, flags: int, *parts: bytes) -> bytes:
    """Write a packet."""
    body = b"".join(parts)
    return bytes([kind << 4 | flags]) + varint(len(body)) + body


@dataclass(frozen=True)
class Will:
    """A last will."""

    topic: str | bytes
    payload: bytes = b"will"
    qos: int = 1
    retain: bool = False
    properties: bytes = b""


def connect_packet(
    client_id: str,
    username: str | None = None,
    password: str | None = None,
    *,
    version: int = 5,
    clean: bool = True,
    keepalive: int = 60,
    properties: bytes = b"",
    will: Will | None = None,
) -> bytes:
    """Write a CONNECT."""
    flags = clean << 1 | (password is not None) << 6 | (username is not None) << 7
    parts = [text(client_id)]
    if will:
        flags |= 1 << 2 | will.qos << 3 | will.retain << 5
        parts += [_properties(version, will.properties), text(will.topic), text(will.payload)]
    parts += [text(value) for value in (username, password) if value is not None]
    head = text("MQTT") + bytes([version, flags]) + struct.pack(">H", keepalive)
    return packet(1, 0, head, _properties(version, properties), *parts)


def publish_packet(
    topic: str | bytes,
    payload: bytes,
    *,
    qos: int = 1,
    packet_id: int = 1,
    retain: bool = False,
    properties: bytes = b"",
    version: int = 5,
) -> bytes:
    """Write a PUBLISH."""
    number = struct.pack(">H", packet_id) if qos else b""
    return packet(PUBLISH, qos << 1 | retain, text(topic), number, _properties(version, properties), payload)


def puback_packet(packet_id: int) -> bytes:
    """Write a PUBACK that says success."""
    return packet(PUBACK, 0, struct.pack(">H", packet_id))


def subscribe_packet(filters: Sequence[str | bytes], *, qos: int = 1, packet_id: int = 1, version: int = 5) -> bytes:
    """Write a SUBSCRIBE."""
    wanted = [text(topic_filter) + bytes([qos]) for topic_filter in filters]
    return packet(8, 2, struct.pack(">H", packet_id), _properties(version, b""), *wanted)


def _properties(version: int, properties: bytes) -> bytes:
    return varint(len(properties)) + properties if version == 5 else b""


class RawConnection:
    """A socket to a broker on 127.0.0.1."""

    def __init__(self, port: int, timeout: float = 60.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._stream = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, *packets: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(b"".join(packets))

    def read(self) -> Packet | None:
        """Read the next packet; None when the broker has closed the connection."""
        try:
            first = self._stream.read(1)
            if not first:
                return None
            length = shift = 0
            while True:
                byte = self._stream.read(1)[0]
                length |= (byte & 0x7F) << shift
                shift += 7
                if not byte & 0x80:
                    break
            return Packet(first[0] >> 4, first[0] & 15, self._stream.read(length))
        except ConnectionError:
            return None

    def read_until(self, *kinds: int) -> Packet | None:
        """Read on to the next packet of these types; None when the connection ends first."""
        while True:
            found = self.read()
            if found is None or found.kind in kinds:
                return found

    def limit(self, timeout: float) -> None:
        """Wait at most so many seconds for a packet from now on; then reading raises TimeoutError, for good."""
        self._socket.settimeout(timeout)

    def shut(self) -> None:
        """Drop the connection, without a DISCONNECT, so that whoever reads on another thread stops."""
        with suppress(OSError):  # it may have ended from the other side
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Drop the connection, without a DISCONNECT."""
        self._stream.close()
        self._socket.close()
