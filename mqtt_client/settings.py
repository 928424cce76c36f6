"""Settings of the client, from the environment."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from mqtt_client.errors import InputError

_SERVER = re.compile(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?\Z", re.ASCII)
_PROFILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z", re.ASCII)


def check_server(url: str) -> str:
    """Return a server's URL without a slash at its end. Raises ValueError when it is no http(s) URL."""
    if not _SERVER.match(url) or not _has_valid_port(url):
        raise ValueError("it is no http:// or https:// URL")
    return url.rstrip("/")


def _has_valid_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def check_profile(name: str) -> str:
    """Return a profile's name. Raises ValueError when it could not be a file name everywhere."""
    if not _PROFILE.match(name):
        raise ValueError("a profile's name is 1 to 64 letters, digits, - or _, beginning with a letter or digit")
    return name


class Settings(BaseSettings):
    """What the environment says: NIGHTJAR_SERVER and NIGHTJAR_PROFILE."""

    model_config = SettingsConfigDict(env_prefix="NIGHTJAR_", frozen=True, env_ignore_empty=True)

    server: Annotated[str, AfterValidator(check_server)] | None = None
    profile: Annotated[str, AfterValidator(check_profile)] = "default"


def read_settings() -> Settings:
    """Read the environment. Raises InputError that names the variable."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        reason = first["msg"].removeprefix("Value error, ")
        raise InputError(f"NIGHTJAR_{str(first['loc'][0]).upper()}: {reason}") from error
