"""The command line client as people run it: processes with profiles of their own."""

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.stack import wait_for

PASSWORD = "correct horse battery staple"
COMMAND = [sys.executable, "-m", "mqtt_client"]


@dataclass
class Running:
    """A command that goes on, `tail` for one; what it writes is gathered line by line."""

    process: "subprocess.Popen[str]"
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin to read both streams."""
        self._readers = [
            threading.Thread(target=_gather, args=(stream, lines), daemon=True)
            for stream, lines in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    def wait_for_line(self, text: str, timeout: float = 60.0) -> str:
        """Wait until a line of standard output holds the text; return the line."""
        wait_for(lambda: any(text in line for line in self.out), f"{text!r} in {self.out}, {self.err}", timeout)
        return next(line for line in self.out if text in line)

    def wait_for_error(self, text: str, timeout: float = 60.0) -> None:
        """Wait until a line of standard error holds the text."""
        wait_for(lambda: any(text in line for line in self.err), f"{text!r} in {self.err}", timeout)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it do nothing for the time being."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def end(self, number: int = signal.SIGINT) -> int:
        """Send a signal, wait, and return the exit status."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self, timeout: float = 60.0) -> int:
        """Wait for the end; return the exit status."""
        status = self.process.wait(timeout)
        for reader in self._readers:
            reader.join(timeout)
        return status


@dataclass(frozen=True)
class Person:
    """Somebody with a profile, at one server."""

    name: str
    environment: dict[str, str]

    def run(
        self,
        *arguments: str | bytes,
        stdin: bytes = b"",
        expect: int | None = 0,
        timeout: float = 60,
        program: Sequence[str] = COMMAND,
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run a command to its end, which must have the expected exit status and leave no traceback."""
        done = subprocess.run(
            [*program, *arguments], input=stdin, env=self.environment, capture_output=True, timeout=timeout, check=False
        )
        errors = done.stderr.decode(errors="replace")
        assert "Traceback" not in errors, errors
        assert expect in (None, done.returncode), (arguments, done.returncode, errors)
        if done.returncode:
            assert errors.count("\n") == 1, errors
            assert errors.startswith("nightjar: "), errors
        return done

    def out(self, *arguments: str | bytes, stdin: bytes = b"") -> str:
        """Run a command that must succeed; return what it printed."""
        return self.run(*arguments, stdin=stdin).stdout.decode()

    def objects(self, *arguments: str, stdin: bytes = b"") -> list[dict[str, Any]]:
        """Run a command with --json that must succeed; return its objects."""
        return [json.loads(line) for line in self.out(*arguments, "--json", stdin=stdin).splitlines()]

    def fails(self, *arguments: str | bytes, stdin: bytes = b"", status: int, program: Sequence[str] = COMMAND) -> str:
        """Run a command that must fail with a status and one line; return the line."""
        done = self.run(*arguments, stdin=stdin, expect=status, program=program)
        return done.stderr.decode().removeprefix("nightjar: ").rstrip("\n")

    @contextmanager
    def running(self, *arguments: str, program: Sequence[str] = COMMAND) -> Iterator[Running]:
        """Run a command beside the test; it is killed at the end if it still runs."""
        with subprocess.Popen(
            [*program, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            running = Running(process)
            try:
                yield running
            finally:
                if process.poll() is None:
                    process.kill()
                running.wait()

    def register(self) -> "Person":
        """Make the account, logged in."""
        self.run("register", self.name, "--password-stdin", stdin=f"{PASSWORD}\n".encode())
        return self

    def elsewhere(self, directory: Path) -> "Person":
        """Return the same person on another machine, logged in there too."""
        there = Person(self.name, {**self.environment, **_homes(directory)})
        there.run("login", self.name, "--password-stdin", stdin=f"{PASSWORD}\n".encode())
        return there

    @property
    def directory(self) -> Path:
        """Where the profile's data is."""
        return Path(self.environment["XDG_DATA_HOME"]) / "nightjar" / "default"

    def wait_until_running(self, count: int) -> None:
        """Wait until that many of the profile's commands listen to each other."""
        wait_for(lambda: len(list(self.directory.glob("wake/*.pipe"))) == count, f"{count} commands run")

    def login(self) -> dict[str, Any]:
        """Read the profile's login."""
        content: dict[str, Any] = json.loads((self.directory / "credentials.json").read_text())
        return content

    def change_login(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Change the profile's login behind the client's back."""
        content = self.login()
        change(content)
        (self.directory / "credentials.json").write_text(json.dumps(content))


def new_person(server: str, directory: Path, name: str = "") -> Person:
    """Make up somebody who has not registered yet."""
    chosen = name or f"u{secrets.token_hex(5)}"
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("NIGHTJAR_", "XDG_"))}
    return Person(chosen, {**kept, "NIGHTJAR_SERVER": server, "TZ": "UTC", **_homes(directory / chosen)})


def _homes(directory: Path) -> dict[str, str]:
    return {f"XDG_{kind}_HOME": str(directory / kind.lower()) for kind in ("DATA", "CONFIG", "STATE", "CACHE")}


def _gather(stream: Any, lines: list[str]) -> None:
    lines.extend(line.rstrip("\n") for line in stream)
