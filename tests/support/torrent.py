"""A raw MQTT 5 connection that publishes as fast as it may and notes all that it is told."""

import queue
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.support.raw_mqtt import (
    CONNACK,
    PUBACK,
    PUBLISH,
    SUBACK,
    Packet,
    RawConnection,
    connect_packet,
    puback_packet,
    publish_packet,
    subscribe_packet,
)

_WINDOW = 16
_IDS = 60_000


@dataclass(frozen=True)
class Received:
    """A message as it came."""

    topic: str
    payload: bytes


class Torrent:
    """One connection with somebody's MQTT credentials. Its threads end with it."""

    def __init__(self, block: Mapping[str, object]) -> None:
        """Connect. Raises ConnectionRefusedError when the broker refuses the credentials."""
        self._raw = RawConnection(int(str(block["port"])), timeout=60)
        name, user, password = (str(block[key]) for key in ("client_id", "username", "password"))
        self._raw.send(connect_packet(name, user, password))
        answer = self._raw.read_until(CONNACK)
        if answer is None or answer.body[1]:
            self._raw.close()
            raise ConnectionRefusedError
        self.received: list[Received] = []
        self.accepted: list[bytes] = []
        """Payloads whose PUBACK said success."""
        self.refused: list[bytes] = []
        self.over = threading.Event()
        self._sending = threading.Lock()
        self._in_flight: dict[int, bytes] = {}
        self._room = threading.Semaphore(_WINDOW)
        self._next = 0
        self._granted: queue.Queue[list[int]] = queue.Queue()
        self._flow: threading.Thread | None = None
        self._dry = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pending(self) -> list[bytes]:
        """Payloads without a PUBACK: whether they were taken is not known once the connection is over."""
        return list(self._in_flight.values())

    def subscribe(self, filters: Sequence[str]) -> list[int]:
        """Subscribe; return the codes of the SUBACK, none when the connection ends."""
        self._send(subscribe_packet(filters))
        return self._granted.get(timeout=60)

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 1, as soon as few enough are without an answer; what is sent to nobody is lost."""
        while not self._room.acquire(timeout=0.05):
            if self.over.is_set():
                return
        with self._sending:
            self._next = self._next % _IDS + 1
            number = self._next
            self._in_flight[number] = payload
            self._send(publish_packet(topic, payload, packet_id=number))

    def begin(self, topic: str, payload: Callable[[], bytes]) -> None:
        """Publish on and on, from a thread; each payload is made right before it is sent."""
        self._dry.clear()
        self._flow = threading.Thread(target=self._publish_on, args=(topic, payload), daemon=True)
        self._flow.start()

    def end_flow(self) -> None:
        """Publish no more."""
        self._dry.set()
        if self._flow:
            self._flow.join(30)

    def has(self, payload: bytes) -> bool:
        """Whether a message has come so far."""
        return any(message.payload == payload for message in self.received)

    def close(self) -> None:
        """Drop the connection."""
        self.end_flow()
        self.over.set()
        self._raw.shut()
        self._reader.join(30)
        self._raw.close()

    def _publish_on(self, topic: str, payload: Callable[[], bytes]) -> None:
        while not self._dry.is_set() and not self.over.is_set():
            self.publish(topic, payload())

    def _send(self, packet: bytes) -> None:
        try:
            self._raw.send(packet)
        except OSError:
            self.over.set()

    def _read(self) -> None:
        while (packet := self._raw.read()) is not None:
            match packet.kind:
                case kind if kind == PUBLISH:
                    self._take(packet)
                case kind if kind == PUBACK:
                    self._note(packet.body)
                case kind if kind == SUBACK:
                    self._granted.put(list(packet.body[3:]))
        self._granted.put([])
        self.over.set()

    def _note(self, body: bytes) -> None:
        payload = self._in_flight.pop(struct.unpack(">H", body[:2])[0])
        (self.refused if len(body) > 2 and body[2] >= 0x80 else self.accepted).append(payload)
        self._room.release()

    def _take(self, packet: Packet) -> None:
        length = struct.unpack(">H", packet.body[:2])[0]
        topic, rest = packet.body[2 : 2 + length].decode(), packet.body[2 + length :]
        if packet.flags & 6:
            self._send(puback_packet(struct.unpack(">H", rest[:2])[0]))
            rest = rest[2:]
        assert rest[0] < 0x80
        self.received.append(Received(topic, rest[1 + rest[0] :]))
