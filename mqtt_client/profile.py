"""A profile's files under the XDG directories: its login, its store, its settings.

`$XDG_DATA_HOME/nightjar/PROFILE/` (0700) holds `credentials.json` (0600), the stores and the locks;
`$XDG_CONFIG_HOME/nightjar/PROFILE.json` the server of the last login, and what others are told of us.
"""

import hashlib
import json
import os
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_config_path, user_data_path

from mqtt_client.errors import NotLoggedInError, StorageError
from mqtt_client.settings import check_server
from wire.names import is_username

if TYPE_CHECKING:
    from mqtt_client.credentials import Credentials

_FILE_MAX = 1024 * 1024
_DIGEST_CHARACTERS = 12


@dataclass(frozen=True, slots=True)
class Privacy:
    """What others are told of us: how far we have read, whether we are there, and that we are typing."""

    markers: bool = True
    presence: bool = True
    typing: bool = True


@dataclass(frozen=True)
class Profile:
    """Where one profile keeps what."""

    name: str
    data: Path
    settings_file: Path

    @property
    def credentials_file(self) -> Path:
        """The login."""
        return self.data / "credentials.json"

    @property
    def credentials_lock(self) -> Path:
        """Held while the login is refreshed or replaced."""
        return self.data / "credentials.lock"

    @property
    def connection_lock(self) -> Path:
        """Held by the one process that has the profile's MQTT connection."""
        return self.data / "connection.lock"

    @property
    def app_lock(self) -> Path:
        """Held by the one full-screen app of the profile."""
        return self.data / "app.lock"

    @property
    def wakeups(self) -> Path:
        """The processes' pipes."""
        return self.data / "wake"

    def store_file(self, server: str, username: str) -> Path:
        """Name an account's store; it outlives the login, so that what waits in the outbox does too."""
        digest = hashlib.sha256(server.encode()).hexdigest()[:_DIGEST_CHARACTERS]
        return self.data / f"{username}.{digest}.db"

    def other_stores(self, server: str, username: str) -> list[Path]:
        """List the stores that logins of this username under other URLs have left; a store does not say which."""
        digest = "[0-9a-f]" * _DIGEST_CHARACTERS  # the app's copies have a longer name
        return sorted({*self.data.glob(f"{username}.{digest}.db")} - {self.store_file(server, username)})

    def chats_file(self, server: str, username: str) -> Path:
        """Name the app's copy of an account's conversations."""
        return chats_beside(self.store_file(server, username))

    def prepare(self) -> None:
        """Make the directory, for its owner only. Raises StorageError."""
        try:
            self.data.parent.parent.mkdir(parents=True, exist_ok=True)
            self.data.parent.mkdir(mode=0o700, exist_ok=True)
            self.data.mkdir(mode=0o700, exist_ok=True)
            if self.data.stat().st_mode & 0o077:
                self.data.chmod(0o700)
        except OSError as error:
            raise StorageError(
                f"{self.data} cannot be used ({error.strerror}): set XDG_DATA_HOME to where you may write"
            ) from error

    def load(self) -> "Credentials":
        """Read the login. Raises NotLoggedInError when there is none, or none that can be read."""
        try:
            content = _read(self.credentials_file)
        except FileNotFoundError as error:
            raise NotLoggedInError("not logged in", "run `nightjar login USER`") from error
        except OSError as error:
            raise StorageError(f"{self.credentials_file} cannot be read: {error.strerror}") from error
        # The app shows what is stored here before it loads what only a login needs.
        from pydantic import ValidationError  # noqa: PLC0415  # see above

        from mqtt_client.credentials import Credentials  # noqa: PLC0415  # see above

        try:
            return Credentials.model_validate_json(content)
        except ValidationError as error:
            raise NotLoggedInError(f"{self.credentials_file} is damaged", "run `nightjar login USER` again") from error

    def who(self) -> tuple[str, str] | None:
        """Return (server, username) of the login, for what is shown before it is used; None when there is none."""
        try:
            content = json.loads(_read(self.credentials_file))
            server, username = check_server(content["server"]), content["username"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return (server, username) if isinstance(username, str) and is_username(username) else None

    def save(self, credentials: "Credentials") -> None:
        """Replace the login in one step, readable for its owner only. Raises StorageError."""
        self.prepare()
        _write(self.credentials_file, credentials.model_dump_json().encode())

    def forget(self) -> None:
        """Remove the login. Raises StorageError."""
        try:
            self.credentials_file.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"{self.credentials_file} cannot be removed: {error.strerror}") from error

    def remembered_server(self) -> str | None:
        """Return the server of the last login; None when there is none, or the file is damaged."""
        try:
            return check_server(self._settings()["server"])  # type: ignore[arg-type]  # TypeError is met
        except (ValueError, KeyError, TypeError):
            return None

    def remember_server(self, server: str) -> None:
        """Keep the server for the next login. Raises StorageError."""
        self._keep_settings({**self._settings(), "server": server})

    def privacy(self) -> Privacy:
        """Read what others are told of us; everything unless it was switched off."""
        content = self._settings().get("privacy")
        chosen = content if isinstance(content, dict) else {}
        return Privacy(**{each.name: chosen.get(each.name) is not False for each in fields(Privacy)})

    def keep_privacy(self, privacy: Privacy) -> None:
        """Keep what others are told of us. Raises StorageError."""
        self._keep_settings({**self._settings(), "privacy": asdict(privacy)})

    def _settings(self) -> dict[str, object]:
        try:
            content = json.loads(_read(self.settings_file))
        except (OSError, ValueError, RecursionError):
            return {}
        return content if isinstance(content, dict) else {}

    def _keep_settings(self, settings: dict[str, object]) -> None:
        try:
            self.settings_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"{self.settings_file.parent} cannot be used ({error.strerror}): "
                "set XDG_CONFIG_HOME to where you may write"
            ) from error
        _write(self.settings_file, json.dumps(settings).encode())


def chats_beside(store_file: Path) -> Path:
    """Name the app's copy that belongs to a store."""
    return store_file.with_suffix(".chats.db")


def open_profile(name: str) -> Profile:
    """Find a profile's places; nothing is made or read yet. Raises StorageError when there is no home for them."""
    try:
        data = user_data_path("nightjar", appauthor=False)
        config = user_config_path("nightjar", appauthor=False)
    except (OSError, RuntimeError) as error:
        raise StorageError(f"there is no directory for your data: set XDG_DATA_HOME ({error})") from error
    return Profile(name, data / name, config / f"{name}.json")


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            with suppress(OSError):
                path.chmod(0o600)
        return file.read(_FILE_MAX)


def _write(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
