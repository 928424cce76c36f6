"""The broker with the plugin beside the same broker without: messages from one to one and from one to a hundred.

The archiver is not running. Everything is QoS 1.
"""

from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.bench import Bench
from benchmarks.figure import Figure, Goal, Round, compare
from benchmarks.load.receivers import Receiving
from benchmarks.load.runs import Run, run_load
from benchmarks.load.senders import Sending
from benchmarks.mqtt import Login
from benchmarks.stacks import BROKER_AND_API
from benchmarks.workers import new_counter
from wire.topics import inbox, own_inbox_filter

_GOAL = Goal(0.9, 1.0)
_TURNS = 3
"""Short turns in each round: the machine's speed changes within seconds, by more than is looked for."""
Broker = tuple[int, int]
"""Port and process id."""


def measure(bench: Bench) -> list[Figure]:
    """Measure with and without the plugin, in turn."""
    with bench.stack(parts=BROKER_AND_API) as stack, bench.plain_broker() as plain:
        alice = stack.accounts(["alice"])[0].login
        devices = stack.devices("bobby", 100)
        one, many = bench.scaled(20_000, 15_000), bench.scaled(400, 300)
        brokers = [(stack.port, stack.pid("broker")), (plain.port, plain.pid)]
        figures = []
        for name, readers, count, window in [("1 to 1", devices[:1], one, 1000), ("1 to 100", devices, many, 40)]:
            take = partial(_turn, bench, name, brokers, partial(_run, alice, readers, count, window), len(readers))
            runs = bench.each_round(take, _TURNS)
            figures.append(_figure(f"delivered messages/s, {name}", runs, len(readers)))
    return figures


def _turn(
    bench: Bench, name: str, brokers: Sequence[Broker], run: Callable[[Broker], Run], readers: int
) -> Sequence[Run]:
    runs = [run(broker) for broker in brokers]
    rates = [f"{run.rate * readers:,.0f}/s" for run in runs]
    bench.say(f"   {name}: {rates[0]}, without plugin {rates[1]}")
    return runs


def _run(sender: Login, readers: Sequence[Login], count: int, window: int, broker: Broker) -> Run:
    port, pid = broker
    sending = Sending(port, [(sender, [inbox("bobby", "alice")])], count, window, receipts=False)
    filters = [(own_inbox_filter("bobby"), 1)]
    receiving = Receiving(port, [(reader, filters) for reader in readers], count * len(readers))
    return run_load(sending, {"broker": pid}, new_counter(), receiving)


def _figure(name: str, runs: Sequence[Sequence[Run]], readers: int) -> Figure:
    rounds = [Round(ours.rate * readers, theirs.rate * readers) for ours, theirs in runs]
    last = runs[-1]
    note = f"{last[0].limit}. Without: {last[1].limit}."
    return compare(name, "msg/s", "without plugin", rounds, _GOAL, note=note)
