"""Mosquitto with the plugin: building it, and the directory it runs in."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

from scripts.stack.config import QueueLimits
from scripts.stack.errors import StackError
from scripts.stack.ports import accepts
from scripts.stack.process import Command
from scripts.stack.users import ensure_user, let_through

_SYSTEM_USER = "mosquitto"
"""Debian's package makes it."""

SOURCE = Path(__file__).resolve().parents[2] / "mosquitto"


def build_plugin(build: Path = SOURCE / "build") -> Path:
    """Compile what is out of date and return the plugin's path. Raises StackError with the compiler's words."""
    build.mkdir(parents=True, exist_ok=True)
    with (build / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = subprocess.run(
            ["make", "-C", str(SOURCE), f"BUILD={os.path.relpath(build, SOURCE)}"],  # make takes no path with a space
            check=False,
            capture_output=True,
            text=True,
        )
    if made.returncode:
        raise StackError(f"the broker's plugin cannot be built:\n{made.stdout}{made.stderr}")
    return build / "nightjar_jwt.so"


def find_mosquitto() -> str:
    """Return the broker's path. Raises StackError when it is not installed."""
    found = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if not found:
        raise StackError("mosquitto is not installed: apt-get install mosquitto")
    return found


def write_broker_directory(
    directory: Path, plugin: Path, public_keys: Path, address: str, port: int, *, queue: QueueLimits | None = None
) -> None:
    """Lay out the directory that mosquitto.conf's relative paths point into; without `queue` its own limits hold."""
    for name in ("data", "conf.d"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    (directory / "data").chmod(0o700)
    shutil.copyfile(SOURCE / "mosquitto.conf", directory / "mosquitto.conf")
    _copy_atomically(plugin, directory / "nightjar_jwt.so")
    keys = directory / "keys"
    keys.unlink(missing_ok=True)
    keys.symlink_to(public_keys.resolve())
    user = _unprivileged_user(directory, public_keys)
    (directory / "conf.d" / "listener.conf").write_text(f"listener {port} {address}\n{user}")
    limits = f"max_queued_messages {queue.messages}\nmax_queued_bytes {queue.bytes}\n" if queue else ""
    (directory / "conf.d" / "queue.conf").write_text(limits)


def _unprivileged_user(directory: Path, public_keys: Path) -> str:
    """Say whom root's broker becomes, and give that user what it needs: its data to write, public keys to read."""
    if os.geteuid() != 0:
        return ""
    ensure_user(_SYSTEM_USER)
    for path in (directory, public_keys):
        let_through(path)
    for path in (directory / "data", *(directory / "data").iterdir()):
        shutil.chown(path, _SYSTEM_USER, _SYSTEM_USER)
    return f"user {_SYSTEM_USER}\n"


def broker_command(directory: Path, log: Path) -> Command:
    """Say how the broker of such a directory is run."""
    return Command("broker", [find_mosquitto(), "-c", "mosquitto.conf"], log, cwd=directory)


def broker_ready(address: str, port: int) -> bool:
    """Whether the broker accepts connections; whom it serves is another question."""
    return accepts(address, port)


def _copy_atomically(source: Path, target: Path) -> None:
    """Replace the file as a whole: a running broker keeps the library that it has mapped."""
    partial = target.with_suffix(".new")
    shutil.copyfile(source, partial)
    partial.replace(target)
