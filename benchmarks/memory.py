"""Memory that processes hold."""

import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self

import psutil

from benchmarks.errors import BenchmarkError

MIB = 1024 * 1024
_SAMPLE_SECONDS = 0.5


@dataclass(frozen=True)
class Memory:
    """In bytes. `pss` shares out what several processes hold together, so that a sum over processes is right;
    `rss` counts it in each. `own` is the part of `pss` that lies in no file, swapped out or not: it depends on nobody
    else, while a file's pages are shared out among all who use that file just now.
    """

    pss: int
    rss: int
    own: int

    def __add__(self, other: "Memory") -> "Memory":
        return Memory(self.pss + other.pss, self.rss + other.rss, self.own + other.own)


def memory_of(pid: int) -> Memory:
    """Add up a process and its children; a child that has just ended holds nothing.

    Raises BenchmarkError when the process is gone, or when it or a child may not be read.
    """
    try:
        process = psutil.Process(pid)
        total = _held_by(process)
        for child in process.children(recursive=True):
            with suppress(FileNotFoundError, ProcessLookupError):
                total += _held_by(child)
    except (psutil.NoSuchProcess, OSError) as error:
        raise BenchmarkError(f"the memory of process {pid} cannot be read: {error}") from None
    return total


def _held_by(process: psutil.Process) -> Memory:
    return read_smaps(Path(f"/proc/{process.pid}/smaps_rollup").read_text())


def read_smaps(text: str) -> Memory:
    """Read a smaps_rollup. Pure."""
    found = {name: int(kib) * 1024 for name, kib in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)}
    return Memory(found.get("Pss", 0), found.get("Rss", 0), found.get("Pss_Anon", 0) + found.get("SwapPss", 0))


def memory_by_part(pids: Mapping[str, int]) -> dict[str, Memory]:
    """Read the memory of each part."""
    return {name: memory_of(pid) for name, pid in pids.items()}


def total(parts: Mapping[str, Memory]) -> Memory:
    """Add parts up."""
    return sum(parts.values(), Memory(0, 0, 0))


def in_words(parts: Mapping[str, Memory]) -> str:
    """Name each part's memory, in MiB. Pure."""
    return ", ".join(f"{name} {memory.pss / MIB:.0f} (RSS {memory.rss / MIB:.0f})" for name, memory in parts.items())


class Sampler:
    """Reads a process's PSS every half second, beside a progress; use it as a context manager."""

    def __init__(self, pid: int, progress: Callable[[], int]) -> None:
        self._pid = pid
        self._progress = progress
        self._ended = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self.samples: list[tuple[int, int]] = []
        """Progress and bytes."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            due += _SAMPLE_SECONDS
            try:
                self.samples.append((self._progress(), memory_of(self._pid).pss))
            except BenchmarkError:
                return  # it has ended; who waits for its work hears of that
