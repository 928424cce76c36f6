"""Ending in good order."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.stack.config import ROOT

_PROGRAM = """
import os, signal, sys
from scripts.stack.interrupts import interrupt_once
interrupt_once()
try:
    exec("os.kill(os.getpid(), signal.{name})")
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_the_exit_status_stays_also_when_the_signal_came_within_exec(name: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(_PROGRAM.format(name=name))
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = subprocess.run([sys.executable, "-m", "program"], check=False, cwd=tmp_path, env=environment)
    assert done.returncode == 130
