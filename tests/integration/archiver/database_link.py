"""A way to the database that can be cut at the worst moment: a proxy that watches for COMMIT."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import parse_qs, urlsplit


class DatabaseLink:
    """Passes bytes between TCP clients and the server's Unix socket.

    Once `hold_answer` is set, the next COMMIT reaches the server, and its answer reaches nobody: `held` is set.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = parse_qs(parts.query)["host"][0] + "/.s.PGSQL.5432"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"postgresql://postgres@127.0.0.1:{self._listener.getsockname()[1]}{parts.path}"
        self.hold_answer = threading.Event()
        self.held = threading.Event()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def reopen(self) -> None:
        """Let through again, at the same address, after `close`."""
        self._listener = socket.create_server(("127.0.0.1", urlsplit(self.url).port or 0))
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Close all connections that pass through here."""
        while self._open:
            one = self._open.pop()
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def close(self) -> None:
        """End: from now on nobody gets through."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # else a waiting accept takes one more
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._target)
                self._open += [client, server]
                muted = threading.Event()
                for source, target, watch in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._pass, args=(source, target, watch, muted), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, watch: bool, muted: threading.Event) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if watch and self.hold_answer.is_set() and b"COMMIT\0" in data:
                    self.hold_answer.clear()
                    muted.set()
                if muted.is_set() and not watch:
                    self.held.set()
                    continue
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)


@contextmanager
def database_link(url: str) -> Iterator[DatabaseLink]:
    """Open a link to a database, and close it at the end."""
    link = DatabaseLink(url)
    try:
        yield link
    finally:
        link.close()
