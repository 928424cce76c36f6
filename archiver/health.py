"""The health file: rewritten every second by the archiver, read by `python -m archiver health`."""

import asyncio
import json
import logging
import os
import time
from pathlib import Path

from archiver.errors import SettingsError
from archiver.status import State, Status

FRESH_SECONDS = 5.0
_EVERY_SECONDS = 1.0
_LOG = logging.getLogger("archiver")


def prepare(path: Path) -> None:
    """See that the file can be written. Raises SettingsError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, "starting")
    except OSError as error:
        raise SettingsError(f"NIGHTJAR_ARCHIVER_HEALTH_FILE: {path} cannot be written: {error.strerror}") from None


def write(path: Path, state: State) -> None:
    """Replace the file as a whole. Raises OSError."""
    made = path.with_name(f".{path.name}.{os.getpid()}")
    made.write_text(json.dumps({"state": state, "at": time.time(), "pid": os.getpid()}) + "\n")
    made.replace(path)


async def keep_writing(path: Path, status: Status) -> None:
    """Write the state every second. A disk that is full makes the file stale, which says enough."""
    failed = False
    while True:
        try:
            write(path, status.state)
            failed = False
        except OSError as error:
            if not failed:
                _LOG.warning("the health file cannot be written: %s", error.strerror)
            failed = True
        await asyncio.sleep(_EVERY_SECONDS)


def read(path: Path, now: float) -> tuple[bool, str]:
    """Say whether the archiver is ready at Unix time `now`, and its state in a few words."""
    try:
        content = json.loads(path.read_text())
        state, at = str(content["state"]), float(content["at"])
    except OSError:
        return False, "not running"
    except (ValueError, TypeError, KeyError):
        return False, "the health file cannot be read"
    if not 0 <= now - at < FRESH_SECONDS:
        return False, "not running: the health file is old"
    return state == "ready", state
