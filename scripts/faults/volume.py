"""A file system of a size of its own, in memory, and filling it up."""

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from scripts.faults.errors import FaultsError

_CHUNK = 1024 * 1024
_KEPT_FREE = 4096


class Volume:
    """A tmpfs of `size` bytes on a directory. It needs root, and goes with the mount namespace that it is made in."""

    def __init__(self, directory: Path, size: int) -> None:
        self._directory = directory
        self._ballast = directory / "ballast"
        directory.mkdir(parents=True, exist_ok=True)
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "none", str(directory)],
            check=False,
            capture_output=True,
            text=True,
        )
        if mounted.returncode:
            raise FaultsError(f"{directory} cannot be made a file system of its own: {mounted.stderr.strip()}")

    def fill(self) -> None:
        """Write until there is no space left."""
        descriptor = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            for size in (_CHUNK, _KEPT_FREE):
                with suppress(OSError):  # it is full: that is the point
                    while os.write(descriptor, bytes(size)) == size:
                        pass
        finally:
            os.close(descriptor)

    def empty(self) -> None:
        """Give the space back."""
        self._ballast.unlink(missing_ok=True)

    def unmount_kept(self) -> None:
        """Take the file system away, and leave the files that were in it; pipes are none."""
        kept = self._directory.with_name(f"{self._directory.name}.kept")
        shutil.copytree(self._directory, kept, ignore=shutil.ignore_patterns("*.pipe", "*.new"))
        self.unmount()
        self._directory.rmdir()
        kept.rename(self._directory)

    def unmount(self) -> None:
        """Take the file system away."""
        subprocess.run(["umount", "--lazy", str(self._directory)], check=False, capture_output=True)
