"""System users for servers that must not run as root, when root starts them."""

import pwd
import subprocess
from pathlib import Path

from scripts.stack.errors import StackError


def ensure_user(name: str) -> None:
    """Make a system user without a login, if there is none of that name."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        made = subprocess.run(
            ["useradd", "--system", "--no-create-home", name], check=False, capture_output=True, text=True
        )
        if made.returncode:
            raise StackError(f"the system user {name} cannot be made: {made.stderr.strip()}") from None


def let_through(directory: Path) -> None:
    """Let other users pass through (not list) a directory and all above it, as a server's user has to."""
    for path in (directory, *directory.parents):
        mode = path.stat().st_mode
        if not mode & 0o001:
            path.chmod(mode | 0o001)
