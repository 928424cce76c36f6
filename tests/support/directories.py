"""Temporary directories that the system users of the database and the broker can reach.

pytest closes its own to all others whenever another pytest starts as the same user, a nested one too.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def open_directory() -> Iterator[Path]:
    """Make a directory with a short path (sockets have to fit in it), which is removed afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="nightjar-test-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory)
