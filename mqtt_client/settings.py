"""Settings of the client, from the environment."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

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


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says: NIGHTJAR_SERVER and NIGHTJAR_PROFILE. A variable that is empty counts as absent."""

    server: str | None = None
    profile: str = "default"


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the environment. Raises InputError that names the variable."""
    server = _checked("NIGHTJAR_SERVER", check_server, environment)
    return Settings(server, _checked("NIGHTJAR_PROFILE", check_profile, environment) or Settings().profile)


def _checked(name: str, check: Callable[[str], str], environment: Mapping[str, str]) -> str | None:
    text = environment.get(name)
    if not text:
        return None
    try:
        return check(text)
    except ValueError as error:
        raise InputError(f"{name}: {error}") from error
