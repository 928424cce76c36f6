"""A program that has started others clears up, however often it is told to end."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scripts.stack.config import ROOT

PROGRAM = """
from scripts.stack.interrupts import interrupt_once
interrupt_once()
try:
    print("runs", flush=True)
    print("goes on" if input() else "", flush=True)
    input()
except KeyboardInterrupt:
    print("clears up", flush=True)
    input()
    print("cleared up", flush=True)
"""
WITHIN_EXEC = """
import os, signal, sys
from scripts.stack.interrupts import interrupt_once
interrupt_once()
try:
    exec("os.kill(os.getpid(), signal.{name})")
except KeyboardInterrupt:
    sys.exit(130)
"""


@contextmanager
def program(*before: str) -> Iterator["subprocess.Popen[str]"]:
    """Run it; it waits for a line before each step."""
    argv = [*before, sys.executable, "-c", PROGRAM]
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert said(child) == "runs"
        yield child


def said(child: "subprocess.Popen[str]") -> str:
    """Read a line."""
    assert child.stdout
    return child.stdout.readline().strip()


def let_go_on(child: "subprocess.Popen[str]") -> None:
    """Write a line."""
    assert child.stdin
    child.stdin.write("on\n")
    child.stdin.flush()


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_interrupts_and_no_other_keeps_it_from_clearing_up(first: signal.Signals) -> None:
    with program() as child:
        child.send_signal(first)
        assert said(child) == "clears up"
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            child.send_signal(number)
        let_go_on(child)
        assert said(child) == "cleared up"
    assert child.returncode == 0


def test_a_hang_up_under_nohup_does_not_interrupt() -> None:
    with program("sh", "-c", 'trap "" HUP; exec "$@"', "sh") as child:
        child.send_signal(signal.SIGHUP)
        let_go_on(child)
        assert said(child) == "goes on"
        child.send_signal(signal.SIGTERM)
        assert said(child) == "clears up"
        let_go_on(child)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_the_exit_status_stays_also_when_the_signal_came_within_exec(name: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(WITHIN_EXEC.format(name=name))
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = subprocess.run([sys.executable, "-m", "program"], check=False, cwd=tmp_path, env=environment)
    assert done.returncode == 130
