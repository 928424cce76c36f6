"""System users for servers that must not run as root, when root starts them."""

import fcntl
import os
import pwd
import subprocess
from pathlib import Path

from scripts.stack.errors import StackError

_LOCK = Path("/run/nightjar-users.lock")
"""Held by who looks for a user and makes it: of two `useradd` at once the second replaces the user of the first."""


def ensure_user(name: str) -> None:
    """Make a system user without a login, if there is none of that name. Raises StackError."""
    if _is_there(name):
        return
    try:
        descriptor = os.open(_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StackError(f"the system user {name} cannot be made: {error}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if not _is_there(name):
            _make(name)
    finally:
        os.close(descriptor)


def _is_there(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _make(name: str) -> None:
    made = subprocess.run(
        ["useradd", "--system", "--no-create-home", name], check=False, capture_output=True, text=True
    )
    if made.returncode:
        raise StackError(f"the system user {name} cannot be made: {made.stderr.strip()}")


def let_through(directory: Path) -> None:
    """Let other users pass through (not list) a directory and all above it, as a server's user has to."""
    for path in (directory, *directory.parents):
        mode = path.stat().st_mode
        if not mode & 0o001:
            path.chmod(mode | 0o001)
