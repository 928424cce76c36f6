"""The benchmarks run for real, and a run of a part leaves the results of the last whole run alone."""

import subprocess
import sys

from benchmarks.results import PATH
from scripts.stack.config import ROOT


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run them as `benchmarks/run` does once everything is installed."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=110,
    )


def test_a_quick_group_prints_its_figures_beside_their_ceilings_and_writes_nothing() -> None:
    before = PATH.read_bytes() if PATH.exists() else None
    done = run("connects", "--quick")
    assert (done.returncode, done.stderr) == (0, "")
    assert "connects/s, distinct tokens" in done.stdout
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
