"""The `nightjar` command line as somebody at a terminal uses it: a process of its own, with its own directories."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from queue import Empty, Queue
from signal import SIGINT
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Terminal:
    """One device of somebody: XDG directories that no other terminal sees."""

    def __init__(self, server: str, home: Path) -> None:
        self.home = home
        home.mkdir(parents=True)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("NIGHTJAR_", "XDG_"))},
            "HOME": str(home),
            "NIGHTJAR_SERVER": server,
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_DATA_HOME": str(home / "data"),
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_CACHE_HOME": str(home / "cache"),
            "XDG_RUNTIME_DIR": str(home / "run"),
        }

    def run(self, *arguments: str, stdin: bytes = b"", expect: int = 0) -> str:
        """Run a command to its end; check its exit status and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "mqtt_client", *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=60,
            cwd=ROOT,
            env=self.environment,
        )
        said = done.stderr.decode()
        assert done.returncode == expect, f"{arguments} ended with {done.returncode}: {said}"
        assert "Traceback" not in said, said
        if expect:
            assert len(said.strip().splitlines()) == 1, f"an error is one line, not: {said!r}"
        return done.stdout.decode()

    def json(self, *arguments: str, stdin: bytes = b"") -> list[Mapping[str, Any]]:
        """Run a command with `--json`; return its lines as objects."""
        return [json.loads(line) for line in self.run(*arguments, "--json", stdin=stdin).splitlines()]

    def login(self, username: str, password: str) -> None:
        """Log in."""
        self.run("login", username, "--password-stdin", stdin=f"{password}\n".encode())

    def tail(self, *arguments: str) -> "Tail":
        """Start `tail --json`."""
        return Tail(self, arguments)


class Tail:
    """A running `nightjar tail --json`; interrupted, as by Ctrl-C, at the end of its `with` statement."""

    def __init__(self, terminal: Terminal, arguments: tuple[str, ...]) -> None:
        self.bodies: list[str | None] = []
        self._lines: Queue[str] = Queue()
        self._said = terminal.home / "tail.stderr"
        with self._said.open("w") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mqtt_client", "tail", "--json", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                cwd=ROOT,
                env=terminal.environment,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> "Tail":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.send_signal(SIGINT)
        status = self._process.wait(timeout=60)
        self._reader.join(timeout=5)
        assert kind or status == 0, f"tail ended with {status}: {self._said.read_text()}"

    def wait_for(self, body: str, timeout: float = 60.0) -> Mapping[str, Any]:
        """Wait until a message of that body is shown; return it."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                line = self._lines.get(timeout=max(0.001, deadline - time.monotonic()))
            except Empty:
                said = self._said.read_text()
                raise AssertionError(f"after {timeout:.0f} s tail has not shown {body!r}; it says: {said}") from None
            message: Mapping[str, Any] = json.loads(line)
            self.bodies.append(message.get("body"))
            if message.get("body") == body:
                return message

    def _read(self) -> None:
        assert self._process.stdout
        with self._process.stdout as lines:
            for line in lines:
                self._lines.put(line)
