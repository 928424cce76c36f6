"""Settings of the REST service: environment variables with the prefix `NIGHTJAR_`."""

import os
import re
import sys
from pathlib import Path
from typing import Annotated, Final, Literal, NoReturn, TypeVar

from limits import RateLimitItem, parse_many
from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from auth_api.tokens import GROUPS_MOST
from db import checked_url
from wire.broker import BrokerAddress, checked_broker_url, parse_broker_url
from wire.names import is_instance

_HASH = re.compile(r"scrypt:(\d{1,8}):(\d{1,3}):(\d{1,3})\Z|pbkdf2:sha(?:256|512):(\d{1,8})\Z", re.ASCII)


def _limit(text: str) -> str:
    try:
        items = parse_many(text)
    except ValueError as error:
        raise ValueError("must be limits like 5/minute;30/hour") from error
    if any(item.amount < 1 for item in items):
        raise ValueError("a limit of 0 would let nobody in")
    return text


def _password_hash(text: str) -> str:
    match = _HASH.match(text)
    if match is None:
        raise ValueError("must be a werkzeug method such as scrypt:32768:8:3")
    n = int(match[1] or 2)
    if n < 2 or n & (n - 1):
        raise ValueError("scrypt's first number must be a power of two")
    return text


def _bind(text: str) -> str:
    host, _, port = text.rpartition(":")
    if text.startswith("unix:"):
        return text
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError("must be host:port")
    return text


def _instance(text: str) -> str:
    if not is_instance(text):
        raise ValueError("must be 1 to 32 letters, digits, _ and -")
    return text


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_DAY_SECONDS: Final = 86400
"""The longest life of an MQTT token. A name that is given again is past all that of its last holder."""
_Kind = TypeVar("_Kind", bound="KeySettings")
Limit = Annotated[str, AfterValidator(_limit)]
BrokerUrl = Annotated[str, AfterValidator(checked_broker_url)]


class KeySettings(BaseSettings):
    """Where the keys are: all that `keys` and `service-token` need."""

    model_config = SettingsConfigDict(env_prefix="NIGHTJAR_", frozen=True, extra="ignore")

    keys_dir: Path
    public_keys_dir: Path


class ArchiverTokenSettings(KeySettings):
    """What `service-token archiver` needs: for which archiver, or with `auto` for how many."""

    model_config = SettingsConfigDict(env_prefix="NIGHTJAR_", frozen=True, extra="ignore", env_ignore_empty=True)

    archiver_instance: Annotated[str, AfterValidator(_instance)] = "1"
    archivers_most: int = Field(default=8, ge=1, le=64)


class Settings(KeySettings):
    """All settings of the service; a bad one is a ValidationError that names it."""

    database_url: Annotated[str, AfterValidator(checked_url)]
    mqtt_url: BrokerUrl = "mqtt://127.0.0.1:1883"
    mqtt_public_url: BrokerUrl | None = None
    api_bind: Annotated[str, AfterValidator(_bind)] = "127.0.0.1:8080"
    api_workers: int = Field(default_factory=_cores, ge=1, le=256)
    api_threads: int = Field(default=8, ge=1, le=256)
    api_hash_slots: int = Field(default_factory=_cores, ge=1, le=1024)
    access_token_seconds: int = Field(default=900, ge=1, le=86400)
    refresh_token_seconds: int = Field(default=2_592_000, ge=1, le=315_360_000)
    mqtt_token_seconds: int = Field(default=3600, ge=1, le=_DAY_SECONDS)
    login_limit: Limit = "5/minute;30/hour"
    login_address_limit: Limit = "100/hour"
    registration_limit: Limit = "20/hour"
    name_retirement_seconds: int = Field(default=31_536_000, ge=_DAY_SECONDS, le=3_153_600_000)
    password_hash: Annotated[str, AfterValidator(_password_hash)] = "scrypt:32768:8:3"  # noqa: S105  # a method, no password
    password_min: int = Field(default=8, ge=1, le=64)
    password_max: int = Field(default=256, ge=64, le=4096)
    password_common: int = Field(default=3000, ge=0, le=30000)
    body_bytes: int = Field(default=65536, ge=1024, le=67_108_864)
    dead_letter_days: int = Field(default=90, ge=0, le=3650)
    search_language: str = Field(default="simple", pattern="^[a-z_]{1,32}$")
    broker_queue_messages: int = Field(default=100_000, ge=1000, le=100_000_000)
    broker_queue_bytes: int = Field(default=536_870_912, ge=1_048_576, le=1_099_511_627_776)
    group_members: int = Field(default=1000, ge=1, le=10_000)
    user_groups: int = Field(default=100, ge=1, le=GROUPS_MOST - 1)
    revocation_wait_seconds: int = Field(default=3, ge=1, le=10)
    trusted_proxies: int = Field(default=0, ge=0, le=16)
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def broker(self) -> BrokerAddress:
        """Where the service itself reaches the broker."""
        return parse_broker_url(self.mqtt_url)

    @property
    def public_broker(self) -> BrokerAddress:
        """Where clients are told to reach it."""
        return parse_broker_url(self.mqtt_public_url or self.mqtt_url)


def limit_items(text: str) -> list[RateLimitItem]:
    """Read the limits of a setting, strictest window first."""
    return sorted(parse_many(text), key=lambda item: item.get_expiry())


def load_settings(kind: type[_Kind]) -> _Kind:
    """Read the environment; ends the program with status 2 and one line that names what is wrong."""
    try:
        return kind()
    except ValidationError as error:
        _stop(error)


def load_all() -> Settings:
    """Read every setting, as `load_settings` does."""
    return load_settings(Settings)


def _stop(error: ValidationError) -> NoReturn:
    first = error.errors(include_url=False, include_input=False)[0]
    name = "NIGHTJAR_" + str(first["loc"][0] if first["loc"] else "").upper()
    said = "is not set" if first["type"] == "missing" else first["msg"].removeprefix("Value error, ")
    sys.stderr.write(f"{name}: {said}\n")
    raise SystemExit(2)
