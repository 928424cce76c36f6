"""Connections a second that the broker accepts: with tokens that it has seen before, and with new ones.

The ceiling: the same CONNECT packets at the same broker without the plugin.
"""

import itertools
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from benchmarks.bench import Bench
from benchmarks.cpu import CpuMeter
from benchmarks.figure import Figure, Goal, Round, compare
from benchmarks.load.runs import Run
from benchmarks.load.storm import Storm, connect_all
from benchmarks.mqtt import Login
from benchmarks.stacks import BROKER_AND_API, LiveStack
from benchmarks.workers import Done, Worker

_GENERATORS = 2
_AGAIN = 3
"""How often each connects when it is quick: else there is too little to measure."""
_GOAL = Goal(0.5, 0.8)
_FIRST = (
    "One check of an ES256 signature by OpenSSL costs the broker's one thread more than all the rest of a CONNECT,"
    " and each token needs one, the first time"
)


@dataclass(frozen=True)
class _Runs:
    """One round: the same logins, first unknown to the broker, then known, and at the broker without the plugin."""

    first: Run
    seen: Run
    plain: Run


def measure(bench: Bench) -> list[Figure]:
    """Measure with and without the plugin, in turn."""
    count = bench.scaled(3000, 600)
    with bench.stack(parts=BROKER_AND_API) as stack, bench.plain_broker() as plain:
        crowds = map(partial(_distinct, stack, count), itertools.count())

        def one_round() -> _Runs:
            some = next(crowds)
            first = _storm(stack.port, stack.pid("broker"), some)
            seen = _storm(stack.port, stack.pid("broker"), some * _AGAIN)
            theirs = _storm(plain.port, plain.pid, some * _AGAIN)
            bench.say(f"   seen {seen.rate:,.0f}/s, first {first.rate:,.0f}/s, without plugin {theirs.rate:,.0f}/s")
            return _Runs(first, seen, theirs)

        runs = bench.each_round(one_round)
    last = runs[-1]
    return [
        _figure(
            "tokens the broker has seen", [Round(each.seen.rate, each.plain.rate) for each in runs], last.seen, last
        ),
        _figure(
            "distinct tokens (first connect)",
            [Round(each.first.rate, each.plain.rate) for each in runs],
            last.first,
            last,
            _FIRST,
        ),
    ]


def _figure(of: str, rounds: Sequence[Round], ours: Run, last: _Runs, why: str = "") -> Figure:
    note = f"{ours.limit}. Without: {last.plain.limit}." + (f" {why}." if why else "")
    return compare(f"connects/s, {of}", "a second", "without plugin", rounds, _GOAL, note=note)


def _distinct(stack: LiveStack, count: int, crowd: int) -> list[Login]:
    """Make logins of users of their own."""
    names = [f"crowd{crowd}x{number}" for number in range(0, count, 1000)]
    return [login for name in names for login in stack.devices(name, 1000)][:count]


def _storm(port: int, pid: int, logins: Sequence[Login]) -> Run:
    with ExitStack() as stack:
        workers = [
            stack.enter_context(Worker[Done](connect_all, Storm(port, logins[number::_GENERATORS])))
            for number in range(_GENERATORS)
        ]
        for worker in workers:
            worker.wait_ready()
        meter, began = CpuMeter({"broker": pid}), time.monotonic()
        for worker in workers:
            worker.go()
        done = [worker.result() for worker in workers]
        used = meter.used()
    seconds = max(each.ended for each in done) - began
    return Run(len(logins), seconds, {**used, "clients": sum(each.cpu for each in done)}, unit="connection")
