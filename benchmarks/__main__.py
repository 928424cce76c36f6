"""`python -m benchmarks [GROUP…] [--quick] [--rounds N]`: what `benchmarks/run` calls once everything is installed."""

import argparse
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.cpu import StolenTime
from benchmarks.errors import BenchmarkError
from benchmarks.figure import Figure
from benchmarks.groups import GROUPS, group
from benchmarks.machine import describe_machine
from benchmarks.results import PATH, Course, summary, write_results
from benchmarks.stacks import forget_settings
from benchmarks.table import plain_table
from scripts.stack.errors import StackError
from scripts.stack.interrupts import interrupt_once

_ROUNDS, _QUICK_ROUNDS = 5, 1


def main(arguments: Sequence[str]) -> int:
    """Measure; 0 done (whatever the figures are), 1 something could not be measured, 2 usage."""
    chosen = _parser().parse_args(arguments)
    if chosen.list:
        for name, about in GROUPS.items():
            print(f"{name:<12} {about}")
        return 0
    unknown = [name for name in chosen.groups if name not in GROUPS]
    if unknown or chosen.rounds < 0:
        print(f"benchmarks/run: there is no group {unknown[0]}" if unknown else "--rounds: at least 1", file=sys.stderr)
        return 2
    _prepare(chosen.cores)
    directory = Path(tempfile.mkdtemp(prefix="nightjar-benchmark-"))
    directory.chmod(0o711)
    bench = Bench(directory, chosen.quick, chosen.rounds or (_QUICK_ROUNDS if chosen.quick else _ROUNDS), _say)
    status = 1
    try:
        status = _measure(bench, chosen.groups)
    except KeyboardInterrupt:
        print("benchmarks/run: interrupted, everything is stopped", file=sys.stderr)
        status = 130
    finally:
        if chosen.keep or status == 1:
            _say(f"The logs of the parts are in {directory}.")
        else:
            shutil.rmtree(directory, ignore_errors=True)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks/run", description="Measure each figure beside its ceiling.")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help="measure these only, and write no file")
    parser.add_argument("--quick", action="store_true", help="short measurements, for a first look; write no file")
    parser.add_argument("--rounds", type=int, default=0, metavar="N", help="measure figure and ceiling N times in turn")
    parser.add_argument("--cores", type=int, default=0, metavar="N", help="run everything on the first N cores")
    parser.add_argument("--keep", action="store_true", help="leave the logs of the parts")
    parser.add_argument("--list", action="store_true", help="name the groups")
    return parser


def _prepare(cores: int) -> None:
    """Set what every child inherits: the cores it may use, as many open files as allowed, no settings of this shell."""
    forget_settings()
    if cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    interrupt_once()


def _measure(bench: Bench, names: Sequence[str]) -> int:
    """Measure group after group and print the table. A group that cannot be measured does not keep the others away."""
    began, date = time.monotonic(), datetime.now(UTC).strftime("%Y-%m-%d")
    machine = describe_machine(bench.directory, date)
    for name, value in machine.lines():
        _say(f"{name}: {value}")
    figures: list[Figure] = []
    failed = []
    stolen = StolenTime()
    for name in names or GROUPS:
        started, stolen_meanwhile = time.monotonic(), StolenTime()
        _say(f"\n== {name}: {GROUPS[name]}")
        try:
            figures += group(name)(bench)
        except (BenchmarkError, StackError) as error:
            print(f"benchmarks/run: {name}: {error}", file=sys.stderr)
            failed.append(name)
        took = time.monotonic() - started
        _say(f"   took {took:.0f} s; the host gave {stolen_meanwhile.share():.0%} of the cores' time to others")
    minutes = (time.monotonic() - began) / 60
    _say(f"\n{plain_table(figures)}\n\n{summary(figures)}\nIt took {minutes:.1f} minutes.")
    if failed:
        print(f"benchmarks/run: could not be measured: {', '.join(failed)}", file=sys.stderr)
        return 1
    if not names and not bench.quick:
        write_results(figures, machine, Course(minutes, stolen.share(), bench.disturbed))
        _say(f"Written to {PATH}.")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
