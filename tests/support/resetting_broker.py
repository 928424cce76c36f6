"""The end of a connection as a program meets it that was stopped for long: a reset just when its next ping is due."""

import socket
import struct
import threading
import time
from types import TracebackType
from typing import Self

from tests.support.raw_mqtt import CONNACK, SUBACK

KEEP_ALIVE_SECONDS = 1
_SERVER_KEEP_ALIVE = 0x13
_RESET = struct.pack("ii", 1, 0)


class ResettingBroker:
    """Answers CONNECT and SUBSCRIBE of one client, asks for a ping each second, and resets the connection when told."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._client: socket.socket | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        self._thread.join()

    def reset_while_stopped(self) -> None:
        """Stop this process, as far as its event loop is concerned, until the ping is due; reset meanwhile."""
        assert self._client
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._client.shutdown(socket.SHUT_RD)
        self._thread.join()
        time.sleep(1.5 * KEEP_ALIVE_SECONDS)

    def _serve(self) -> None:
        self._client, _ = self._listener.accept()
        with self._client:
            self._client.recv(65536)
            properties = struct.pack(">BH", _SERVER_KEEP_ALIVE, KEEP_ALIVE_SECONDS)
            answer = b"\0\0" + bytes([len(properties)]) + properties
            self._client.sendall(bytes([CONNACK << 4, len(answer)]) + answer)
            while packet := self._client.recv(65536):
                if packet[0] >> 4 == 8:
                    self._client.sendall(bytes([SUBACK << 4, 4]) + packet[2:4] + b"\0\1")
