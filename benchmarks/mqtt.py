"""MQTT 5 by hand: packets encoded beforehand, and a blocking connection for what is not measured."""

import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, NamedTuple, Self

from benchmarks.errors import BenchmarkError
from wire.topics import BROKER_COUNTERS

CONNACK, PUBLISH, PUBACK, SUBACK = 2, 3, 4, 9
DISCONNECT_PACKET: Final = b"\xe0\x00"
RECEIVE_MAXIMUM: Final = 4000
"""Unacknowledged messages that a receiver of ours asks for; as many as the archiver does."""
HOST: Final = "127.0.0.1"
_UPTIME: Final = "$SYS/broker/uptime"
"""What the broker says first each time that it has counted, once a second or two."""


@dataclass(frozen=True)
class Login:
    """What a CONNECT carries. The password is the token."""

    client_id: str
    username: str
    password: str


class Packet(NamedTuple):
    """A packet as it came: its type, the four flag bits, and what follows the length."""

    kind: int
    flags: int
    body: bytes


def varint(number: int) -> bytes:
    """Write a variable byte integer."""
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def text(value: str) -> bytes:
    """Write a string with its length."""
    content = value.encode()
    return struct.pack(">H", len(content)) + content


def packet(kind: int, flags: int, *parts: bytes) -> bytes:
    """Write a packet."""
    body = b"".join(parts)
    return bytes([kind << 4 | flags]) + varint(len(body)) + body


def connect_packet(login: Login, keep_alive: int = 0, receive_maximum: int = RECEIVE_MAXIMUM) -> bytes:
    """Write a CONNECT with a clean start and no session afterwards. Keep-alive 0: nobody has to ping."""
    properties = b"\x21" + struct.pack(">H", receive_maximum)
    head = text("MQTT") + bytes([5, 0xC2]) + struct.pack(">H", keep_alive) + varint(len(properties)) + properties
    return packet(1, 0, head, text(login.client_id), text(login.username), text(login.password))


def subscribe_packet(filters: Sequence[tuple[str, int]]) -> bytes:
    """Write a SUBSCRIBE to topic filters, each with its QoS; its packet id is 1."""
    return packet(8, 2, b"\x00\x01", b"\x00", *(text(topic) + bytes([qos]) for topic, qos in filters))


def publish_packet(
    topic: str, payload: bytes, packet_id: int = 0, properties: Iterable[tuple[str, str]] = (), qos: int = 1
) -> bytes:
    """Write a PUBLISH with user properties."""
    pairs = b"".join(b"\x26" + text(name) + text(value) for name, value in properties)
    number = struct.pack(">H", packet_id) if qos else b""
    return packet(PUBLISH, qos << 1, text(topic), number, varint(len(pairs)), pairs, payload)


def parse(buffer: bytes, packets: list[Packet]) -> int:
    """Append the whole packets at the beginning of a buffer to a list; returns how many bytes they took."""
    position, size = 0, len(buffer)
    while size - position >= 2:
        length, at = buffer[position + 1], position + 2
        if length & 0x80:
            length, shift, more = length & 0x7F, 7, True
            while more and at < size:
                byte, at = buffer[at], at + 1
                length |= (byte & 0x7F) << shift
                shift, more = shift + 7, bool(byte & 0x80)
            if more:
                break
        if at + length > size:
            break
        first = buffer[position]
        packets.append(Packet(first >> 4, first & 15, buffer[at : at + length]))
        position = at + length
    return position


def topic_and_rest(flags: int, body: bytes) -> tuple[bytes, int, bytes]:
    """Take a PUBLISH apart: its topic, its packet id (0 for QoS 0), and the payload."""
    end = 2 + (body[0] << 8 | body[1])
    topic, packet_id = body[2:end], 0
    if flags & 6:
        packet_id, end = body[end] << 8 | body[end + 1], end + 2
    length, shift = 0, 0
    while True:
        byte, end = body[end], end + 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return topic, packet_id, body[end + length :]


class Link:
    """A blocking connection to a broker, connected."""

    def __init__(self, port: int, login: Login, timeout: float = 30.0) -> None:
        self.socket = socket.create_connection((HOST, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._packets: list[Packet] = []
        self.socket.sendall(connect_packet(login))
        answer = self.read()
        if answer.kind != CONNACK or answer.body[1] != 0:
            self.close()
            raise BenchmarkError(f"the broker refuses {login.client_id} (reason 0x{answer.body[1]:02x})")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave."""
        try:
            self.socket.sendall(DISCONNECT_PACKET)
        except OSError:
            pass  # it has cut us off already
        finally:
            self.socket.close()

    def read(self) -> Packet:
        """Read the next packet. Raises BenchmarkError when the broker has closed the connection or says nothing."""
        while not self._packets:
            try:
                more = self.socket.recv(65536)
            except TimeoutError:
                raise BenchmarkError("the broker does not answer") from None
            if not more:
                raise BenchmarkError("the broker has closed a connection")
            self._buffer += more
            self._buffer = self._buffer[parse(self._buffer, self._packets) :]
        return self._packets.pop(0)

    def read_publish(self) -> Packet:
        """Read up to the next PUBLISH."""
        answer = self.read()
        while answer.kind != PUBLISH:
            answer = self.read()
        return answer

    def subscribe(self, filters: Sequence[str], qos: int = 1) -> None:
        """Subscribe and wait for the SUBACK. Raises BenchmarkError when one is refused."""
        self.socket.sendall(subscribe_packet([(topic, qos) for topic in filters]))
        earlier = []
        while (answer := self.read()).kind != SUBACK:
            earlier.append(answer)
        self._packets[:0] = earlier
        if any(code >= 0x80 for code in answer.body[-len(filters) :]):
            raise BenchmarkError(f"the broker refuses a subscription to one of {', '.join(filters)}")

    def publish(self, topic: str, payload: bytes, properties: Iterable[tuple[str, str]] = ()) -> int:
        """Publish at QoS 1 and wait for the PUBACK; returns its reason code (0x10: nobody subscribes)."""
        self.socket.sendall(publish_packet(topic, payload, 1, properties))
        answer = self.read()
        while answer.kind != PUBACK:
            answer = self.read()
        return answer.body[2] if len(answer.body) > 2 else 0


def connect(port: int, login: Login, timeout: float = 30.0) -> Link:
    """Connect with a clean start. Raises BenchmarkError when refused."""
    return Link(port, login, timeout)


class DropWatch:
    """Watches the broker's counter of dropped messages, from its making on.

    The broker says it when it changes, and forgets within a minute that it has: so one has to listen all the time.
    """

    def __init__(self, port: int, login: Login) -> None:
        """Begin. The login must be allowed to read `$SYS/#`."""
        self._link = connect(port, login)
        self._link.subscribe([BROKER_COUNTERS["dropped"]], qos=0)
        self._dropped = 0

    def close(self) -> None:
        """Stop watching."""
        self._link.close()

    def demand_none(self) -> None:
        """Raise BenchmarkError if any message was dropped: then nothing else counts. Takes some seconds."""
        self._link.subscribe([_UPTIME], qos=0)
        asked, ticks = False, 0
        while ticks < 2:
            answer = self._link.read_publish()
            topic, _, payload = topic_and_rest(answer.flags, answer.body)
            if topic == _UPTIME.encode():  # a retained one answers the subscription, and what came before it is old
                asked = asked or bool(answer.flags & 1)
                ticks += asked and not answer.flags & 1
            elif topic == BROKER_COUNTERS["dropped"].encode():
                self._dropped = int(payload)
        if self._dropped:
            raise BenchmarkError(f"the broker has dropped {self._dropped} messages")
