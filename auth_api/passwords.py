"""Passwords: which are allowed, how they are hashed, and that a wrong one costs as much as an unknown user."""

import secrets
from collections.abc import Iterable
from contextlib import AbstractContextManager
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Protocol

from werkzeug.security import check_password_hash, generate_password_hash

from auth_api.errors import FieldError, InvalidInputError


class HashSlots(Protocol):
    """Whatever bounds how many hashes are computed at once."""

    def taken(self) -> AbstractContextManager[None]:
        """Wait for a slot and hold it."""


class PasswordPolicy:
    """What a new password must be. Lengths are in characters (Unicode code points)."""

    def __init__(self, shortest: int, longest: int, refused: Iterable[str]) -> None:
        self.shortest = shortest
        self.longest = longest
        self._refused = frozenset(password.casefold() for password in refused)

    def check(self, password: str, field: str) -> None:
        """Raise InvalidInputError naming `field` when the password is not allowed."""
        if not self.shortest <= len(password) <= self.longest:
            raise InvalidInputError(FieldError(field, f"must have {self.shortest} to {self.longest} characters"))
        if password.casefold() in self._refused:
            raise InvalidInputError(FieldError(field, "is one of the most used passwords; choose another"))


def most_used_passwords(count: int) -> list[str]:
    """Return the most used passwords, by zxcvbn's ranking.

    The module with the lists is loaded alone and not kept: the package would hold 12 MB of other lists for ever.
    """
    package = find_spec("zxcvbn")
    folder = Path(package.origin or "").parent if package else Path()
    found = spec_from_file_location("frequency_lists", folder / "frequency_lists.py")
    if found is None or found.loader is None:
        raise ImportError("zxcvbn has no frequency lists", name="zxcvbn")
    lists = module_from_spec(found)
    found.loader.exec_module(lists)
    ranked: list[str] = lists.FREQUENCY_LISTS["passwords"]
    return ranked[:count]


class PasswordHasher:
    """Hashes and verifies with werkzeug, `method` being its name of the method (`scrypt:32768:8:3`)."""

    def __init__(self, method: str, slots: HashSlots) -> None:
        self._method = method
        self._slots = slots
        self._nobody = f"{method}${secrets.token_urlsafe(12)[:16]}${'0' * 128}"

    def hash(self, password: str) -> str:
        """Hash a password with a new salt."""
        with self._slots.taken():
            return generate_password_hash(password, self._method)

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password is the one; without a stored hash it costs the same and is never true."""
        with self._slots.taken():
            right = check_password_hash(stored or self._nobody, password)
        return right and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made with another method than today's."""
        return stored.partition("$")[0] != self._method
