"""The parsers under libFuzzer, for a bounded time: `NIGHTJAR_FUZZ_SECONDS=600` runs each for ten minutes."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.stack.broker import SOURCE

SECONDS = int(os.environ.get("NIGHTJAR_FUZZ_SECONDS", "8"))
TARGETS = ["token", "verified", "filter", "control"]


@pytest.fixture(scope="session")
def fuzzers() -> Path:
    """Compile the fuzzers."""
    assert shutil.which("clang"), "the fuzzers need clang: apt-get install clang libclang-rt-dev"
    build = SOURCE / "build" / "fuzz"
    build.mkdir(parents=True, exist_ok=True)
    # Others of this run need them too: one builds, and nobody runs a file that is still being written.
    with (build / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = subprocess.run(
            ["make", "-C", str(SOURCE), f"BUILD={build}", "fuzzers"], check=False, capture_output=True, text=True
        )
    hint = "libFuzzer's runtime is missing: apt-get install libclang-rt-dev" if "libclang_rt" in made.stderr else ""
    assert made.returncode == 0, f"{made.stdout}{made.stderr}\n{hint}"
    return build


@pytest.mark.timeout(SECONDS * 2 + 120)
@pytest.mark.parametrize("target", TARGETS)
def test_nothing_breaks_the_parsers(fuzzers: Path, tmp_path: Path, target: str) -> None:
    """No input crashes them, leaks, or makes a fast answer differ from the slow and obvious one."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    ran = subprocess.run(
        [
            str(fuzzers / f"fuzz_{target}"),
            f"-max_total_time={SECONDS}",
            "-timeout=60",
            "-max_len=4096",
            "-print_final_stats=1",
            str(corpus),
            str(SOURCE / "fuzz" / "seeds" / target),
        ],
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stderr[-6000:]
    assert _runs(ran.stderr) > 1000


def _runs(output: str) -> int:
    """Read how many inputs were tried."""
    line = next(line for line in output.splitlines() if line.startswith("stat::number_of_executed_units"))
    return int(line.rpartition(" ")[2])
