"""Messages at a steady pace, each timed from its publication to the packet that names it."""

import re
import select
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.errors import BenchmarkError
from benchmarks.load.connections import Filters, open_all
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


def time_messages(pilot: Pilot, jobs: Sequence[Pace]) -> list[list[float]]:
    """Send at the pace of the first job; returns the seconds of each message, for each job.

    Several jobs take turns, message by message, so that whatever else the machine does meets them all alike. Raises
    BenchmarkError when a message is not heard of.
    """
    crowd = _Crowd([_Timer(job) for job in jobs])
    packets = [encode_messages([job.topic], jobs[0].messages + WARM_UP) for job in jobs]
    pilot.ready()
    began, rate = time.perf_counter(), jobs[0].rate * len(jobs)
    for number, (timer, packet) in enumerate(_in_turn(crowd.timers, packets)):
        crowd.watch_until(began + number / rate)
        timer.send(packet)
    crowd.watch_rest(len(packets[0]))
    return [timer.seconds[WARM_UP:] for timer in crowd.timers]


def _in_turn(timers: Sequence["_Timer"], packets: Sequence[Sequence[bytes]]) -> Iterator[tuple["_Timer", bytes]]:
    """Yield each one's next packet; who begins changes each time, because other things come in steady beats too."""
    for number, packets_of_turn in enumerate(zip(*packets, strict=True)):
        turn = list(zip(timers, packets_of_turn, strict=True))
        yield from turn if number % 2 else reversed(turn)


class _Crowd:
    """Timers, whose connections one loop watches."""

    def __init__(self, timers: Sequence["_Timer"]) -> None:
        self.timers = timers
        self._by_number = {number: timer for timer in timers for number in timer.connections}
        self._poll = select.epoll()
        for number in self._by_number:
            self._poll.register(number, select.EPOLLIN)

    def watch_until(self, then: float) -> None:
        while (left := then - time.perf_counter()) > 0:
            self._take(left)

    def watch_rest(self, count: int) -> None:
        deadline = time.perf_counter() + _LATE_SECONDS
        while missing := sum(count - len(timer.seconds) for timer in self.timers):
            self._take(0.1)
            if time.perf_counter() > deadline:
                raise BenchmarkError(f"of {count * len(self.timers)} messages {missing} were not heard of")

    def _take(self, timeout: float) -> None:
        for number, _ in self._poll.poll(timeout):
            self._by_number[number].take(number)


class _Timer:
    """The connections of one job, and how long its messages took."""

    def __init__(self, job: Pace) -> None:
        same = job.sender == job.watcher
        wanted: list[tuple[Login, Filters]] = [(job.watcher, job.filters), *([] if same else [(job.sender, [])])]
        opened = open_all(job.port, wanted)
        self.connections = {connection.fileno(): connection for connection in opened}
        self._watcher = opened[0]
        self._sender = opened[-1]
        self._sent: dict[bytes, float] = {}
        self.seconds: list[float] = []

    def send(self, packet: bytes) -> None:
        found = _ID.search(packet)
        if found:
            self._sent[found[0]] = time.perf_counter()
        self._sender.socket.send(packet)

    def take(self, number: int) -> None:
        """Read what has come over one of the connections."""
        packets: list[Packet] = []
        self.connections[number].receive(packets)
        self._note(packets, time.perf_counter())

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
