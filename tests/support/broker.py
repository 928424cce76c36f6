"""Mosquitto as tests need it: with the plugin, plain or sanitised, or without it; alone in a directory of its own."""

import fcntl
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.stack.broker import SOURCE, broker_command, broker_ready, build_plugin, write_broker_directory
from scripts.stack.errors import StackError
from scripts.stack.ports import free_port
from scripts.stack.process import Command, Process, wait_until
from tests.support.peer import Peer
from tests.support.tokens import KeyPair, mint
from wire.control import Revocation, encode_revocations
from wire.tokens import AclRule, api_acl, archiver_acl, user_acl
from wire.topics import CONTROL

_SANITIZER_REPORT = re.compile(r"AddressSanitizer|UndefinedBehaviorSanitizer|runtime error:")
_LEAK = re.compile(r"(?:Direct|Indirect) leak of .*?(?=\n\n|\Z)", re.DOTALL)


def build_sanitized_plugin() -> Path:
    """Compile the plugin with AddressSanitizer and UndefinedBehaviorSanitizer; returns its path."""
    build = SOURCE / "build" / "sanitized"
    build.mkdir(parents=True, exist_ok=True)
    with (build / ".lock").open("w") as lock:  # test processes side by side build the same
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = subprocess.run(
            ["make", "-C", str(SOURCE), f"BUILD={build}", "SANITIZE=1"], check=False, capture_output=True, text=True
        )
    if made.returncode:
        raise StackError(f"the sanitised plugin cannot be built:\n{made.stdout}{made.stderr}")
    return build / "nightjar_jwt.so"


def sanitizer_environment() -> dict[str, str]:
    """Return what a broker has to be started with that loads a sanitised plugin."""
    found = subprocess.run(["gcc", "-print-file-name=libasan.so"], check=True, capture_output=True, text=True)
    return {
        "LD_PRELOAD": found.stdout.strip(),
        "ASAN_OPTIONS": "detect_leaks=1:malloc_context_size=8:exitcode=0:symbolize=1",
        "LSAN_OPTIONS": "report_objects=0:print_suppressions=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }


def sanitizer_reports(log: str) -> list[str]:
    """Return what the sanitisers found, leaving out leaks of memory that the broker itself asked for."""
    memory, _, leaks = log.partition("LeakSanitizer: detected memory leaks")
    found = [line for line in memory.splitlines() if _SANITIZER_REPORT.search(line)]
    return found + [leak for leak in _LEAK.findall(leaks) if _is_ours(leak)]


def _is_ours(leak: str) -> bool:
    """Whether the broker did not ask for the memory itself: then the plugin did, or a library for it.

    The plugin is unloaded when the leaks are looked for, so its own frames have no name.
    """
    asked = next((line for line in leak.splitlines() if line.lstrip().startswith("#1 ")), "")
    return "/mosquitto+" not in asked


@dataclass
class Broker:
    """A broker on a free port; `plugin=None` is one without it.

    `settings` replace lines of mosquitto.conf; `files` are put into the directory it runs in. Started again, it lets
    users in at once, unless `waits_for_archiver` says to do as mosquitto.conf does.
    """

    directory: Path
    plugin: Path | None
    settings: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    waits_for_archiver: bool = False
    port: int = field(default_factory=free_port)
    process: Process | None = None

    @property
    def keys(self) -> Path:
        """The directory of public keys."""
        return self.directory / "public"

    @property
    def revocations(self) -> Path:
        """The plugin's journal."""
        return self.directory / "run" / "data" / "revocations"

    @property
    def log_path(self) -> Path:
        """Where its output goes."""
        return self.directory / "log"

    @property
    def log(self) -> str:
        """All that it has written."""
        return self.log_path.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process
        return self.process.pid

    def start(self) -> "Broker":
        """Start it, again too, and wait until it accepts connections."""
        self.keys.mkdir(parents=True, exist_ok=True)
        run = self.directory / "run"
        if not (run / "mosquitto.conf").exists():
            write_broker_directory(run, self.plugin or build_plugin(), self.keys, "127.0.0.1", self.port)
            self._configure(run / "mosquitto.conf")
            self._stay_root(run / "conf.d" / "listener.conf")
        command = broker_command(run, self.log_path)
        self.process = Process(Command(command.name, command.argv, command.log, command.cwd, self.environment))
        wait_until(lambda: broker_ready("127.0.0.1", self.port), self.process)
        return self

    def _configure(self, path: Path) -> None:
        lines = path.read_text().splitlines()
        if self.plugin is None:
            lines = [line for line in lines if not line.startswith("plugin")]
        if not self.waits_for_archiver:
            lines = [line for line in lines if not line.startswith("plugin_opt_wait_for_subscriber ")]
        for name, value in self.settings.items():
            lines = [line for line in lines if not line.startswith(f"{name} ")]
            place = next((i + 1 for i, line in enumerate(lines) if line.startswith("plugin ")), len(lines) - 1)
            lines.insert(place, f"{name} {value}")
        path.write_text("\n".join(lines) + "\n")
        for name, content in self.files.items():
            (path.parent / name).write_text(content)

    def _stay_root(self, path: Path) -> None:
        """Tests put files into its directory, and pytest may close that to other users at any moment."""
        lines = [line for line in path.read_text().splitlines() if not line.startswith("user ")]
        path.write_text("\n".join([*lines, "user root"]) + "\n")

    def stop(self) -> None:
        """Ask it to end."""
        if self.process:
            self.process.stop(timeout=60)

    def kill(self) -> None:
        """Kill -9 it."""
        if self.process:
            self.process.kill()

    def reload(self) -> None:
        """Send it SIGHUP."""
        assert self.process
        self.process.send(signal.SIGHUP)

    def resident_kib(self) -> int:
        """Return the memory it holds, in KiB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024


class Realm:
    """A broker and the key whose tokens it accepts: connects users, the API and the archiver."""

    def __init__(self, broker: Broker, key: KeyPair | None = None) -> None:
        self.broker = broker
        self.key = key or KeyPair.new()
        self._opened: list[Peer] = []

    def start(self, *, open_gate: bool = True) -> "Realm":
        """Start the broker; unless told otherwise, send the first control message, so that it serves everybody."""
        self.broker.keys.mkdir(parents=True, exist_ok=True)
        self.key.write_public(self.broker.keys)
        self.broker.start()
        if open_gate:
            assert self.revoke() == 0
        return self

    def token(self, user: str, client_id: str, acl: Iterable[AclRule] | None = None, **claims: Any) -> str:
        """Mint a token; the acl is by default the one that such a user has."""
        return mint(self.key, user, client_id, default_acl(user) if acl is None else acl, **claims)

    def connect(
        self,
        user: str,
        client_id: str | None = None,
        *,
        token: str | None = None,
        acl: Iterable[AclRule] | None = None,
        claims: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Peer:
        """Connect somebody (`options` are those of Peer); raises RefusedError. `close` closes what is still open."""
        name = client_id or f"{user}.aaaaaaaaaa"
        password = self.token(user, name, acl, **(claims or {})) if token is None else token
        peer = Peer(self.broker.port, name, user, password, **options)
        self._opened.append(peer)
        return peer

    def revoke(self, *revocations: Revocation) -> int:
        """Publish revocations as the API does; returns the PUBACK's reason code."""
        return self.control(encode_revocations(revocations))

    def control(self, payload: bytes | Sequence[Mapping[str, object]]) -> int:
        """Publish a control message, or its list of commands; returns the PUBACK's reason code."""
        content = payload if isinstance(payload, bytes) else json.dumps({"commands": payload}).encode()
        with self.connect("api", "api.control") as api:
            return api.publish(CONTROL, content)

    def close(self) -> None:
        """Close the connections made so far."""
        while self._opened:
            self._opened.pop().close()


def default_acl(user: str) -> list[AclRule]:
    """Return the acl that the API gives such a user."""
    services = {"api": api_acl, "archiver": archiver_acl}
    return services[user]() if user in services else user_acl(user)
