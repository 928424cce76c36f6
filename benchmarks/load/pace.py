"""Messages at a steady pace, each timed from its publication to the packet that names it."""

import re
import select
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.errors import BenchmarkError
from benchmarks.load.connections import Connection, Filters, open_all
from benchmarks.load.messages import encode_messages
from benchmarks.mqtt import PUBACK, PUBLISH, Login, Packet
from benchmarks.workers import Pilot

_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
WARM_UP = 50
"""Messages at the beginning that are not counted."""
_LATE_SECONDS = 20.0


@dataclass(frozen=True)
class Pace:
    """`sender` publishes to `topic`; `watcher` subscribes to what names each message, its receipt for instance."""

    port: int
    sender: Login
    topic: str
    watcher: Login
    filters: Filters
    messages: int
    rate: float


def time_messages(pilot: Pilot, job: Pace) -> list[float]:
    """Send at the pace; returns the seconds of each message. Raises BenchmarkError when one is not heard of."""
    same = job.sender == job.watcher
    wanted: list[tuple[Login, Filters]] = [(job.watcher, job.filters), *([] if same else [(job.sender, [])])]
    connections = open_all(job.port, wanted)
    packets = encode_messages([job.topic], job.messages + WARM_UP)
    pilot.ready()
    timer = _Timer(connections[0], connections[-1])
    began = time.perf_counter()
    for number, packet in enumerate(packets):
        timer.watch_until(began + number / job.rate)
        timer.send(packet)
    timer.watch_rest(len(packets))
    return timer.seconds[WARM_UP:]


class _Timer:
    def __init__(self, watcher: Connection, sender: Connection) -> None:
        self._watcher = watcher
        self._sender = sender
        self._sent: dict[bytes, float] = {}
        self.seconds: list[float] = []
        self._poll = select.epoll()
        for number in {watcher.fileno(), sender.fileno()}:
            self._poll.register(number, select.EPOLLIN)

    def send(self, packet: bytes) -> None:
        found = _ID.search(packet)
        if found:
            self._sent[found[0]] = time.perf_counter()
        self._sender.socket.send(packet)

    def watch_until(self, then: float) -> None:
        while (left := then - time.perf_counter()) > 0:
            self._take(left)

    def watch_rest(self, count: int) -> None:
        deadline = time.perf_counter() + _LATE_SECONDS
        while len(self.seconds) < count:
            self._take(0.1)
            if time.perf_counter() > deadline:
                raise BenchmarkError(f"of {count} messages {count - len(self.seconds)} were not heard of")

    def _take(self, timeout: float) -> None:
        for number, _ in self._poll.poll(timeout):
            packets: list[Packet] = []
            (self._watcher if number == self._watcher.fileno() else self._sender).receive(packets)
            now = time.perf_counter()
            self._note(packets, now)

    def _note(self, packets: Sequence[Packet], now: float) -> None:
        for kind, flags, body in packets:
            if kind != PUBLISH:
                continue
            for id_ in _ID.findall(body):
                if id_ in self._sent:
                    self.seconds.append(now - self._sent.pop(id_))
            if flags & 6:
                end = 2 + (body[0] << 8 | body[1])
                self._watcher.socket.send(bytes([PUBACK << 4, 2]) + body[end : end + 2])
