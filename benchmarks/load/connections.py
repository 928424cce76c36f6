"""Very many connections of one process, opened side by side."""

import select
import socket
from collections.abc import Sequence

from benchmarks.errors import BenchmarkError
from benchmarks.mqtt import CONNACK, HOST, SUBACK, Login, Packet, connect_packet, parse, subscribe_packet

Filters = Sequence[tuple[str, int]]
"""What somebody subscribes to: topic filters, each with its QoS."""
_AT_ONCE = 200
_SECONDS = 60.0


class Connection:
    """A socket that does not block, and what came over it and is not a whole packet yet."""

    def __init__(self, port: int, login: Login, filters: Filters) -> None:
        """Connect, and say CONNECT and SUBSCRIBE in one go; `open_all` waits for the answers."""
        self.login = login
        self.waits_for = 2 if filters else 1
        self._buffer = b""
        self.socket = socket.create_connection((HOST, port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(connect_packet(login) + (subscribe_packet(filters) if filters else b""))
        self.socket.setblocking(False)

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self.socket.fileno()

    def receive(self, packets: list[Packet]) -> None:
        """Append what has come. Raises BenchmarkError when the broker has closed the connection."""
        try:
            more = self.socket.recv(262_144)
        except BlockingIOError:
            return
        if not more:
            raise BenchmarkError(f"the broker has closed the connection of {self.login.client_id}")
        self._buffer += more
        self._buffer = self._buffer[parse(self._buffer, packets) :]

    def check(self, answer: Packet) -> None:
        """Take an answer to CONNECT or SUBSCRIBE. Raises BenchmarkError when it is a refusal."""
        if answer.kind not in {CONNACK, SUBACK}:
            return
        if (answer.body[1] if answer.kind == CONNACK else answer.body[-1]) >= 0x80:
            raise BenchmarkError(f"the broker refuses {self.login.client_id}, or its subscription")
        self.waits_for -= 1


def open_all(port: int, wanted: Sequence[tuple[Login, Filters]]) -> list[Connection]:
    """Connect and subscribe everybody, some at a time, and wait until the broker has answered all."""
    opened: list[Connection] = []
    for start in range(0, len(wanted), _AT_ONCE):
        some = [Connection(port, login, filters) for login, filters in wanted[start : start + _AT_ONCE]]
        _await_answers(some)
        opened += some
    return opened


def _await_answers(connections: Sequence[Connection]) -> None:
    waiting = {connection.fileno(): connection for connection in connections}
    with select.epoll() as epoll:
        for number in waiting:
            epoll.register(number, select.EPOLLIN)
        while waiting:
            events = epoll.poll(_SECONDS)
            if not events:
                raise BenchmarkError(f"the broker does not answer {len(waiting)} of those who connect")
            for number, _ in events:
                connection, answers = waiting[number], list[Packet]()
                connection.receive(answers)
                for answer in answers:
                    connection.check(answer)
                if connection.waits_for == 0:
                    epoll.unregister(number)
                    del waiting[number]
