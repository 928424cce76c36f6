"""Names: usernames, device ids, client ids, group ids and titles people choose (contract, section 1)."""

import re
import unicodedata
from collections.abc import Callable

USERNAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{2,31}$"
RESERVED_USERNAMES = frozenset({"archiver", "api", "admin", "all", "me"})
DEVICE_ID_PATTERN = r"^[a-z2-7]{10}$"
GROUP_ID_PATTERN = r"^g[a-z2-7]{12}$"
TOMBSTONE_PATTERN = r"^deleted-[a-z2-7]{10}$"
"""Usernames of deleted accounts. Nobody can register one."""
LOBBY = "globby2222222"
"""The group that is there from the start."""
DISPLAY_NAME_MAX = 64
"""Characters of a display name or a device name."""
TITLE_MAX = 128
"""Characters of a group's title."""
INSTANCE_PATTERN = r"^[A-Za-z0-9_-]{1,32}$"
"""Names of an archiver among several; its client id is that of a device of this name."""

_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_USERNAME = re.compile(USERNAME_PATTERN.removesuffix("$") + r"\Z", re.ASCII)
_DEVICE_ID = re.compile(DEVICE_ID_PATTERN.removesuffix("$") + r"\Z", re.ASCII)
_GROUP_ID = re.compile(GROUP_ID_PATTERN.removesuffix("$") + r"\Z", re.ASCII)
_TOMBSTONE = re.compile(TOMBSTONE_PATTERN.removesuffix("$") + r"\Z", re.ASCII)
_INSTANCE = re.compile(INSTANCE_PATTERN.removesuffix("$") + r"\Z", re.ASCII)


def is_username(text: str) -> bool:
    """Whether the text has the form of a username; reserved ones have it too."""
    return _USERNAME.match(text) is not None


def is_tombstone(text: str) -> bool:
    """Whether the text has the form of a deleted account's username."""
    return _TOMBSTONE.match(text) is not None


def is_device_id(text: str) -> bool:
    """Whether the text has the form of a device id."""
    return _DEVICE_ID.match(text) is not None


def is_group_id(text: str) -> bool:
    """Whether the text has the form of a group id."""
    return _GROUP_ID.match(text) is not None


def is_instance(text: str) -> bool:
    """Whether the text has the form of an archiver instance's name."""
    return _INSTANCE.match(text) is not None


def new_device_id(choose: Callable[[str], str]) -> str:
    """Make a device id; `choose` picks one character of a text (`secrets.choice`)."""
    return "".join(choose(_ID_ALPHABET) for _ in range(10))


def new_tombstone(choose: Callable[[str], str]) -> str:
    """Make a username for a deleted account; `choose` picks one character of a text (`secrets.choice`)."""
    return "deleted-" + "".join(choose(_ID_ALPHABET) for _ in range(10))


def new_group_id(choose: Callable[[str], str]) -> str:
    """Make a group id; `choose` picks one character of a text (`secrets.choice`)."""
    return "g" + "".join(choose(_ID_ALPHABET) for _ in range(12))


def client_id(username: str, device_id: str) -> str:
    """Name the one MQTT client id that a device's token is good for."""
    return f"{username}.{device_id}"


def is_shown_name(text: str, longest: int) -> bool:
    """Whether a display name, device name or title is at most `longest` characters, none a control character.

    Control characters here are Unicode's Cc, line and paragraph separators, and unpaired surrogates.
    """
    return len(text) <= longest and not any(
        unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in text
    )
