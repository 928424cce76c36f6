"""The real parts, as tests start and break them."""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from scripts.stack.config import Endpoint, StackConfig
from scripts.stack.ports import free_port
from scripts.stack.process import Process, wait_until
from scripts.stack.stack import Part, Stack


def wait_for(condition: Callable[[], bool], what: str, timeout: float = 60.0) -> None:
    """Wait until a condition holds; fail saying what did not happen after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"after {timeout:.0f} s still not: {what}"
        time.sleep(0.02)


class RunningPart:
    """One part of a running stack."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self.process: Process | None = None

    @property
    def log(self) -> str:
        """All that it has written."""
        return self._running().command.log.read_text(errors="replace")

    def prepare_and_start(self) -> None:
        """Start it for the first time."""
        self._part.prepare()
        self.start()

    def start(self, *, wait: bool = True) -> None:
        """Start it, again too, and wait until it serves."""
        self.process = Process(self._part.command())
        if wait:
            self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until it serves."""
        wait_until(self._part.ready, self._running(), timeout=60)

    def stop(self) -> int:
        """Ask it to end; returns the exit status."""
        return self._running().stop(60)

    def kill(self) -> None:
        """Kill -9 it and its children."""
        self._running().kill()

    def reload(self) -> None:
        """Send its first process SIGHUP."""
        self._running().send(signal.SIGHUP)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let its first process do nothing for the time being."""
        self._running().send(signal.SIGSTOP)
        try:
            yield
        finally:
            self._running().send(signal.SIGCONT)

    def _running(self) -> Process:
        assert self.process, "not started yet"
        return self.process


class RunningStack:
    """Broker with plugin, API and archiver on free ports over a database of their own."""

    def __init__(self, state: Path, database_url: str, settings: Mapping[str, str] | None = None) -> None:
        self.config = StackConfig(
            state=state,
            api=Endpoint("127.0.0.1", free_port()),
            mqtt=Endpoint("127.0.0.1", free_port()),
            database_url=database_url,
            settings={**GENEROUS_LIMITS, **(settings or {})},
        )
        self.definition = Stack(self.config)
        self._parts = {part.name: RunningPart(part) for part in self.definition.parts()}
        self.broker = self._parts["broker"]
        self.api = self._parts["api"]
        self.archiver = self._parts["archiver"]
        self.database_url = database_url
        self.server = self.definition.server_url

    @property
    def mqtt_port(self) -> int:
        """The broker's port on 127.0.0.1."""
        return self.config.mqtt.port

    def start(self, *names: str) -> "RunningStack":
        """Start the named parts, or all, in order."""
        for name, part in self._parts.items():
            if not names or name in names:
                part.prepare_and_start()
        return self

    def stop(self) -> None:
        """End what runs."""
        for part in reversed(self._parts.values()):
            if part.process:
                part.process.stop()


GENEROUS_LIMITS = {
    "NIGHTJAR_REVOCATION_WAIT_SECONDS": "10",
    "NIGHTJAR_REGISTRATION_LIMIT": "100000/hour",
    "NIGHTJAR_LOGIN_ADDRESS_LIMIT": "100000/hour",
    "NIGHTJAR_API_WORKERS": "2",
}
"""Many tests register from one address, maybe on a slow machine; the limits have tests of their own."""
