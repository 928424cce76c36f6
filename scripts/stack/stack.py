"""The parts of Nightjar, in the order in which they start: how each is prepared, run, and known to be ready."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from scripts.stack.broker import broker_command, broker_ready, build_plugin, write_broker_directory
from scripts.stack.config import ROOT, Endpoint, StackConfig
from scripts.stack.errors import StackError
from scripts.stack.ports import is_free
from scripts.stack.postgres import EmbeddedPostgres
from scripts.stack.process import Command

_DATABASE = "nightjar"


@dataclass(frozen=True)
class Part:
    """One part: `prepare` makes what it needs on disk, `ready` says whether it serves."""

    name: str
    prepare: Callable[[], None]
    command: Callable[[], Command]
    ready: Callable[[], bool]


class Stack:
    """All parts over one state directory."""

    def __init__(self, config: StackConfig) -> None:
        self.config = config
        self._state = config.state
        self.postgres: EmbeddedPostgres | None = None
        if config.database_url is None:
            self.postgres = EmbeddedPostgres(self._state / "postgres", self._log("postgres"))
        self.database_url = config.database_url or self._embedded().url(_DATABASE)

    def parts(self) -> list[Part]:
        """List the parts in starting order."""
        database = [self._postgres_part()] if self.postgres else []
        return [
            *database,
            Part("broker", self._prepare_broker, self._broker, self._broker_ready),
            Part("api", self._prepare_api, self._api, self._api_ready),
            *(self._archiver_part(number) for number in range(1, self.config.archivers + 1)),
        ]

    def environment(self) -> Mapping[str, str]:
        """Return the settings that the programs run with."""
        mqtt_url = f"mqtt://{self.config.mqtt.reachable}:{self.config.mqtt.port}"
        made = {
            "NIGHTJAR_DATABASE_URL": self.database_url,
            "NIGHTJAR_API_BIND": str(self.config.api),
            "NIGHTJAR_MQTT_URL": mqtt_url,
            "NIGHTJAR_KEYS_DIR": str(self._state / "keys" / "private"),
            "NIGHTJAR_PUBLIC_KEYS_DIR": str(self._state / "keys" / "public"),
            **self._archiver_files("archiver"),
        }
        return {**made, **{name: value for name, value in self.config.settings.items() if value}}

    @property
    def server_url(self) -> str:
        """Name the REST server as the client's NIGHTJAR_SERVER does."""
        return f"http://{self.config.api.reachable}:{self.config.api.port}"

    @property
    def _public_keys(self) -> Path:
        """The directory that the API writes to; the programs run in ROOT, so that is what a relative one is below."""
        return ROOT / self.environment()["NIGHTJAR_PUBLIC_KEYS_DIR"]

    def _log(self, name: str) -> Path:
        return self._state / "log" / f"{name}.log"

    def _embedded(self) -> EmbeddedPostgres:
        if self.postgres is None:
            raise StackError("the database is not an embedded one")
        return self.postgres

    def _run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        """Run one of our own commands to its end."""
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, **(environment or self.environment())},
        )
        if done.returncode:
            said = done.stderr.strip() or done.stdout.strip()
            raise StackError(f"python -m {' '.join(arguments)} failed: {said}")

    def _program(self, name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Command:
        argv = [sys.executable, "-m", *arguments]
        return Command(name, argv, self._log(name), cwd=ROOT, environment=environment or self.environment())

    def _postgres_part(self) -> Part:
        embedded = self._embedded()
        return Part("postgres", lambda: None, embedded.command, embedded.ready)

    def _prepare_broker(self) -> None:
        _demand_free("NIGHTJAR_MQTT_BIND", self.config.mqtt)
        self._run("auth_api", "keys", "init")
        write_broker_directory(
            self._state / "broker",
            build_plugin(),
            self._public_keys,
            self.config.mqtt.address,
            self.config.mqtt.port,
            queue=self.config.queue,
        )

    def _broker(self) -> Command:
        return broker_command(self._state / "broker", self._log("broker"))

    def _broker_ready(self) -> bool:
        return broker_ready(self.config.mqtt.reachable, self.config.mqtt.port)

    def _prepare_api(self) -> None:
        _demand_free("NIGHTJAR_API_BIND", self.config.api)
        if self.postgres and not self.postgres.has_database(_DATABASE):
            self.postgres.create_database(_DATABASE)
        self._run("db", "migrate")

    def _api(self) -> Command:
        # glibc would have room for each thread apart, and each keeps what was freed.
        environment = {"MALLOC_ARENA_MAX": "1", **self.environment()}
        return self._program("api", "auth_api", "serve", environment=environment)

    def _api_ready(self) -> bool:
        return self.readiness() is not None

    def readiness(self) -> str | None:
        """Ask the REST service how it is: `ready` or `degraded`; None when it does not serve."""
        try:
            answer = httpx.get(f"{self.server_url}/readyz", timeout=5, trust_env=False)
        except httpx.HTTPError:
            return None
        return str(answer.json()["status"]) if answer.status_code == httpx.codes.OK else None

    def _archiver_files(self, name: str) -> Mapping[str, str]:
        return {
            "NIGHTJAR_ARCHIVER_TOKEN_FILE": str(self._state / "keys" / f"{name}.token"),
            "NIGHTJAR_ARCHIVER_HEALTH_FILE": str(self._state / "run" / f"{name}.health"),
        }

    def _archiver_part(self, number: int) -> Part:
        """Describe one of the archivers; the first, or only one, follows the settings in its name and files too."""
        name = "archiver" if number == 1 else f"archiver-{number}"
        environment = self.environment()
        if number > 1:
            environment = {**environment, **self._archiver_files(name), "NIGHTJAR_ARCHIVER_INSTANCE": str(number)}
        token_file = environment["NIGHTJAR_ARCHIVER_TOKEN_FILE"]

        def prepare() -> None:
            self._run("auth_api", "service-token", "archiver", "--out", token_file, environment=environment)

        def ready() -> bool:
            asked = subprocess.run(
                [sys.executable, "-m", "archiver", "health"],
                check=False,
                capture_output=True,
                cwd=ROOT,
                env={**os.environ, **environment},
            )
            return asked.returncode == 0

        # glibc would keep room for the largest batch there was; so large a piece is given back at once.
        run = {"MALLOC_MMAP_THRESHOLD_": "262144", **environment}
        return Part(name, prepare, lambda: self._program(name, "archiver", environment=run), ready)


def _demand_free(setting: str, endpoint: Endpoint) -> None:
    if not is_free(endpoint.address, endpoint.port):
        raise StackError(f"{endpoint} is in use by another program: stop it, or set {setting}=ADDRESS:PORT")
