"""A process that ends without taking along what it had started."""

from pathlib import Path

import psutil

from scripts.stack.process import Command, Process
from tests.support.stack import wait_for


def test_what_a_dead_process_left_behind_is_killed_before_the_next_one_starts(tmp_path: Path) -> None:
    """Workers of a REST service whose master was killed hold its port for ten seconds more."""
    number = tmp_path / "number"
    process = Process(Command("parent", ["sh", "-c", f"sleep 1000 & echo $! >{number}; kill -9 $$"], tmp_path / "log"))
    wait_for(lambda: not process.alive(), "it has ended")
    left = psutil.Process(int(number.read_text()))
    assert left.is_running()
    process.sweep()
    wait_for(lambda: not left.is_running() or left.status() == psutil.STATUS_ZOMBIE, "what it left has ended")
    process.sweep()
