"""Connections one after the other, many at a time: CONNECT, CONNACK, and away."""

import select
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.errors import BenchmarkError
from benchmarks.mqtt import DISCONNECT_PACKET, HOST, Login, connect_packet
from benchmarks.workers import Done, Pilot, own_cpu_seconds

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_SECONDS = 30.0


@dataclass(frozen=True)
class Storm:
    """Each login connects once, `at_once` of them side by side."""

    port: int
    logins: Sequence[Login]
    at_once: int = 50


def connect_all(pilot: Pilot, job: Storm) -> Done:
    """Do it. Raises BenchmarkError when one is refused."""
    packets = [connect_packet(login) for login in job.logins]
    pilot.ready()
    began, left, answered = own_cpu_seconds(), iter(packets), 0
    opened: dict[int, socket.socket] = {}
    with select.epoll() as epoll:
        for _ in range(job.at_once):
            _open_next(job.port, left, opened, epoll)
        while opened:
            events = epoll.poll(_SECONDS)
            if not events:
                raise BenchmarkError(f"the broker does not answer {len(opened)} of those who connect")
            for number, _ in events:
                _close(opened.pop(number))
                answered += 1
                _open_next(job.port, left, opened, epoll)
    return Done(answered, time.monotonic(), own_cpu_seconds() - began)


def _open_next(port: int, left: Iterator[bytes], opened: dict[int, socket.socket], epoll: select.epoll) -> None:
    packet = next(left, None)
    if packet is None:
        return
    connection = socket.create_connection((HOST, port), 30)
    # Otherwise a port would stay taken for a minute, and there are not enough of them.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    connection.sendall(packet)
    opened[connection.fileno()] = connection
    epoll.register(connection.fileno(), select.EPOLLIN)


def _close(connection: socket.socket) -> None:
    answer = connection.recv(256)
    if answer[3:4] != b"\0":
        raise BenchmarkError("the broker refuses a connection")
    connection.sendall(DISCONNECT_PACKET)
    connection.close()
