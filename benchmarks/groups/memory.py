"""Memory, idle and after 1,000,000 messages, with Postgres away for a part of them; and what the archive takes on disk.

The figure is PSS: what the processes of a program hold together is counted once. RSS is said beside it. All of broker,
API and archiver is in it, gunicorn's workers and whatever the archiver starts, and of Postgres nothing.

Idle is before the first message, when each of the API's workers has answered health checks, as they all have minutes
after a start. Afterwards all has been stored and answered, and nothing waits.
"""

import time
from collections.abc import Sequence

from benchmarks import queries
from benchmarks.bench import Bench
from benchmarks.errors import BenchmarkError
from benchmarks.figure import Figure, Goal, alone
from benchmarks.groups.throughput import Sender, conversations, parts_of
from benchmarks.http import Http
from benchmarks.load.senders import Sending, send
from benchmarks.memory import MIB, Memory, Sampler, in_words, memory_by_part, total
from benchmarks.stacks import Account, LiveStack
from benchmarks.workers import Done, Worker, new_counter

_CONVERSATIONS = 10
_WINDOW = 1000
_REQUESTS = 50
_CHECKS = 100
"""Health checks, each over a connection of its own: with four workers hardly one is left out."""
_PROGRAMS = ("broker", "api", "archiver")
_SETTLE_SECONDS = 10.0
"""Before each of the two readings: the broker gives back every 5 seconds what it does not need any more."""
Parts = dict[str, Memory]


def measure(bench: Bench) -> list[Figure]:
    """Measure once: it is long enough."""
    count = bench.scaled(1_000_000, 30_000)
    with bench.stack() as stack:
        senders = conversations(stack, _CONVERSATIONS)
        reader = stack.accounts(["sender0000"])[0]
        _check_health(stack)
        time.sleep(_SETTLE_SECONDS)
        idle = memory_by_part(parts_of(stack, *_PROGRAMS))
        bench.say(f"   idle, MiB: {in_words(idle)}")
        samples = _send_all(bench, stack, senders, count)
        _ask(stack, reader)
        time.sleep(_SETTLE_SECONDS)
        after = memory_by_part(parts_of(stack, *_PROGRAMS))
        bench.say(f"   after {count:,} messages, MiB: {in_words(after)}")
        stored = queries.stored_messages(stack.database_url)
        if stored != count:
            raise BenchmarkError(f"{stored} messages are stored, {count} were sent")
        whole, table = queries.archive_bytes(stack.database_url)
    return [*_resident(idle, after, count), _growth(samples, count), _stored_bytes(whole, table, count)]


def _send_all(bench: Bench, stack: LiveStack, senders: Sequence[Sender], count: int) -> list[tuple[int, int]]:
    """Send everything; Postgres is away for a while in the middle. Returns progress and the archiver's memory."""
    counter = new_counter()
    job = Sending(stack.port, senders, count // len(senders), _WINDOW, receipts=True, timeout=1800)
    with Worker[Done](send, job, counter) as worker, Sampler(stack.pid("archiver"), lambda: counter.value) as sampler:
        worker.wait_ready()
        worker.go()
        while counter.value < count // 2:
            worker.demand_alive()
            time.sleep(0.1)
        bench.say(f"   {counter.value:,} stored; Postgres goes away")
        stack.stop_part("postgres")
        time.sleep(bench.scaled(10, 3))
        stack.start_part("postgres")
        worker.result(1800)
    return sampler.samples


def _check_health(stack: LiveStack) -> None:
    """Ask as Docker does. What a worker needs for its first answer it needs once, and which ones answered while the
    stack was waited for is chance.
    """
    for _ in range(_CHECKS):
        with Http(stack.server) as http:
            http.get("/readyz")


def _ask(stack: LiveStack, reader: Account) -> None:
    """Have the API do some work too: pages of a long conversation, and the list of conversations."""
    with Http(stack.server, reader.access_token) as http:
        for _ in range(_REQUESTS):
            http.get("/v1/conversations")
            http.get("/v1/messages?limit=200")


def _resident(idle: Parts, after: Parts, count: int) -> list[Figure]:
    before, later = total(idle).pss, total(after).pss
    what = "broker + API + archiver"
    note = f"PSS in MiB: {in_words(after)}"
    return [
        alone(
            f"resident memory, {what}, idle",
            "MiB",
            [before / MIB],
            Goal(200, 120),
            kind="lower",
            note=f"PSS in MiB: {in_words(idle)}",
        ),
        alone(
            f"resident memory after {count:,} messages, against idle",
            "times",
            [later / before],
            Goal(1.1),
            kind="lower",
            note=note,
        ),
    ]


def _growth(samples: Sequence[tuple[int, int]], count: int) -> Figure:
    """Compare the archiver's memory at the end with that once it had worked for a while."""
    begin = [size for progress, size in samples if count * 0.05 <= progress <= count * 0.15]
    end = [size for progress, size in samples if progress >= count * 0.9]
    if not begin or not end:
        raise BenchmarkError("the archiver's memory was read too seldom: send more messages")
    first, last, most = sum(begin) / len(begin), sum(end) / len(end), max(size for _, size in samples)
    note = f"from {first / MIB:.1f} to {last / MIB:.1f} MiB, at most {most / MIB:.1f}; Postgres was away in between"
    name = "archiver's memory, the last tenth of the messages against the first"
    return alone(name, "times", [last / first], Goal(1.1), kind="lower", note=note)


def _stored_bytes(whole: int, table: int, count: int) -> Figure:
    note = f"the table {table / count:.0f}, its indexes {(whole - table) / count:.0f}"
    return alone(
        "bytes of a stored 100 B message, with indexes", "B", [whole / count], Goal(450, 300), kind="lower", note=note
    )
