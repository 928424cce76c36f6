"""TCP ports on this machine."""

import itertools
import socket
from collections.abc import Iterator
from functools import cache

_SLICES = tuple(range(first, first + 64) for first in range(16384, 32768, 64))
"""What `free_port` hands out, a slice for each process: below the ports that Linux gives to outgoing connections."""


def free_port(address: str = "127.0.0.1") -> int:
    """Return a port that nothing listens on, and that nothing else is given while this process runs.

    The kernel's own choice (port 0) is free only at that moment: until a server listens there, any outgoing
    connection may be given it, and while the server is restarted, too. Raises OSError when all are taken.
    """
    for port in itertools.islice(_own_slice(), len(_SLICES[0])):
        if is_free(address, port):
            return port
    raise OSError(f"no free port on {address} among those of this process")


def is_free(address: str, port: int) -> bool:
    """Whether a server could listen there."""
    try:
        with socket.create_server((address, port)):
            return True
    except OSError:
        return False


def accepts(address: str, port: int) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


@cache
def _own_slice() -> Iterator[int]:
    """Reserve a slice until this process ends; its ports are gone through in turn, so that none comes twice soon.

    The name of an abstract Unix socket is the reservation: it belongs to one network namespace, as ports do,
    and the kernel takes it back however the process ends.
    """
    for ports in _SLICES:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reservation:
            try:
                reservation.bind(f"\0nightjar-ports-{ports.start}")
            except OSError:
                continue
            reservation.detach()  # so that it stays
            return itertools.cycle(ports)
    raise OSError("every slice of ports is reserved by another process")
