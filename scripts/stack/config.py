"""What the machine's environment and `.env` say about running the parts here."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from scripts.stack.errors import StackError

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Endpoint:
    """An address and port that a server listens on."""

    address: str
    port: int

    @property
    def reachable(self) -> str:
        """Name the host that a program on this machine connects to."""
        return "127.0.0.1" if self.address in {"0.0.0.0", "*", ""} else self.address  # noqa: S104  # compared, not bound

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


@dataclass(frozen=True)
class QueueLimits:
    """What may wait at the broker for one client."""

    messages: int = 100_000
    bytes: int = 512 * 1024 * 1024


@dataclass(frozen=True)
class StackConfig:
    """Where the state lives, what listens where, and the settings handed to every program."""

    state: Path
    api: Endpoint
    mqtt: Endpoint
    database_url: str | None
    """An external database; None starts an embedded one."""
    settings: Mapping[str, str]

    @property
    def archivers(self) -> int:
        """How many archivers share the work. Raises StackError."""
        return _number(self.settings, "NIGHTJAR_ARCHIVERS", 1, 1, 64)

    @property
    def queue(self) -> QueueLimits:
        """How much may wait at the broker. Raises StackError."""
        return QueueLimits(
            _number(self.settings, "NIGHTJAR_BROKER_QUEUE_MESSAGES", QueueLimits.messages, 1000, 100_000_000),
            _number(self.settings, "NIGHTJAR_BROKER_QUEUE_BYTES", QueueLimits.bytes, 1024**2, 1024**4),
        )


def read_config(environment: Mapping[str, str], root: Path = ROOT) -> StackConfig:
    """Read NIGHTJAR_… settings, and whatever else is in `.env`; the environment goes before it.

    Raises StackError naming a bad one.
    """
    from_file = {name: value for name, value in dotenv_values(root / ".env").items() if value is not None}
    ours = {name: value for name, value in environment.items() if name.startswith("NIGHTJAR_") or name in from_file}
    settings = {**from_file, **ours}
    return StackConfig(
        state=Path(settings.get("NIGHTJAR_STATE_DIR") or root / ".nightjar").resolve(),
        api=_endpoint(settings, "NIGHTJAR_API_BIND", "127.0.0.1:8080"),
        mqtt=_endpoint(settings, "NIGHTJAR_MQTT_BIND", "127.0.0.1:1883"),
        database_url=settings.get("NIGHTJAR_DATABASE_URL") or None,
        settings=settings,
    )


def config_from_environment() -> StackConfig:
    """Read the settings of this process."""
    return read_config(dict(os.environ))


def _number(settings: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = settings.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise StackError(f"{name}: {text!r} is no number from {least} to {most}")
    return int(text)


def _endpoint(settings: Mapping[str, str], name: str, default: str) -> Endpoint:
    text = settings.get(name) or default
    address, _, port = text.rpartition(":")
    if not address or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise StackError(f"{name}: {text!r} is not ADDRESS:PORT, such as {default}")
    return Endpoint(address.strip("[]"), int(port))
