"""Senders: they publish at QoS 1 as fast as they may, a bounded number of messages ahead of the proof of arrival."""

import select
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from benchmarks.errors import BenchmarkError
from benchmarks.load.connections import Connection, open_all
from benchmarks.load.messages import BODY, encode_messages
from benchmarks.mqtt import PUBACK, PUBLISH, Login, Packet, topic_and_rest
from benchmarks.workers import Counter, Done, Pilot, own_cpu_seconds
from wire.topics import archived

_CHUNK = 64
"""Packets of one write, at most."""
_ENCODED = 5000
"""Packets that a sender has encoded beforehand, at least: all of a short run."""


@dataclass(frozen=True)
class Sending:
    """Each of `senders` publishes `each` messages, to its topics in turn.

    A sender is at most `window` messages ahead of its archive receipts; where these are not counted (`receipts`
    false) all together are at most `window` a sender ahead of what a receiver counts.
    """

    port: int
    senders: Sequence[tuple[Login, Sequence[str]]]
    each: int
    window: int
    receipts: bool
    timeout: float = 60.0
    encoded: int = 100_000
    """Packets encoded before the clock runs, of all senders together; the others as they are needed."""
    body: bytes = BODY


def send(pilot: Pilot, job: Sending, counter: Counter | None) -> Done:
    """Do it; `counter` is what receivers count or, where there are receipts, what is told to others.

    Raises BenchmarkError when a message is rejected or proofs stay away.
    """
    wanted = [(login, [(archived(login.username), 0)] if job.receipts else []) for login, _ in job.senders]
    connections = open_all(job.port, wanted)
    chunk = max(_CHUNK, min(job.each, max(_ENCODED, job.encoded) // len(job.senders)))
    senders = [
        _Sender(connection, topics, job, chunk)
        for connection, (_, topics) in zip(connections, job.senders, strict=True)
    ]
    load = _Load(senders, job, counter)
    pilot.ready()
    began = own_cpu_seconds()
    load.run()
    return Done(job.each * len(senders), time.monotonic(), own_cpu_seconds() - began)


class _Sender:
    def __init__(self, connection: Connection, topics: Sequence[str], job: Sending, chunk: int) -> None:
        self.connection = connection
        self.left = job.each
        self.sent = 0
        self.acknowledged = 0
        self.receipted = 0
        self._topics = topics
        self._job = job
        self._chunk = chunk
        self._packets = self._encode()
        self._next = 0
        self._rest = memoryview(b"")
        self._received: list[Packet] = []

    @property
    def blocked(self) -> bool:
        """Whether the broker does not read what it was sent."""
        return bool(self._rest)

    def push(self, room: int) -> int:
        """Send up to `room` messages more; returns how many."""
        count = 0
        if not self._rest and self.left and room > 0:
            if self._next == len(self._packets):
                self._packets, self._next = self._encode(), 0
            some = self._packets[self._next : self._next + min(room, _CHUNK)]
            count = len(some)
            self._next += count
            self.left -= count
            self.sent += count
            self._rest = memoryview(b"".join(some))
        if self._rest:
            with suppress(BlockingIOError):  # the loop comes back when there is room
                self._rest = self._rest[self.connection.socket.send(self._rest) :]
        return count

    def pull(self) -> None:
        """Count what has come."""
        self._received.clear()
        self.connection.receive(self._received)
        for kind, flags, body in self._received:
            if kind == PUBACK:
                self.acknowledged += 1
                if len(body) > 2 and body[2] >= 0x80:
                    raise BenchmarkError(f"the broker refuses a message (reason 0x{body[2]:02x})")
            elif kind == PUBLISH:
                payload = topic_and_rest(flags, body)[2]
                self.receipted += payload.count(b'"stored"')
                if b'"rejected"' in payload:
                    raise BenchmarkError(f"the archive rejects a message: {payload[:200]!r}")

    def _encode(self) -> Sequence[bytes]:
        return encode_messages(self._topics, min(self._chunk, self.left), self.sent, self._job.body)


class _Load:
    def __init__(self, senders: Sequence[_Sender], job: Sending, counter: Counter | None) -> None:
        self._senders = senders
        self._job = job
        self._counter = counter
        self._total = job.each * len(senders)
        self._sent = 0
        self._settled = 0
        self._acknowledged = 0

    def run(self) -> None:
        deadline = time.monotonic() + self._job.timeout
        by_number = {sender.connection.fileno(): sender for sender in self._senders}
        with select.epoll() as epoll:
            for number in by_number:
                epoll.register(number, select.EPOLLIN)
            waiting: set[int] = set()
            active: Sequence[_Sender] = self._senders
            while not self._done():
                for sender in active:
                    self._sent += sender.push(self._room(sender))
                    self._watch(epoll, sender, waiting)
                events = epoll.poll(0.001)
                for number, event in events:
                    if event & ~select.EPOLLOUT:
                        self._pull(by_number[number])
                active = [by_number[number] for number, _ in events] if events else self._senders
                if time.monotonic() > deadline:
                    raise BenchmarkError(
                        f"{self._settled} of {self._total} messages arrived in {self._job.timeout:.0f} s"
                    )

    def _room(self, sender: _Sender) -> int:
        """Say how many messages a sender may be ahead now."""
        window = self._job.window
        if self._job.receipts:
            return window - (sender.sent - sender.receipted)
        everybody = window * len(self._senders) - (self._sent - self._settled)
        return min(everybody, window - (sender.sent - sender.acknowledged))

    def _pull(self, sender: _Sender) -> None:
        before, acknowledged = sender.receipted, sender.acknowledged
        sender.pull()
        self._acknowledged += sender.acknowledged - acknowledged
        if self._job.receipts:
            self._settled += sender.receipted - before
            if self._counter is not None:
                self._counter.value = self._settled

    def _done(self) -> bool:
        if self._counter is not None and not self._job.receipts:
            self._settled = self._counter.value
        return self._settled >= self._total and self._acknowledged == self._total

    def _watch(self, epoll: select.epoll, sender: _Sender, waiting: set[int]) -> None:
        """Be told of room in the socket exactly while it is needed."""
        number = sender.connection.fileno()
        if sender.blocked != (number in waiting):
            epoll.modify(number, select.EPOLLIN | (select.EPOLLOUT if sender.blocked else 0))
            waiting.symmetric_difference_update({number})
