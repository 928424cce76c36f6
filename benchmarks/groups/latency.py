"""How long a message takes at 100 a second: until its receipt, and until its receiver has it.

Receipts have as their ceiling one INSERT with its COMMIT of such a row in the same Postgres, at the same pace.
Delivery is compared between the broker with the plugin and the same broker without; the archiver is away then, so that
the plugin is all that differs. Delivery in the whole product is given too.
"""

from collections.abc import Callable, Sequence

from benchmarks import queries
from benchmarks.bench import Bench
from benchmarks.figure import Figure, Goal, Round, compare
from benchmarks.load.pace import Pace, time_messages
from benchmarks.stacks import Account, LiveStack
from benchmarks.statistics import percentile
from benchmarks.workers import Worker
from wire.topics import archived, inbox, own_inbox_filter

_RATE = 100.0
_MILLI = 1000.0
Times = list[float]


def measure(bench: Bench) -> list[Figure]:
    """Measure each beside its ceiling, in turn."""
    count = bench.scaled(600, 200)
    with bench.stack() as stack, bench.plain_broker() as plain:
        alice, bobby = stack.accounts(["alice", "bobby"])
        receipts = _in_turn(
            bench,
            "receipt",
            lambda: _receipts(stack, alice, bobby, count),
            lambda: queries.commit_times(stack.database_url, count, _RATE),
        )
        whole = _in_turn(
            bench,
            "delivery, whole product",
            lambda: _deliveries(stack.port, alice, bobby, count),
            lambda: _deliveries(plain.port, alice, bobby, count),
        )
        with stack.without_archiver():
            plugin = _in_turn(
                bench,
                "delivery, broker alone",
                lambda: _deliveries(stack.port, alice, bobby, count),
                lambda: _deliveries(plain.port, alice, bobby, count),
            )
    commit, without = "one single-row COMMIT", "without plugin"
    return [
        _figure("publish to receipt, p50", commit, receipts, 0.5, Goal(3.0, 1.5)),
        _figure("publish to receipt, p99", commit, receipts, 0.99, Goal(5.0, 3.0)),
        _figure("delivery, p50", without, plugin, 0.5, Goal(1.1, 1.0)),
        _figure("delivery, p99", without, plugin, 0.99, Goal(1.1, 1.0)),
        _figure("delivery with the archiver, p50", f"{without} and archiver", whole, 0.5, Goal()),
        _figure("delivery with the archiver, p99", f"{without} and archiver", whole, 0.99, Goal()),
    ]


def _in_turn(
    bench: Bench, name: str, ours: Callable[[], Times], ceiling: Callable[[], Times]
) -> list[tuple[Times, Times]]:
    rounds = []
    for number in range(bench.rounds):
        rounds.append((ours(), ceiling()))
        said = [
            f"{percentile(times, 0.5) * _MILLI:.2f} / {percentile(times, 0.99) * _MILLI:.2f}" for times in rounds[-1]
        ]
        bench.say(f"   {name}, round {number + 1}: p50 / p99 {said[0]} ms, ceiling {said[1]} ms")
    return rounds


def _figure(name: str, ceiling: str, rounds: Sequence[tuple[Times, Times]], share: float, goal: Goal) -> Figure:
    pairs = [Round(percentile(ours, share) * _MILLI, percentile(theirs, share) * _MILLI) for ours, theirs in rounds]
    return compare(f"{name}, 100 msg/s", "ms", ceiling, pairs, goal, kind="lower")


def _receipts(stack: LiveStack, alice: Account, bobby: Account, count: int) -> Times:
    topic = inbox(bobby.username, alice.username)
    return _timed(Pace(stack.port, alice.login, topic, alice.login, [(archived(alice.username), 0)], count, _RATE))


def _deliveries(port: int, alice: Account, bobby: Account, count: int) -> Times:
    topic = inbox(bobby.username, alice.username)
    return _timed(Pace(port, alice.login, topic, bobby.login, [(own_inbox_filter(bobby.username), 1)], count, _RATE))


def _timed(job: Pace) -> Times:
    with Worker[Times](time_messages, job) as worker:
        worker.wait_ready()
        worker.go()
        return worker.result()
