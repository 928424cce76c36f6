"""CPU time of the parts, so that one can see what limits."""

import time
from collections.abc import Mapping

import psutil


class CpuMeter:
    """Reads the CPU time of processes and their children, from its making on."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        """Take the process id of each part, by its name."""
        self._pids = pids
        self._began = {name: cpu_seconds(pid) for name, pid in pids.items()}
        self._since = time.monotonic()

    def used(self) -> dict[str, float]:
        """Return the CPU seconds of each part since the beginning."""
        return {name: cpu_seconds(pid) - self._began[name] for name, pid in self._pids.items()}


class StolenTime:
    """Reads how much of the cores' time the machine's host gave to others, from its making on (Linux)."""

    def __init__(self) -> None:
        self._began = psutil.cpu_times()

    def share(self) -> float:
        """Return the share of all time of all cores since the beginning."""
        passed = [now - before for now, before in zip(psutil.cpu_times(), self._began, strict=True)]
        named = dict(zip(self._began._fields, passed, strict=True))
        whole = sum(named.values()) - named["guest"] - named["guest_nice"]  # which are within user and nice
        return float(named["steal"] / whole) if whole > 0 else 0.0


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process, its live children, and those children that have ended; 0 when it is gone."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    total = 0.0
    for member in family:
        try:
            times = member.cpu_times()
        except psutil.NoSuchProcess:
            continue  # it ended between the two looks; its parent has its time from now on
        total += times.user + times.system + times.children_user + times.children_system
    return total


def where_the_limit_is(used: Mapping[str, float], seconds: float, messages: int, unit: str = "message") -> str:
    """Say what each part took: microseconds of CPU a message (or other `unit`), and how much of one core. Pure."""
    parts = [
        f"{name} {cpu / messages * 1e6:.0f} µs ({cpu / seconds:.0%} of a core)"
        for name, cpu in sorted(used.items(), key=lambda pair: -pair[1])
    ]
    return f"CPU a {unit}: {', '.join(parts)}"
