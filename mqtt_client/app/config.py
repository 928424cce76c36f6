"""`config.toml`: what can be chosen for good. Every profile has the same; nothing in it has to be there."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Any

from mqtt_client.app.keys import KEYS
from mqtt_client.errors import InputError

_FILE_MAX = 256 * 1024
_QUIET_FORM = 'notifications.quiet is a span of hours such as "22:00-07:00"'


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours without bell and notification, by the clock on the wall; they may go over midnight."""

    begins: time
    ends: time

    def has(self, now: time) -> bool:
        """Whether it is quiet at that time."""
        if self.begins <= self.ends:
            return self.begins <= now < self.ends
        return now >= self.begins or now < self.ends


@dataclass(frozen=True, slots=True)
class Config:
    """What the file says, or the usual."""

    theme: str = "nightjar-dark"
    bell: bool = True
    desktop: bool = True
    previews: bool = True
    quiet: Quiet | None = None
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_config(path: Path) -> Config:
    """Read the file; one that is not there says nothing. Raises InputError that names what is wrong in it."""
    try:
        with path.open("rb") as file:
            content = file.read(_FILE_MAX)
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return _config(tomllib.loads(content.decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: {error}") from error


def _config(content: Mapping[str, Any]) -> Config:
    _known(content, {"theme", "notifications", "keys"}, "")
    said = _table(content, "notifications")
    _known(said, {"bell", "desktop", "previews", "quiet"}, "notifications.")
    switches = {name: _of(said, name, bool) for name in ("bell", "desktop", "previews") if name in said}
    theme = {"theme": _of(content, "theme", str)} if "theme" in content else {}
    quiet = _quiet(_of(said, "quiet", str)) if said.get("quiet") else None
    return Config(**theme, **switches, quiet=quiet, keys=_keys(_table(content, "keys")))


def _keys(table: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    _known(table, {key.name for key in KEYS}, "keys.")
    chosen: dict[str, tuple[str, ...]] = {}
    taken: dict[str, str] = {}
    for key in KEYS:
        said = table.get(key.name, key.keys)
        keys = (said,) if isinstance(said, str) else tuple(said) if isinstance(said, list | tuple) else ()
        if not keys or not all(isinstance(each, str) and each for each in keys):
            raise ValueError(f'keys.{key.name} is a key such as "ctrl+k", or a list of them')
        for each in keys:
            if taken.setdefault(each, key.name) != key.name:
                raise ValueError(f"{each} is given to both keys.{taken[each]} and keys.{key.name}")
        if key.name in table:
            chosen[key.name] = keys
    return chosen


def _quiet(text: str) -> Quiet:
    try:
        begins, ends = (time.fromisoformat(part.strip()) for part in text.split("-"))
    except ValueError as error:
        raise ValueError(_QUIET_FORM) from error
    if begins.tzinfo or ends.tzinfo:
        raise ValueError(_QUIET_FORM)  # the clock on the wall has no zone
    return Quiet(begins, ends)


def _of(table: Mapping[str, Any], name: str, kind: Callable[..., Any]) -> Any:  # noqa: ANN401  # of that kind
    if not isinstance(table[name], kind):  # type: ignore[arg-type]  # bool and str are types
        raise ValueError(f"{name} is {'true or false' if kind is bool else 'a text'}")  # noqa: TRY004  # one line for people
    return table[name]


def _table(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = content.get(name, {})
    if not isinstance(table, dict):
        raise ValueError(f"{name} is a table: [{name}]")  # noqa: TRY004  # one line for people
    return table


def _known(content: Mapping[str, Any], names: set[str], where: str) -> None:
    for name in content:
        if name not in names:
            raise ValueError(f"there is no setting {where}{name}; there are {', '.join(sorted(names))}")
