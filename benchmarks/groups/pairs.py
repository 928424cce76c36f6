"""Stored messages a second with 1,000 senders and 1,000 receivers, all connected and receiving.

Every sender writes to a receiver of its own and gets its archive receipts; every receiver gets its messages at QoS 1
and its receipts. The ceiling: the same broker, senders and receivers without the archiver.
"""

from benchmarks.bench import Bench
from benchmarks.figure import Figure, Goal, Round, compare
from benchmarks.groups.throughput import parts_of
from benchmarks.load.receivers import Receiving
from benchmarks.load.runs import Run, run_load
from benchmarks.load.senders import Sending
from benchmarks.stacks import LiveStack
from benchmarks.workers import new_counter
from wire.topics import archived, inbox, own_inbox_filter

_PAIRS = 1000
_WINDOW = 10
"""Messages that a sender is ahead of the proof of arrival; all together more than the archiver takes at once."""


def measure(bench: Bench) -> list[Figure]:
    """Measure ours and the ceiling, and again."""
    pairs, each = bench.scaled(_PAIRS, 200), bench.scaled(50, 25)
    with bench.stack() as stack:
        load = _Pairs(stack, pairs)
        load.run(each=2, receipts=True)  # the conversations are made

        def one_round() -> tuple[Run, Run]:
            archived = load.run(each, receipts=True)
            with stack.without_archiver():
                bare = load.run(each, receipts=False)
            bench.say(f"   {archived.rate:,.0f}/s, without archiver {bare.rate:,.0f}/s")
            return archived, bare

        ours, without = zip(*bench.each_round(one_round), strict=True)
    rounds = [Round(our.rate, their.rate) for our, their in zip(ours, without, strict=True)]
    note = f"{ours[-1].limit}. Ceiling: {without[-1].limit}."
    name = f"stored messages/s, {pairs:,} senders and {pairs:,} receivers"
    return [compare(name, "msg/s", "the same pairs, no archiver", rounds, Goal(0.3, 0.5), note=note)]


class _Pairs:
    def __init__(self, stack: LiveStack, count: int) -> None:
        names = [f"{side}{number:04}" for side in ("sender", "reader") for number in range(count)]
        accounts = stack.accounts(names)
        self._stack = stack
        self._senders, self._readers = accounts[:count], accounts[count:]

    def run(self, each: int, *, receipts: bool) -> Run:
        pairs = zip(self._senders, self._readers, strict=True)
        senders = [(sender.login, [inbox(reader.username, sender.username)]) for sender, reader in pairs]
        sending = Sending(self._stack.port, senders, each, _WINDOW, receipts)
        readers = [
            (reader.login, [(own_inbox_filter(reader.username), 1), (archived(reader.username), 0)])
            for reader in self._readers
        ]
        receiving = Receiving(self._stack.port, readers, each * len(senders))
        parts = parts_of(self._stack, "broker", *(["archiver", "postgres"] if receipts else []))
        return run_load(sending, parts, new_counter(), receiving)
