"""How long a message takes at 100 a second: until its receipt, and until its receiver has it.

Receipts have as their ceiling one INSERT with its COMMIT of such a row in the same Postgres, at the same pace. Disks
and machines change from second to second, so the two take turns of some seconds, several in a round.

Delivery is compared between the broker with the plugin and the same broker without; the archiver is away then, so that
the plugin is all that differs, and the two take turns message by message. Delivery in the whole product is given too.
There archiver and database would be in the other broker's way as well, so it is measured in turns again.
"""

from collections.abc import Callable, Sequence
from itertools import chain, cycle

from benchmarks import queries
from benchmarks.bench import Bench
from benchmarks.figure import Figure, Goal, Round, compare
from benchmarks.load.pace import Pace, time_messages
from benchmarks.stacks import Account
from benchmarks.statistics import percentile
from benchmarks.workers import Worker
from wire.topics import archived, inbox, own_inbox_filter

_RATE = 100.0
_TURN = 200
"""Messages of a side before it is the other's turn."""
_MILLI = 1000.0
Times = list[float]


def measure(bench: Bench) -> list[Figure]:
    """Measure each beside its ceiling, in turn."""
    turns, turn = bench.scaled(8, 1), _TURN
    with bench.stack() as stack, bench.plain_broker() as plain:
        alice, bobby = stack.accounts(["alice", "bobby"])
        receipts = _in_turn(
            bench,
            "receipt",
            turns,
            lambda: _timed([_receipt(stack.port, alice, bobby, turn)])[0],
            lambda: queries.commit_times(stack.database_url, turn, _RATE),
        )
        whole = _in_turn(
            bench,
            "delivery, whole product",
            turns,
            lambda: _timed([_delivery(stack.port, alice, bobby, turn)])[0],
            lambda: _timed([_delivery(plain.port, alice, bobby, turn)])[0],
        )
        with stack.without_archiver():
            plugin = _side_by_side(
                bench, [_delivery(port, alice, bobby, turns * turn) for port in (stack.port, plain.port)]
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
    bench: Bench, name: str, count: int, ours: Callable[[], Times], ceiling: Callable[[], Times]
) -> list[tuple[Times, Times]]:
    """Measure rounds of several turns each; who begins changes from turn to turn."""

    def one_turn() -> tuple[Times, Times]:
        first_ours = next(whose)
        if first_ours:
            return ours(), ceiling()
        theirs = ceiling()
        return ours(), theirs

    whose = cycle((True, False))
    rounds = []
    for _ in range(bench.rounds):
        turns = [bench.undisturbed(one_turn) for _ in range(count)]
        both = tuple(list(chain.from_iterable(times)) for times in zip(*turns, strict=True))
        rounds.append((both[0], both[1]))
        _say(bench, name, rounds[-1])
    return rounds


def _side_by_side(bench: Bench, jobs: Sequence[Pace]) -> list[tuple[Times, Times]]:
    def one_round() -> tuple[Times, Times]:
        if next(whose):
            ours, ceiling = _timed(jobs)
        else:
            ceiling, ours = _timed(jobs[::-1])
        _say(bench, "delivery, broker alone", (ours, ceiling))
        return ours, ceiling

    whose = cycle((True, False))
    return bench.each_round(one_round)


def _say(bench: Bench, name: str, both: tuple[Times, Times]) -> None:
    """Say what a round brought."""
    said = [f"{percentile(times, 0.5) * _MILLI:.2f} / {percentile(times, 0.99) * _MILLI:.2f}" for times in both]
    bench.say(f"   {name}: p50 / p99 {said[0]} ms, ceiling {said[1]} ms")


def _figure(name: str, ceiling: str, rounds: Sequence[tuple[Times, Times]], share: float, goal: Goal) -> Figure:
    pairs = [Round(percentile(ours, share) * _MILLI, percentile(theirs, share) * _MILLI) for ours, theirs in rounds]
    return compare(f"{name}, 100 msg/s", "ms", ceiling, pairs, goal, kind="lower")


def _receipt(port: int, alice: Account, bobby: Account, count: int) -> Pace:
    topic = inbox(bobby.username, alice.username)
    return Pace(port, alice.login, topic, alice.login, [(archived(alice.username), 0)], count, _RATE)


def _delivery(port: int, alice: Account, bobby: Account, count: int) -> Pace:
    topic = inbox(bobby.username, alice.username)
    return Pace(port, alice.login, topic, bobby.login, [(own_inbox_filter(bobby.username), 1)], count, _RATE)


def _timed(jobs: Sequence[Pace]) -> list[Times]:
    with Worker[list[Times]](time_messages, jobs) as worker:
        worker.wait_ready()
        worker.go()
        return worker.result()
