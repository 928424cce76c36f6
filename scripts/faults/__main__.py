"""`scripts/chaos [--messages N] [--kills K] [--seed S]`: kill everything in turn, and count what was lost."""

import argparse
import math
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from scripts.faults.errors import FaultsError
from scripts.faults.isolation import INSIDE, end_with_parent, run_isolated, why_not_isolated
from scripts.faults.limit import Limit
from scripts.faults.report import Result, report_lines
from scripts.faults.run import Run
from scripts.faults.schedule import make_schedule, steps_of
from scripts.stack.errors import StackError
from scripts.stack.interrupts import interrupt_once

_SLOWEST_MESSAGES_A_SECOND = 100
_SLOWEST_START_SECONDS = 300
_PATIENCE = 3.0
_COUNTING = 0.1
_LEAVING_SECONDS = 120.0
"""After the limit, for ending everything."""


def main(arguments: Sequence[str]) -> int:
    """Run; 0 nothing was lost, 1 something was or it could not be found out, 2 usage, 130 interrupted."""
    options = _parser().parse_args(arguments)
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    if options.print_schedule:
        for number, each in enumerate(make_schedule(seed, options.kills), 1):
            busy = "everybody writes as fast as possible" if each.is_busy else "people write"
            print(f"round {number} after {each.pause:.2f} s, {busy}")
            print("\n".join(f"  {step.number} {step}" for step in each.steps))
        return 0
    if not options.inside:
        reason = why_not_isolated()
        if reason is None:
            return run_isolated([*_without_seed(arguments), "--seed", str(seed)], _limit(options) + _LEAVING_SECONDS)
        print(f"NOT DONE in this run: cutting a network, and filling the database's disk: {reason}", flush=True)
    interrupt_once()
    if options.inside:
        end_with_parent()
    try:
        return _run(options, seed)
    except (FaultsError, StackError) as error:
        print(f"scripts/chaos: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("scripts/chaos: interrupted", file=sys.stderr)
        return 130


def _limit(options: argparse.Namespace) -> float:
    """Return after how many seconds the run ends, however far it is."""
    minutes: float | None = options.minutes
    if minutes is not None:
        return minutes * 60.0
    expected = sum(each.expected_seconds for each in make_schedule(0, options.kills))
    messages: int = options.messages
    return _SLOWEST_START_SECONDS + _PATIENCE * expected + messages / _SLOWEST_MESSAGES_A_SECOND


def _run(options: argparse.Namespace, seed: int) -> int:
    rounds, limit = make_schedule(seed, options.kills), _limit(options)
    expected = sum(each.expected_seconds for each in rounds)
    deadline = time.monotonic() + limit * (1 - _COUNTING)
    run = Run(options.messages, seed, rounds, deadline, options.inside, _say, keep=options.keep is not None)
    _say(
        f"{options.messages} messages, {len(steps_of(rounds))} faults, seed {seed};"
        f" the faults alone take about {expected / 60:.0f} minutes, and after {limit / 60:.1f} the run ends in any case"
    )
    over = f"FAILED: not over after {limit / 60:.1f} minutes"

    def give_up() -> None:
        _say(f"{over}, and not to be interrupted ({run.progress.doing if run.progress else 'starting'})")
        if run.world:
            run.world.keeper.kill_all()

    with Limit(limit, give_up) as watch:
        try:
            result = _made(run, options.keep)
        except KeyboardInterrupt:
            if not watch.is_over:
                raise
            _say(f"{over}: {run.progress.line() if run.progress else 'it did not start'}")
            return 1
    print("\n".join(["", *report_lines(result, seed, options.kills)]), flush=True)
    return 0 if result.good else 1


def _made(run: Run, keep: Path | None) -> Result:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="nightjar-chaos-") as name:
            return run.make(Path(name))
    try:
        keep.mkdir(parents=True)
    except OSError as error:
        raise FaultsError(f"{keep} cannot be made a new directory: {error.strerror}") from error
    return run.make(keep.resolve())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/chaos",
        description="Kill, freeze, cut off and wipe the parts of Nightjar while people write; count what was lost.",
        epilog="Cutting a network and filling a disk need root. A run with the same seed strikes in the same order.",
    )
    parser.add_argument("--messages", type=_positive, default=2000, metavar="N", help="how many are sent (2000)")
    parser.add_argument("--kills", type=_natural, default=1, metavar="K", help="how often each part is killed (1)")
    parser.add_argument("--seed", type=_natural, metavar="S", help="of the schedule; it is printed by every run")
    parser.add_argument(
        "--minutes", type=_minutes, metavar="M", help="after which the run ends in any case, and has failed"
    )
    parser.add_argument("--print-schedule", action="store_true", help="say what the seed means, and do nothing")
    parser.add_argument(
        "--keep", type=Path, metavar="DIRECTORY", help="keep ledgers, stores and logs in a new directory"
    )
    parser.add_argument(INSIDE, action="store_true", help=argparse.SUPPRESS)
    return parser


def _without_seed(arguments: Sequence[str]) -> list[str]:
    """Drop the seed that was given: the one that is used is handed on instead."""
    kept: list[str] = []
    given = iter(arguments)
    for argument in given:
        if argument == "--seed":
            next(given, None)
        elif not argument.startswith("--seed="):
            kept.append(argument)
    return kept


def _natural(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no number")
    return int(text)


def _positive(text: str) -> int:
    if not _natural(text):
        raise argparse.ArgumentTypeError("at least 1")
    return int(text)


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no time")
    return minutes


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
