"""`python -m scripts.stack [--detach|--status|--stop]`: what `scripts/up` calls once everything is installed."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from scripts.stack.config import ROOT, config_from_environment
from scripts.stack.errors import StackError
from scripts.stack.record import Record, Running, read_record
from scripts.stack.stack import Stack
from scripts.stack.supervisor import Supervisor, record_path, stop_orphans


def main(arguments: Sequence[str]) -> int:
    """Run one command; 0 done (`--status`: all run), 1 failed, 2 usage."""
    parser = argparse.ArgumentParser(prog="scripts/up", description="Run Nightjar on this machine.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--detach", action="store_true", help="leave it running in the background")
    choice.add_argument("--stop", action="store_true", help="stop what runs in the background")
    choice.add_argument("--status", action="store_true", help="print a line a part: name, process id, state")
    chosen = parser.parse_args(arguments)
    try:
        stack = Stack(config_from_environment())
        if chosen.status:
            return _status(stack)
        if chosen.stop:
            return _stop(stack)
        return _detach(stack) if chosen.detach else _foreground(stack)
    except StackError as error:
        print(f"scripts/up: {error}", file=sys.stderr)
        return 1
    finally:
        _forget_unsaid()


def _say(line: str) -> None:
    with suppress(OSError):  # the terminal may be gone; that must not keep anything from being stopped
        print(line, flush=True)


def _forget_unsaid() -> None:
    """Drop what a terminal that is gone did not take: the interpreter would try again, and end with status 120."""
    try:
        print(end="", flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _foreground(stack: Stack) -> int:
    supervisor = Supervisor(stack, _say)
    supervisor.run(lambda: _say(_what_next(stack)))
    return 0


def _detach(stack: Stack) -> int:
    if _supervised(stack):
        _say("Nightjar runs here already:")
        return _status(stack)
    log = stack.config.state / "log" / "supervisor.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "scripts.stack"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return _follow(stack, child, log)


def _follow(stack: Stack, child: subprocess.Popen[bytes], log: Path) -> int:
    """Show what the supervisor says until all is ready or it has ended."""
    with log.open(errors="replace") as lines:
        while True:
            ended, record = child.poll(), read_record(record_path(stack))
            for line in lines:
                print(line, end="", flush=True)
            if ended is not None:
                return 1
            if record and record.ready and record.supervisor.pid == child.pid:
                return 0
            time.sleep(0.1)


def _supervised(stack: Stack) -> Record | None:
    record = read_record(record_path(stack))
    return record if record and record.supervisor.process() else None


def _status(stack: Stack) -> int:
    record = read_record(record_path(stack))
    supervised = _supervised(stack) is not None
    found = {part.name: part for part in record.parts} if record else {}
    states = [_state(found.get(part.name), supervised=supervised) for part in stack.parts()]
    for part, (pid, state) in zip(stack.parts(), states, strict=True):
        shown = "degraded" if part.name == "api" and state == "running" and stack.readiness() == "degraded" else state
        _say(f"{part.name:<11} {pid:>7} {shown}")
    return 0 if all(state == "running" for _, state in states) else 1


def _state(part: Running | None, *, supervised: bool) -> tuple[str, str]:
    """Say a part's process id and state: running, left behind, restarting or stopped."""
    if part is not None and part.process():
        return str(part.pid), "running" if supervised else "left-behind"
    return "-", "restarting" if part is not None and supervised else "stopped"


def _stop(stack: Stack) -> int:
    record = _supervised(stack)
    supervisor = record.supervisor.process() if record else None
    if supervisor is None:
        if not stop_orphans(record_path(stack), _say):
            _say("Nightjar does not run here.")
        return 0
    supervisor.terminate()
    deadline = time.monotonic() + 150
    while _supervised(stack):
        if time.monotonic() > deadline:
            raise StackError(f"process {supervisor.pid} did not end")
        time.sleep(0.05)
    _say("Nightjar has stopped.")
    return 0


def _what_next(stack: Stack) -> str:
    command = os.path.relpath(ROOT / ".venv" / "bin" / "nightjar")
    elsewhere = stack.server_url != "http://127.0.0.1:8080"
    server = f"  export NIGHTJAR_SERVER={stack.server_url}\n" if elsewhere else ""
    return f"""
Nightjar is ready: REST at {stack.server_url} (its page: {stack.server_url}/docs), MQTT at {stack.config.mqtt}.
Next:
{server}\
  {command} --profile alice register alice
  {command} --profile bob register bob
  {command} --profile bob tail                      in one terminal
  {command} --profile alice send bob 'Hello!'       in another

Stop it with ./scripts/up --stop (or Ctrl-C here); see it with ./scripts/up --status.
All state is in {stack.config.state}."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
