"""`scripts/chaos [--messages N] [--kills K] [--seed S]`: kill everything in turn, and count what was lost."""

import argparse
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from scripts.faults.errors import FaultsError
from scripts.faults.isolation import INSIDE, end_with_parent, run_isolated, why_not_isolated
from scripts.faults.report import report_lines
from scripts.faults.run import Run
from scripts.faults.schedule import make_schedule
from scripts.stack.errors import StackError
from scripts.stack.interrupts import interrupt_once

_SLOWEST_MESSAGES_A_SECOND = 50
_SLOWEST_START_SECONDS = 600
_PATIENCE = 4.0


def main(arguments: Sequence[str]) -> int:
    """Run; 0 nothing was lost, 1 something was or it could not be found out, 2 usage, 130 interrupted."""
    options = _parser().parse_args(arguments)
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    if options.print_schedule:
        for step in make_schedule(seed, options.kills):
            print(f"{step.number} {step}")
        return 0
    if not options.inside:
        reason = why_not_isolated()
        if reason is None:
            return run_isolated([*_without_seed(arguments), "--seed", str(seed)])
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


def _run(options: argparse.Namespace, seed: int) -> int:
    steps = make_schedule(seed, options.kills)
    expected = sum(step.expected_seconds for step in steps)
    longest = _SLOWEST_START_SECONDS + _PATIENCE * expected + options.messages / _SLOWEST_MESSAGES_A_SECOND
    run = Run(options.messages, seed, steps, time.monotonic() + longest, options.inside, _say)
    _say(f"{options.messages} messages, {len(steps)} faults, seed {seed}; about {expected / 60:.0f} minutes")
    if options.keep is None:
        with tempfile.TemporaryDirectory(prefix="nightjar-chaos-") as name:
            result = run.make(Path(name))
    else:
        try:
            options.keep.mkdir(parents=True)
        except OSError as error:
            raise FaultsError(f"{options.keep} cannot be made a new directory: {error.strerror}") from error
        result = run.make(options.keep.resolve())
    print("\n".join(["", *report_lines(result, seed, options.kills)]), flush=True)
    return 0 if result.good else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/chaos",
        description="Kill, freeze, cut off and wipe the parts of Nightjar while people write; count what was lost.",
        epilog="Cutting a network and filling a disk need root. A run with the same seed strikes in the same order.",
    )
    parser.add_argument("--messages", type=_positive, default=2000, metavar="N", help="how many are sent (2000)")
    parser.add_argument("--kills", type=_natural, default=1, metavar="K", help="how often each part is killed (1)")
    parser.add_argument("--seed", type=_natural, metavar="S", help="of the schedule; it is printed by every run")
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


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
