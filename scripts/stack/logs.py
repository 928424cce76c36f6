"""Logs of the parts: kept to a size, without the parts' doing."""

import shutil
from pathlib import Path

LOG_BYTES = 16 * 1024 * 1024


def keep_short(log: Path, most: int = LOG_BYTES) -> None:
    """Move what a log holds to `….1` once it is longer than `most` bytes.

    Its writer goes on with the same file: it appends, so that it writes at the new end.
    """
    if log.exists() and log.stat().st_size > most:
        shutil.copyfile(log, log.with_name(f"{log.name}.1"))
        with log.open("r+b") as file:
            file.truncate()
