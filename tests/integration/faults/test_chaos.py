"""`scripts/chaos` as people run it: a real run, and one that is interrupted."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from scripts.faults.isolation import why_not_isolated
from scripts.stack.config import ROOT
from tests.support.stack import wait_for

MESSAGES, KILLS = 10_000, 5
REMOVALS = 3
FAULTS = 5 * KILLS + 5 + REMOVALS


@contextmanager
def chaos(log: Path, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run it beside the test; it is interrupted at the end if it still runs."""
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", "scripts.faults", *arguments], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=120)


def processes_of(directory: Path) -> list[str]:
    """List what runs with the run's directory in its command line or environment."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(str(directory) in word for word in words):
            found.append(" ".join(process.cmdline()))
    return found


@pytest.mark.xdist_group("chaos")
@pytest.mark.timeout(900)
def test_nothing_is_lost_while_everything_is_killed_frozen_cut_off_and_wiped(reachable_directory: Path) -> None:
    """10,000 messages, each part killed five times; cutting a network and filling a disk need root."""
    log = reachable_directory / "log"
    arguments = ["--messages", str(MESSAGES), "--kills", str(KILLS), "--seed", "3"]
    with chaos(log, *arguments, "--keep", str(reachable_directory / "run")) as process:
        status = process.wait(timeout=850)
    said = log.read_text()
    last = said.splitlines()[-1]
    found = re.match(r"nothing lost: (\d+) sent, \1 stored; ", last)
    assert found, said
    assert int(found[1]) >= MESSAGES, "as many as were asked for, and what was written anew and stored yet"
    assert status == 0
    if why_not_isolated() is None:
        assert f"; {FAULTS} faults, {KILLS} kills of each part, seed 3, " in last
        assert "NOT DONE" not in said
    else:
        assert "NOT DONE: cut" in last, "what was left out is not kept quiet"


@pytest.mark.xdist_group("chaos")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_interrupted_leaves_no_process_and_no_mount_behind(
    reachable_directory: Path, number: signal.Signals
) -> None:
    if number == signal.SIGKILL and why_not_isolated() is not None:
        pytest.skip("without namespaces nobody is left to clear up")
    log, directory = reachable_directory / "log", reachable_directory / "run"
    with chaos(log, "--messages", "100000", "--kills", "1", "--keep", str(directory)) as process:
        wait_for(lambda: "all parts, 5 clients and the paging readers run" in log.read_text(), "it runs", 180)
        process.send_signal(number)
        status = process.wait(timeout=120)
    assert status == (-number if number == signal.SIGKILL else 130), log.read_text()
    wait_for(lambda: processes_of(directory) == [], "all its processes have ended", 60)
    assert str(directory) not in Path("/proc/mounts").read_text()


@pytest.mark.xdist_group("chaos")
def test_a_run_that_is_not_over_in_time_ends_by_itself_and_has_failed(reachable_directory: Path) -> None:
    log, directory = reachable_directory / "log", reachable_directory / "run"
    arguments = ["--messages", "100000", "--kills", "1", "--minutes", "0.05", "--keep", str(directory)]
    with chaos(log, *arguments) as process:
        assert process.wait(timeout=100) == 1, log.read_text()
    assert log.read_text().splitlines()[-1].startswith("FAILED: not over after 0.1 minutes"), log.read_text()
    wait_for(lambda: processes_of(directory) == [], "all its processes have ended", 60)


def test_a_directory_that_is_there_already_is_refused_in_one_line(reachable_directory: Path) -> None:
    log = reachable_directory / "log"
    with chaos(log, "--keep", str(reachable_directory)) as process:
        assert process.wait(timeout=120) == 1
    assert log.read_text().splitlines()[-1].startswith(f"scripts/chaos: {reachable_directory} cannot be made ")
