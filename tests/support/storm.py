"""Very many connections, one after the other: prepared CONNECTs through raw sockets."""

import itertools
import socket
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.support.raw_mqtt import packet

DISCONNECT = packet(14, 0)
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def storm(port: int, connects: Sequence[bytes], count: int, threads: int = 4) -> tuple[int, int]:
    """Connect `count` times in all with these packets in turn; returns how many were accepted and refused."""
    shares = [count // threads + (number < count % threads) for number in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        parts = list(
            pool.map(lambda number: _connect_often(port, connects[number::threads], shares[number]), range(threads))
        )
    return sum(part[0] for part in parts), sum(part[1] for part in parts)


def _connect_often(port: int, connects: Sequence[bytes], count: int) -> tuple[int, int]:
    accepted = refused = 0
    for connect in itertools.islice(itertools.cycle(connects), count):
        with socket.create_connection(("127.0.0.1", port), 30) as connection:
            # Otherwise a port would stay taken for a minute, and there are not enough of them.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            connection.sendall(connect)
            answer = connection.recv(64)
            if answer[3:4] == b"\0":
                accepted += 1
                connection.sendall(DISCONNECT)
            else:
                refused += 1
    return accepted, refused
