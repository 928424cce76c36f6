"""The benchmarks run for real, and a run of a part leaves the results of the last whole run alone."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from benchmarks.results import PATH
from scripts.stack.config import ROOT
from tests.support.directories import open_directory
from tests.support.stack import wait_for

pytestmark = pytest.mark.timeout(300)
"""Each starts a whole stack; a busy machine takes its time over that."""


def environment() -> dict[str, str]:
    """Return what the benchmarks run with: they are not covered, and their forks would quarrel about the record."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE_"))}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run them as `benchmarks/run` does once everything is installed."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(),
        timeout=280,
    )


def test_a_quick_group_prints_its_figures_beside_their_ceilings_and_writes_nothing() -> None:
    before = PATH.read_bytes() if PATH.exists() else None
    done = run("connects", "--quick")
    assert (done.returncode, done.stderr) == (0, "")
    assert "connects/s, tokens the broker has seen" in done.stdout
    assert "connects/s, distinct tokens (first connect)" in done.stdout
    assert "without plugin" in done.stdout
    assert "CPU a connection: " in done.stdout
    assert (PATH.read_bytes() if PATH.exists() else None) == before


def test_a_group_that_does_not_exist_is_refused_in_one_line() -> None:
    done = run("nonsense")
    assert (done.returncode, done.stderr) == (2, "benchmarks/run: there is no group nonsense\n")


def test_the_groups_are_listed() -> None:
    done = run("--list")
    assert done.returncode == 0
    assert "throughput" in done.stdout


def test_an_interrupted_run_ends_in_one_line_and_leaves_nothing_behind() -> None:
    with open_directory() as directory:
        child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks", "connects", "--quick"],
            cwd=ROOT,
            env={**environment(), "TMPDIR": str(directory)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_for(lambda: any(directory.glob("*/1/log/api.log")), "the API is started", timeout=200)
        assert running_in(directory)
        child.send_signal(signal.SIGTERM)
        _, said = child.communicate(timeout=60)
        assert (child.returncode, said) == (130, "benchmarks/run: interrupted, everything is stopped\n")
        assert running_in(directory) == []
        assert list(directory.iterdir()) == []


def running_in(directory: Path) -> list[str]:
    """Name the processes that were started with a path below a directory, or work there."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(str(directory) in text for text in (*process.cmdline(), process.cwd())):
                found.append(process.name())
        except psutil.Error:
            continue
    return found
