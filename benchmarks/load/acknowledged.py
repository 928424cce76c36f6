"""How many of the messages a receiver has counted the broker knows to be received: it has read their PUBACKs.

At QoS 1 a delivery is over with its PUBACK (MQTT 5, section 4.3.2). Mosquitto reads one packet of each connection in
turn, so with ten senders at full speed the PUBACKs of one receiver wait in its socket. For the broker these messages
are still under way, and beyond the length of its queue it drops what comes: what a receiver has printed alone would be
a speed that does not last.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.errors import BenchmarkError
from benchmarks.workers import Counter, new_counter

_PUBACK_BYTES = 4
"""Of one without a reason code; a longer one counts as more than one until it is read."""
_LOOK_SECONDS = 0.02
_SOCKETS = Path("/proc/net/tcp")


@contextmanager
def acknowledged(pid: int, port: int, received: Counter) -> Iterator[Counter]:
    """Yield a counter of those messages in `received` whose PUBACKs the broker at `port` has read.

    `pid` is of the receiver, which has one connection to that port. It is 20 ms old at most. Raises BenchmarkError
    when there is no such connection.
    """
    counter, over = new_counter(), threading.Event()
    own_port = _own_port(pid, port)

    def follow() -> None:
        while not over.wait(_LOOK_SECONDS):
            count = received.value
            counter.value = max(counter.value, count - -(-unread_bytes(own_port, port) // _PUBACK_BYTES))

    thread = threading.Thread(target=follow, name="acknowledged", daemon=True)
    thread.start()
    try:
        yield counter
    finally:
        over.set()
        thread.join()


def unread_bytes(from_port: int, to_port: int) -> int:
    """Count what was written to one end of a connection within this machine and not read at the other."""
    return sum(
        sent_not_arrived if (own, other) == (from_port, to_port) else arrived_not_read
        for own, other, sent_not_arrived, arrived_not_read, _ in _connections()
        if {own, other} == {from_port, to_port}
    )


def _own_port(pid: int, port: int) -> int:
    inodes = set(_socket_inodes(pid))
    found_ports = [own for own, other, _, _, inode in _connections() if other == port and inode in inodes]
    if len(found_ports) != 1:
        raise BenchmarkError(f"the receiver has {len(found_ports)} connections to port {port}, not one")
    return found_ports[0]


def _socket_inodes(pid: int) -> Iterator[int]:
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            if found := re.fullmatch(r"socket:\[(\d+)\]", str(entry.readlink())):
                yield int(found[1])


def _connections() -> Iterator[tuple[int, int, int, int, int]]:
    """List TCP connections: own port, the other port, bytes not sent, bytes not read, inode."""
    for line in _SOCKETS.read_text().splitlines()[1:]:
        fields = line.split()
        own, other = (int(address.rpartition(":")[2], 16) for address in fields[1:3])
        unsent, unread = (int(queue, 16) for queue in fields[4].split(":"))
        yield own, other, unsent, unread, int(fields[9])
