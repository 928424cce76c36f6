"""Namespaces of a run's own: what it starts, mounts and links cannot outlive it, however it ends.

The run is a child in namespaces of processes, mounts and the network. Its standard input is a pipe that we hold: when
we end, also by kill -9, it reads the end and clears up; and the kernel ends whatever is left with its first process.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from scripts.stack.interrupts import ending_signals

_PROGRAMS = ("unshare", "nsenter", "ip", "mount")
_UNSHARE = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
_FIRST_PROCESS = ("sh", "-c", 'exec 3<&0; "$@" <&3 3<&- & wait "$!"', "sh")
"""The first process of a namespace has to wait for orphans; a shell does."""
_PATIENCE_SECONDS = 90.0
INSIDE = "--inside"


def why_not_isolated() -> str | None:
    """Say why there can be no namespaces; None when there can."""
    if os.geteuid() != 0:
        return "needs root"
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"needs {' and '.join(missing)} (Debian: mount util-linux iproute2)"
    tried = subprocess.run([*_UNSHARE, "true"], check=False, capture_output=True, text=True)
    return f"needs namespaces: {tried.stderr.strip()}" if tried.returncode else None


def run_isolated(arguments: Sequence[str], seconds: float) -> int:
    """Run ourselves again inside; return the exit status. Ctrl-C, SIGTERM and a hang-up end the run in good order.

    What has not ended after `seconds` by itself, as it should have, is killed.
    """
    child = subprocess.Popen(
        [*_UNSHARE, *_FIRST_PROCESS, sys.executable, "-m", "scripts.faults", INSIDE, *arguments],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    pipe = child.stdin

    def end(_number: int, _frame: FrameType | None) -> None:
        if pipe:
            pipe.close()

    for number in ending_signals():
        signal.signal(number, end)
    try:
        status = child.wait(seconds)
    except subprocess.TimeoutExpired:
        print("FAILED: the run did not end by itself and was killed", flush=True)
        child.kill()
        child.wait()
        return 1
    return status if status >= 0 else 1


def end_with_parent() -> None:
    """Be interrupted when whoever runs us has ended, or says so; killed when that does not help."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGINT)
        threading.Timer(_PATIENCE_SECONDS, os._exit, [1]).start()

    threading.Thread(target=watch, daemon=True).start()
