"""Connections a second that the broker accepts, each with a valid token of its own that it has not seen before.

The ceiling: the same CONNECT packets at the same broker without the plugin.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks.bench import Bench
from benchmarks.cpu import CpuMeter
from benchmarks.figure import Figure, Goal, Round, compare
from benchmarks.load.runs import Run
from benchmarks.load.storm import Storm, connect_all
from benchmarks.mqtt import Login
from benchmarks.stacks import BROKER_AND_API, LiveStack
from benchmarks.workers import Done, Worker

_GENERATORS = 2


def measure(bench: Bench) -> list[Figure]:
    """Measure with and without the plugin, in turn."""
    count = bench.scaled(3000, 600)
    with bench.stack(parts=BROKER_AND_API) as stack, bench.plain_broker() as plain:
        logins = _distinct(stack, count * bench.rounds)
        runs = []
        for number in range(bench.rounds):
            some = logins[number * count : (number + 1) * count]
            ours = _storm(stack.port, stack.pid("broker"), some)
            theirs = _storm(plain.port, plain.pid, some)
            bench.say(f"   round {number + 1}: {ours.rate:,.0f}/s, without plugin {theirs.rate:,.0f}/s")
            runs.append((ours, theirs))
    rounds = [Round(ours.rate, theirs.rate) for ours, theirs in runs]
    note = f"{runs[-1][0].limit}. Without: {runs[-1][1].limit}."
    return [compare("connects/s, distinct tokens", "a second", "without plugin", rounds, Goal(0.5, 0.8), note=note)]


def _distinct(stack: LiveStack, count: int) -> list[Login]:
    return [login for number in range(0, count, 1000) for login in stack.devices(f"crowd{number}", 1000)][:count]


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
