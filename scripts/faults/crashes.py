"""Signs of crashes in the logs of the parts and clients: those that no fault explains have to be none."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from scripts.faults.verdict import Verdict

CRASHED = "crashed without a fault"
TRACEBACK = "traceback in a log"

_TRACEBACK = re.compile(r"Traceback \(most recent call last\)")
_WORKER = re.compile(r"Worker \(pid:(\d+)\) (was sent (?!SIGTERM)\w+|exited with code \d+)")
_BACKEND = re.compile(
    r"PANIC:.*|process \(PID \d+\) (?:was terminated by signal \d+|exited with exit code (?![01]\b)\d+).*"
)
"""A process of the database that ends a connection exits with 0, or with 1 for what it calls fatal."""


class LogWatch:
    """Reads on in logs, from where it stopped. `was_killed` says of a process id whether we killed it."""

    def __init__(self, was_killed: Callable[[int], bool]) -> None:
        self._was_killed = was_killed
        self._read: dict[Path, int] = {}
        self.verdict = Verdict()

    def look(self, logs: Mapping[str, Path], during: str, excused: Iterable[str] = ()) -> None:
        """Count what the logs of the named programs have had to say since; those of `excused` may have crashed."""
        for name, log in logs.items():
            for line in self._news(log):
                self._judge(name, line, during, is_excused=name in excused)

    def _judge(self, name: str, line: str, during: str, *, is_excused: bool) -> None:
        where = f"{name}, during {during}"
        if name == "postgres":
            found = _BACKEND.search(line)
            if found and not is_excused:
                self.verdict.add(CRASHED, f"{where}: {found[0]}")
            return
        worker = _WORKER.search(line)
        if worker and not self._was_killed(int(worker[1])):
            self.verdict.add(CRASHED, f"{where}: {worker[0]}")
        if _TRACEBACK.search(line):
            self.verdict.add(TRACEBACK, where)

    def _news(self, log: Path) -> Iterable[str]:
        if not log.exists():
            return
        with log.open("rb") as file:
            file.seek(self._read.get(log, 0))
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read[log] = self._read.get(log, 0) + len(line)
                yield line.decode(errors="replace").rstrip()
