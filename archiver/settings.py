"""The archiver's settings: environment variables that begin with NIGHTJAR_."""

import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from archiver.errors import SettingsError
from db import checked_url
from wire.broker import BrokerAddress, checked_broker_url, parse_broker_url
from wire.names import INSTANCE_PATTERN

RECEIVE_MAXIMUM_MOST = 20_000
"""Upper bound of the receive maximum; the table `unacknowledged` is cleaned by it (see `redelivery`)."""
EDIT_SECONDS = 2 * 24 * 3600
"""For how long a message may be edited and retracted, unless it is set."""
AUTO = "auto"
"""As the instance: take the lowest number that no running archiver has."""
FIRST = "1"
"""The instance that stays subscribed while it is away, so that the broker gathers for at least one."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A service token and what it is good for."""

    username: str
    client_id: str
    token: str = field(repr=False)


class Settings(BaseSettings):
    """All settings; see `.env.example` for a line on each."""

    model_config = SettingsConfigDict(env_prefix="NIGHTJAR_", frozen=True, extra="ignore", env_ignore_empty=True)

    database_url: Annotated[str, AfterValidator(checked_url)] = Field(repr=False)
    mqtt_url: Annotated[str, AfterValidator(checked_broker_url)] = "mqtt://127.0.0.1:1883"
    archiver_token_file: Path
    archiver_instance: Annotated[str, Field(pattern=INSTANCE_PATTERN)] = FIRST
    archivers_most: Annotated[int, Field(ge=1, le=64)] = 8
    archiver_health_file: Path
    archiver_receive_maximum: Annotated[int, Field(ge=1, le=RECEIVE_MAXIMUM_MOST)] = 4000
    archiver_batch_rows: Annotated[int, Field(ge=1, le=10_000)] = 2000
    archiver_batch_ms: Annotated[int, Field(ge=0, le=1000)] = 20
    edit_seconds: Annotated[int, Field(ge=0)] = EDIT_SECONDS
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def broker(self) -> BrokerAddress:
        """Where the broker listens."""
        return parse_broker_url(self.mqtt_url)


class HealthSettings(BaseSettings):
    """What `python -m archiver health` needs."""

    model_config = SettingsConfigDict(env_prefix="NIGHTJAR_", frozen=True, extra="ignore", env_ignore_empty=True)

    archiver_health_file: Path


def load_settings() -> Settings:
    """Read the environment. Raises SettingsError naming the first bad variable."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def load_health_settings() -> HealthSettings:
    """Read the environment for the health command. Raises SettingsError."""
    try:
        return HealthSettings()
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def read_credentials(token_file: Path, client_id: str) -> Credentials:
    """Read the service token. It is not verified here: that is the broker's part. Raises SettingsError.

    Two of its claims are all that is read, so the library for tokens, ten megabytes of it, is not.
    """
    variable = "NIGHTJAR_ARCHIVER_TOKEN_FILE"
    try:
        token = token_file.read_text(encoding="ascii").strip()
    except OSError as error:
        raise SettingsError(f"{variable}: {token_file} cannot be read: {error.strerror}") from None
    except ValueError:
        raise SettingsError(f"{variable}: {token_file} holds no token") from None
    try:
        _, claims, _ = token.split(".")
        said = json.loads(urlsafe_b64decode(claims + "=="))
    except (ValueError, RecursionError):
        raise SettingsError(f"{variable}: {token_file} holds no token") from None
    match said:
        case {"sub": str(username), "client_id": named} if named == client_id:
            return Credentials(username, client_id, token)
    raise SettingsError(f"{variable}: the token is not for the client id {client_id} (NIGHTJAR_ARCHIVER_INSTANCE)")


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    variable = "NIGHTJAR_" + "_".join(str(part) for part in first["loc"]).upper()
    if first["type"] == "missing":
        return f"{variable}: must be set"
    return f"{variable}: {first['msg'].removeprefix('Value error, ')}"
