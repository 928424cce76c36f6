"""Ledgers: what a process did, line by line, each written in one call of the kernel before or as it happens.

A process that is killed has written all that it did. What the machine loses in a power cut is not of interest here.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path


def digest(body: bytes) -> str:
    """Name a body by its content."""
    return blake2b(body, digest_size=16).hexdigest()


STORED, REFUSED = "stored", "refused"
"""How a message left the outbox."""
_TORN = "torn"
_TAIL_BYTES = 65536


class Ledger:
    """Appends lines of fields; no field holds a tab or a line feed."""

    def __init__(self, path: Path) -> None:
        """Open the file, made when missing. A line that a kill has torn is ended first, and marked."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        size = os.fstat(self._descriptor).st_size
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            os.write(self._descriptor, f"\t{_TORN}\n".encode())

    def write(self, *fields: str | int) -> None:
        """Append one line."""
        self.write_all([fields])

    def write_all(self, lines: Iterable[Sequence[str | int]]) -> None:
        """Append lines in one call."""
        os.write(self._descriptor, "".join("\t".join(map(str, fields)) + "\n" for fields in lines).encode())

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def read_ledger(path: Path) -> Iterator[list[str]]:
    """Read a ledger's lines as fields, but none that a kill has torn; none when there is no file."""
    if path.exists():
        with path.open("rb") as lines:
            yield from _whole(lines)


def read_tail(path: Path, most: int = _TAIL_BYTES) -> Iterator[list[str]]:
    """Read the whole lines among the last bytes of a ledger: however long a run, its processes begin as fast."""
    if path.exists():
        with path.open("rb") as lines:
            start = max(0, path.stat().st_size - most)
            if start:
                lines.seek(start - 1)
                lines.readline()
            yield from _whole(lines)


def _whole(lines: Iterable[bytes]) -> Iterator[list[str]]:
    for line in lines:
        fields = line.decode(errors="replace").removesuffix("\n").split("\t")
        if line.endswith(b"\n") and fields[-1] != _TORN:
            yield fields
