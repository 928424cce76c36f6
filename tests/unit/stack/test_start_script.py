"""The script that starts the broker in its container, as far as it goes without one."""

import os
import subprocess
from pathlib import Path

import pytest

from scripts.stack.broker import SOURCE


@pytest.mark.parametrize("name", ["NIGHTJAR_BROKER_QUEUE_MESSAGES", "NIGHTJAR_BROKER_QUEUE_BYTES"])
@pytest.mark.parametrize("value", ["0", "999", "-5000", "abc", "01000", "5000\nallow_anonymous true", "5000 "])
def test_a_queue_limit_that_is_no_number_of_at_least_1000_ends_it_before_the_broker_starts(
    tmp_path: Path, name: str, value: str
) -> None:
    started = subprocess.run(
        ["bash", str(SOURCE / "start.sh")],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, name: value},
    )
    assert (started.returncode, started.stderr) == (2, f"{name}: must be a number of at least 1000\n")
