"""The archive by way of the process that stores: an `Archive` for the worker. One thread uses it; any may `interrupt`
or `end`.
"""

import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from archiver.delivery import Origin
from archiver.errors import OutageError
from archiver.exchange import CHECK, decode_answer, encode_request
from archiver.letters import Item
from archiver.plan import Outcome

END_SECONDS = 5.0
"""How long the process may take to end by itself once it has nothing more to do."""


@dataclass(frozen=True, slots=True)
class _Child:
    process: "subprocess.Popen[bytes]"
    channel: Connection


class RemoteStorage:
    """Starts the process when it is needed, and again when it is gone: whatever it had in hand is then tried anew."""

    def __init__(self, url: str, log_level: str) -> None:
        """Take the URL of the database, and from what level on the process logs."""
        self._url = url
        self._log_level = log_level
        self._child: _Child | None = None
        self._guard = threading.Lock()
        self._asking = False
        self._ended = False

    def check(self) -> None:
        """See whether the database can be used. Raises OutageError."""
        decode_answer([], self._ask(CHECK))

    def store(self, origin: Origin, items: Sequence[Item]) -> list[Outcome]:
        """Store a batch of one connection and say what became of each item: see `Storage.store`.

        Raises OutageError, UnstorableError.
        """
        return decode_answer(items, self._ask(encode_request(origin, items)))

    def interrupt(self) -> None:
        """Kill the process in whatever it is doing, which then fails with OutageError."""
        with self._guard:
            if self._child:
                self._child.process.kill()

    def end(self) -> None:
        """Let whatever the other thread is doing, and everything later, fail with OutageError."""
        with self._guard:
            self._ended = True
            if self._child and self._asking:
                self._child.process.kill()
            elif self._child:
                self._bury(self._child, END_SECONDS)

    def _ask(self, request: bytes) -> bytes:
        child = self._begin()
        try:
            child.channel.send_bytes(request)
            return child.channel.recv_bytes()
        except (EOFError, OSError) as error:
            with self._guard:
                raise OutageError(f"the process that stores {self._bury(child, 0)}") from error
        finally:
            self._asking = False

    def _begin(self) -> _Child:
        with self._guard:
            if self._ended:
                raise OutageError("the archiver is ending")
            if self._child is None:
                self._child = self._start()
            self._asking = True
            return self._child

    def _start(self) -> _Child:
        ours, theirs = Pipe()
        command = [sys.executable, "-m", "archiver.storage_process", str(theirs.fileno()), self._log_level]
        try:
            with theirs:
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])  # noqa: S603  # our own program
            child = _Child(process, ours)
            ours.send_bytes(self._url.encode())
        except OSError as error:
            ours.close()
            raise OutageError(f"the process that stores cannot be started: {error.strerror}") from error
        return child

    def _bury(self, child: _Child, patience: float) -> str:
        """See that the process is gone, which has so many seconds to end by itself; say how it ended."""
        self._child = None
        child.channel.close()
        try:
            status = child.process.wait(patience)
        except subprocess.TimeoutExpired:
            child.process.kill()
            status = child.process.wait()
        return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
