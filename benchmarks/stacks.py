"""The real parts, as the benchmarks start them: Postgres, broker with plugin, API and archiver, each a process."""

import os
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auth_api.clock import now_ms
from auth_api.keys import load_signing_key
from auth_api.tokens import TokenMaker
from benchmarks import queries
from benchmarks.mqtt import DropWatch, Login, connect
from scripts.stack.broker import broker_command, broker_ready, build_plugin, write_broker_directory
from scripts.stack.config import Endpoint, StackConfig
from scripts.stack.ports import free_port
from scripts.stack.process import Process, wait_until
from scripts.stack.stack import Part, Stack
from wire.names import client_id
from wire.tokens import AclRule, archiver_acl

TOKEN_SECONDS: Final = 12 * 3600
_DEVICE: Final = "aaaaaaaaaa"
_GENEROUS: Final[Mapping[str, str]] = {
    "NIGHTJAR_REGISTRATION_LIMIT": "1000000/hour",
    "NIGHTJAR_LOGIN_LIMIT": "1000000/hour",
    "NIGHTJAR_LOGIN_ADDRESS_LIMIT": "1000000/hour",
}
"""What is measured comes from one address."""
_OBSERVER: Final = [AclRule("subscribe", "$SYS/#"), AclRule("all", "users/#"), AclRule("all", "bench/#")]


BROKER_AND_API: Final = ("postgres", "broker", "api")
"""All but the archiver: the broker serves nobody before the API has spoken to it."""


@dataclass(frozen=True)
class Account:
    """A user who may connect, and whose MQTT token is good for as long as any benchmark runs."""

    username: str
    login: Login
    access_token: str


class LiveStack:
    """All parts over one state directory, on free ports. Made by `Bench.stack`, which also ends it."""

    def __init__(self, state: Path, settings: Mapping[str, str] | None = None) -> None:
        self.config = StackConfig(
            state=state,
            api=Endpoint("127.0.0.1", free_port()),
            mqtt=Endpoint("127.0.0.1", free_port()),
            database_url=None,
            settings={**_GENEROUS, **(settings or {})},
        )
        self.definition = Stack(self.config)
        self._parts: Mapping[str, Part] = {part.name: part for part in self.definition.parts()}
        self._running: dict[str, Process] = {}
        self._watch: DropWatch | None = None

    @property
    def port(self) -> int:
        """The broker's port on 127.0.0.1."""
        return self.config.mqtt.port

    @property
    def server(self) -> str:
        """The REST server's URL."""
        return self.definition.server_url

    @property
    def database_url(self) -> str:
        """The database, as libpq names it."""
        return self.definition.database_url

    def start(self, names: Iterable[str] | None = None) -> None:
        """Start the named parts, or all, in their order, and wait until each serves."""
        wanted = None if names is None else set(names)
        for name, part in self._parts.items():
            if wanted is None or name in wanted:
                part.prepare()
                self._start(name)
        if "api" in self._running:
            self._watch = DropWatch(self.port, self.observer("watch"))

    def demand_nothing_dropped(self) -> None:
        """Raise BenchmarkError if the broker has dropped a message since the start of the stack."""
        if self._watch:
            self._watch.demand_none()

    def stop(self) -> None:
        """End what runs."""
        if self._watch:
            self._watch.close()
        for name in reversed(list(self._running)):
            self._running.pop(name).stop(timeout=60)

    def pid(self, name: str) -> int:
        """The process id of a part: postgres, broker, api or archiver."""
        return self._running[name].pid

    def send_signal(self, name: str, number: signal.Signals) -> None:
        """Send a part a signal."""
        self._running[name].send(number)

    def stop_part(self, name: str) -> None:
        """End one part."""
        self._running.pop(name).stop(timeout=60)

    def start_part(self, name: str) -> None:
        """Start one part again and wait until it serves."""
        self._start(name)

    @contextmanager
    def without_archiver(self) -> Iterator[None]:
        """Have the broker to oneself: the archiver is stopped and its session at the broker is gone, until the end."""
        self.stop_part("archiver")
        with connect(self.port, self.service_login("archiver", "1", archiver_acl())):
            pass  # a clean start, and no session afterwards
        yield
        self.start_part("archiver")

    def token_maker(self) -> TokenMaker:
        """Return what signs tokens that this stack accepts."""
        keys = load_signing_key(self.config.state / "keys" / "private")
        return TokenMaker(keys, now_ms, TOKEN_SECONDS, TOKEN_SECONDS)

    def service_login(self, user: str, instance: str, acl: list[AclRule]) -> Login:
        """Make a login with rights of its own choice."""
        client = client_id(user, instance)
        return Login(client, user, self.token_maker().broker_token(user, client, acl, TOKEN_SECONDS).token)

    def observer(self, name: str = "observer") -> Login:
        """Make a login that may read the broker's own counters, and read and write what users do."""
        return self.service_login("archiver", name, _OBSERVER)

    def accounts(
        self, names: Sequence[str], password_hash: str | None = None, groups: Sequence[str] = ()
    ) -> list[Account]:
        """Make users with a device each, straight in the database, with tokens as the API signs them.

        `password_hash` is what all of them are given; without one nobody can log in with a password. The tokens are
        good for `groups`, whose members they are already.
        """
        queries.add_users(self.database_url, names, _DEVICE, password_hash)
        maker, issued = self.token_maker(), now_ms()
        return [
            Account(name, Login(token.client_id, name, token.token), maker.access(name, device))
            for number, name in enumerate(names)
            for device in [queries.device_of(number, _DEVICE)]
            for token in [maker.mqtt(name, device, issued, groups)]
        ]

    def devices(self, username: str, count: int) -> list[Login]:
        """Make logins of many devices of one user, who is known to the broker only, through the tokens."""
        maker, issued = self.token_maker(), now_ms()
        tokens = [maker.mqtt(username, queries.device_of(number, _DEVICE), issued) for number in range(count)]
        return [Login(token.client_id, username, token.token) for token in tokens]

    def _start(self, name: str) -> None:
        process = Process(self._parts[name].command())
        self._running[name] = process
        wait_until(self._parts[name].ready, process, timeout=90)


class PlainBroker:
    """The same broker with the same mosquitto.conf but without the plugin: anybody may do anything."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._directory = directory
        self._process: Process | None = None
        self._watch: DropWatch | None = None

    @property
    def pid(self) -> int:
        """Its process id; it has to run."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start it and wait until it serves."""
        run, keys = self._directory / "run", self._directory / "keys"
        keys.mkdir(parents=True)
        write_broker_directory(run, build_plugin(), keys, "127.0.0.1", self.port)
        settings = (run / "mosquitto.conf").read_text().splitlines()
        kept = [line for line in settings if not line.startswith(("plugin", "allow_anonymous "))]
        kept.insert(len(kept) - 1, "allow_anonymous true")
        (run / "mosquitto.conf").write_text("\n".join(kept) + "\n")
        self._process = Process(broker_command(run, self._directory / "broker.log"))
        wait_until(lambda: broker_ready("127.0.0.1", self.port), self._process)
        self._watch = DropWatch(self.port, Login("watch", "watch", ""))

    def demand_nothing_dropped(self) -> None:
        """Raise BenchmarkError if it has dropped a message since its start."""
        if self._watch:
            self._watch.demand_none()

    def stop(self) -> None:
        """End it."""
        if self._watch:
            self._watch.close()
        if self._process:
            self._process.stop(timeout=60)


def forget_settings() -> None:
    """Take this shell's settings out of what the parts are started with: every run is of the defaults."""
    for name in [name for name in os.environ if name.startswith("NIGHTJAR_")]:
        del os.environ[name]
