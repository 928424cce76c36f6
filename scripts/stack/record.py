"""What runs, written down for `--status`, `--stop` and the next start; believed only as far as the processes agree."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Running:
    """A process as it was when it was started: a process id alone may be another's by now."""

    name: str
    pid: int
    created: float
    state: str

    @staticmethod
    def of(name: str, pid: int, state: str) -> "Running":
        """Describe a live child of ours."""
        return Running(name, pid, psutil.Process(pid).create_time(), state)

    def process(self) -> psutil.Process | None:
        """Return the process if it still is that one."""
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.created) < 1 and found.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return None
        return found if same else None


@dataclass(frozen=True)
class Record:
    """The supervisor and its parts; `ready` once every part has been."""

    supervisor: Running
    parts: Sequence[Running]
    ready: bool


def write_record(path: Path, record: Record) -> None:
    """Write it as a whole, so that a reader never sees half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".new")
    partial.write_text(json.dumps(asdict(record)))
    partial.replace(path)


def read_record(path: Path) -> Record | None:
    """Read the last one; None when there is none."""
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    parts = [Running(**part) for part in content["parts"]]
    return Record(Running(**content["supervisor"]), parts, content["ready"])
