"""Which of several archivers this one is: its number, held by a locked file for as long as the process lives.

The files of each number are made by `python -m auth_api service-token archiver` beside each other: the token
`{file}.{number}`, which is replaced whenever a new one is made, and `{file}.{number}.lock`, which never is. A lock
needs no right to write, so the directory may be mounted read-only; it ends with the process, however that ends.
"""

import fcntl
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from archiver.errors import SettingsError
from archiver.settings import AUTO, FIRST, Credentials, Settings, read_credentials
from wire.names import client_id, is_instance

_LOCK_VARIABLE = "NIGHTJAR_ARCHIVER_TOKEN_FILE"


@dataclass(frozen=True, slots=True)
class Instance:
    """One archiver among those that share the work; `lock` is the locked file of a number that was taken, or None."""

    name: str
    token_file: Path
    lock: int | None = None

    @property
    def client_id(self) -> str:
        """The MQTT client id, and so the name of the session that the broker keeps."""
        return client_id("archiver", self.name)

    @property
    def stays_subscribed(self) -> bool:
        """Whether the broker goes on gathering for it while it is away: so for all but the numbers after the first."""
        return self.name == FIRST or not self.name.isdigit()

    def credentials(self) -> Credentials:
        """Read its token. Raises SettingsError."""
        return read_credentials(self.token_file, self.client_id)

    def release(self) -> None:
        """Give the number back."""
        if self.lock is not None:
            os.close(self.lock)


def choose(settings: Settings, number: str | None = None) -> Instance:
    """Return the configured instance; with `auto` the lowest number that is free, or `number`. Raises SettingsError."""
    if settings.archiver_instance != AUTO:
        if number not in {None, settings.archiver_instance}:
            raise SettingsError(f"NIGHTJAR_ARCHIVER_INSTANCE: is {settings.archiver_instance}, not {number}")
        return Instance(settings.archiver_instance, settings.archiver_token_file)
    if number is not None and not is_instance(number):
        raise SettingsError(f"NIGHTJAR_ARCHIVER_INSTANCE: {number!r} is no number")
    wanted = [number] if number else [str(each) for each in range(1, settings.archivers_most + 1)]
    taken = _take_first(settings.archiver_token_file, wanted)
    if taken is None:
        most = settings.archivers_most
        busy = f"number {number} is" if number else f"all {most} numbers (NIGHTJAR_ARCHIVERS_MOST) are"
        raise SettingsError(f"NIGHTJAR_ARCHIVER_INSTANCE: {busy} taken by archivers that run")
    return taken


def take(settings: Settings, number: str) -> Instance | None:
    """Take a number if it is free; None when another archiver has it. Raises SettingsError."""
    return _take_first(settings.archiver_token_file, [number])


def _take_first(token_file: Path, numbers: Iterable[str]) -> Instance | None:
    for number in numbers:
        token = token_file.with_name(f"{token_file.name}.{number}")
        lock = _lock(token.with_name(f"{token.name}.lock"))
        if lock is not None:
            return Instance(number, token, lock)
    return None


def _lock(path: Path) -> int | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise SettingsError(f"{_LOCK_VARIABLE}: {path} cannot be opened: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError as error:
        os.close(descriptor)
        raise SettingsError(f"{_LOCK_VARIABLE}: {path} cannot be locked: {error.strerror}") from None
    return descriptor
