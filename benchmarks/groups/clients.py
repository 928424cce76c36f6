"""5,000 clients connected at once: the broker's memory for each, and how long until each has got a message."""

import resource

from benchmarks.bench import Bench
from benchmarks.errors import BenchmarkError
from benchmarks.figure import Figure, Goal, alone
from benchmarks.groups.throughput import parts_of
from benchmarks.load.receivers import Receiving, receive
from benchmarks.load.runs import run_workers
from benchmarks.load.senders import Sending, send
from benchmarks.memory import memory_of
from benchmarks.stacks import Account, LiveStack
from benchmarks.workers import Done, Worker, new_counter
from wire.topics import archived, inbox, own_inbox_filter

_CLIENTS = 5000
_SENDERS = 10
SPARE_FILES = 200


def measure(bench: Bench) -> list[Figure]:
    """Connect all, send each a message, several times."""
    count = bench.scaled(_CLIENTS, 1000)
    demand_open_files(count + SPARE_FILES)
    with bench.stack() as stack:
        senders = stack.accounts([f"sender{number:04}" for number in range(_SENDERS)])
        readers = stack.accounts([f"reader{number:04}" for number in range(count)])

        kib = []

        def take() -> float:
            taken, each = _to_everybody(stack, senders, readers)
            kib.append(each)  # of each attempt: the very first is the one that counts
            bench.say(f"   a message to each in {taken:.2f} s")
            return taken

        seconds = bench.each_round(take)
    memory_note = (
        "memory (PSS) of the broker with all connected, less that without; later rounds use what the first left"
    )
    return [
        alone(f"{count:,} connected clients, memory of each", "KiB", kib[:1], Goal(), kind="lower", note=memory_note),
        alone(f"{count:,} connected clients, a message to each within", "s", seconds, Goal(1.0), kind="lower"),
    ]


def demand_open_files(count: int) -> None:
    """Raise BenchmarkError if a process may not have so many files open."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed < count:
        raise BenchmarkError(f"{count} open files are needed, {allowed} are allowed: run `ulimit -Hn {count}` as root")


def _to_everybody(stack: LiveStack, senders: list[Account], readers: list[Account]) -> tuple[float, float]:
    """Return the seconds until all have got a message, and the broker's KiB a client."""
    topics = [
        [inbox(reader.username, sender.username) for reader in readers[number :: len(senders)]]
        for number, sender in enumerate(senders)
    ]
    each = len(topics[0])
    sending = Sending(
        stack.port,
        [(sender.login, some) for sender, some in zip(senders, topics, strict=True)],
        each,
        window=each,
        receipts=False,
    )
    filters = [[(own_inbox_filter(reader.username), 1), (archived(reader.username), 0)] for reader in readers]
    logins = [reader.login for reader in readers]
    receiving = Receiving(stack.port, list(zip(logins, filters, strict=True)), len(readers))
    counter, before = new_counter(), memory_of(stack.pid("broker")).pss
    with Worker[Done](receive, receiving, counter) as receivers, Worker[Done](send, sending, counter) as publishers:
        receivers.wait_ready()
        publishers.wait_ready()
        held = memory_of(stack.pid("broker")).pss - before
        run = run_workers({"receivers": receivers, "senders": publishers}, parts_of(stack, "broker", "archiver"))
    return run.seconds, held / len(readers) / 1024
