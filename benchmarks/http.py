"""One kept-alive HTTP connection, with as little of a client around it as is possible."""

import json
import socket
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from benchmarks.errors import BenchmarkError

_TIMEOUT = 60.0
_CHUNK = 65536


class Http:
    """Asks one request after the other. Use it as a context manager."""

    def __init__(self, server: str, access_token: str | None = None) -> None:
        """`server` is http://HOST:PORT; every request carries the token, if there is one."""
        address = urlsplit(server)
        self._socket = socket.create_connection((address.hostname, address.port), timeout=_TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        authorization = f"Authorization: Bearer {access_token}\r\n" if access_token else ""
        self._headers = f"Host: {address.netloc}\r\n{authorization}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def get(self, path: str) -> bytes:
        """Return the body. Raises BenchmarkError when the answer is none of success."""
        return self._ask(f"GET {path} HTTP/1.1\r\n{self._headers}\r\n".encode())

    def post(self, path: str, body: object) -> bytes:
        """Send JSON, and return the body, as `get` does."""
        content = json.dumps(body).encode()
        about = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        return self._ask(f"POST {path} HTTP/1.1\r\n{self._headers}{about}\r\n".encode() + content)

    def _ask(self, request: bytes) -> bytes:
        self._socket.sendall(request)
        answer = bytearray()
        while (end := answer.find(b"\r\n\r\n")) < 0:
            self._receive(answer)
        head = bytes(answer[:end]).lower()
        status, _, rest = head.partition(b"content-length: ")
        if not rest or head.split(b" ", 2)[1][:1] != b"2":
            first = status.partition(b"\r")[0].decode()
            raise BenchmarkError(f"a request is answered with {first!r}")
        length = int(rest.partition(b"\r")[0])
        while len(answer) < end + 4 + length:
            self._receive(answer)
        return bytes(answer[end + 4 :])

    def _receive(self, answer: bytearray) -> None:
        got = self._socket.recv(_CHUNK)
        if not got:
            raise BenchmarkError("the server has closed the connection")
        answer += got
