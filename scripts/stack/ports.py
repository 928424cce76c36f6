"""TCP ports on this machine."""

import socket


def free_port(address: str = "127.0.0.1") -> int:
    """Return a port that nothing listens on at the moment."""
    with socket.create_server((address, 0)) as server:
        port: int = server.getsockname()[1]
        return port


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
