"""Docker and Compose, either version of it, through their command lines."""

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ONE_SHOTS = frozenset({"database-password", "keys", "migrations"})
SERVERS = frozenset({"postgres", "broker", "api", "archiver"})


def engine_problem() -> str | None:
    """Say why no containers can be run here; None when they can."""
    try:
        asked = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"],
            check=False,
            capture_output=True,
            text=True,
            timeout=30,
        )
    except FileNotFoundError:
        return "there is no docker command on this machine"
    except subprocess.TimeoutExpired:
        return "the Docker engine does not answer"
    if asked.returncode:
        return f"no Docker engine can be reached: {' '.join(asked.stderr.split())}"
    return None if compose_command() else "Docker Compose is not installed"


def compose_command() -> Sequence[str]:
    """Name the command of the Compose that is installed; empty when there is none."""
    for command in (["docker", "compose"], ["docker-compose"]):
        try:
            if subprocess.run([*command, "version"], check=False, capture_output=True, timeout=30).returncode == 0:
                return command
        except FileNotFoundError:
            continue
    return []


@dataclass(frozen=True)
class Container:
    """A container as `docker inspect` describes it."""

    found: Mapping[str, Any]

    @property
    def service(self) -> str:
        """Its service's name in docker-compose.yml."""
        return str(self.found["Config"]["Labels"]["com.docker.compose.service"])

    @property
    def user(self) -> str:
        """The user that it runs as; empty is root."""
        return str(self.found["Config"]["User"])

    @property
    def state(self) -> str:
        """`healthy`, `starting`, `unhealthy`, or `exited 0`."""
        state = self.found["State"]
        if state["Status"] == "exited":
            return f"exited {state['ExitCode']}"
        return str(state.get("Health", state)["Status"])

    @property
    def published(self) -> Sequence[str]:
        """The addresses of this machine on which its ports are published."""
        ports = self.found["NetworkSettings"]["Ports"] or {}
        return [
            f"{binding['HostIp']}:{binding['HostPort']}" for bindings in ports.values() for binding in bindings or []
        ]

    @property
    def volumes(self) -> Mapping[str, bool]:
        """The volumes that it sees, without the project's name; whether it may write to them."""
        mounts = [mount for mount in self.found["Mounts"] if mount["Type"] == "volume"]
        return {mount["Name"].partition("_")[2]: mount["RW"] for mount in mounts}


@dataclass(frozen=True)
class Compose:
    """One project: the containers of a copy of the tree."""

    tree: Path
    project: str
    command: Sequence[str]
    environment: Mapping[str, str]
    settings: Mapping[str, str]

    @property
    def server(self) -> str:
        """The REST server's URL."""
        return f"http://{self.settings['NIGHTJAR_API_BIND']}"

    def run(self, *arguments: str) -> str:
        """Run a Compose command; fail with what it says."""
        done = subprocess.run(
            [*self.command, "-p", self.project, *arguments],
            cwd=self.tree,
            env=dict(self.environment),
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1200,
        )
        assert done.returncode == 0, (
            f"compose {' '.join(arguments)} failed:\n{done.stdout[-8000:]}{self._logs(arguments)}"
        )
        return done.stdout

    def up(self, *options: str, timeout: float = 120.0) -> None:
        """Start everything and wait until every server is healthy and every one-shot is done."""
        self.run("up", "-d", *options)
        wanted = {**dict.fromkeys(ONE_SHOTS, "exited 0"), **dict.fromkeys(SERVERS, "healthy")}
        deadline = time.monotonic() + timeout
        while (states := {container.service: container.state for container in self.containers()}) != wanted:
            assert time.monotonic() < deadline, f"after {timeout:.0f} s: {states}\n{self._logs(['up'])}"
            time.sleep(0.5)

    def scale_archivers(self, count: int, timeout: float = 120.0) -> None:
        """Run so many archivers, and wait until that many are healthy and no other is left."""
        self.run("up", "-d", "--scale", f"archiver={count}")
        deadline = time.monotonic() + timeout
        while (states := [each.state for each in self.archivers()]) != ["healthy"] * count:
            assert time.monotonic() < deadline, f"after {timeout:.0f} s: {states}\n{self._logs(['up'])}"
            time.sleep(0.5)

    def archivers(self) -> list[Container]:
        """Describe the containers of the archivers."""
        return [container for container in self.containers() if container.service == "archiver"]

    def kill(self, container: Container) -> None:
        """Kill -9 a container."""
        _docker("kill", str(container.found["Id"]))

    def said(self, container: Container) -> str:
        """Return what a container has written."""
        asked = subprocess.run(
            ["docker", "logs", str(container.found["Id"])],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        return asked.stdout

    def containers(self) -> list[Container]:
        """Describe every container of the project."""
        listed = _docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={self.project}")
        return [Container(found) for found in json.loads(_docker("inspect", *listed.split()))] if listed else []

    def container(self, service: str) -> Container:
        """Describe a service's one container."""
        [found] = [container for container in self.containers() if container.service == service]
        return found

    def execute(self, service: str, *arguments: str) -> str:
        """Run a command inside a service's container, as its user."""
        return _docker("exec", self.container(service).found["Id"], *arguments)

    def _logs(self, arguments: Sequence[str]) -> str:
        if "up" not in arguments:
            return ""
        logs = subprocess.run(
            [*self.command, "-p", self.project, "logs", "--no-color", "--tail", "30"],
            cwd=self.tree,
            env=dict(self.environment),
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return logs.stdout


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout
