"""Stored messages a second with one archiver, beside what the same broker gives to others."""

from benchmarks.bench import Bench
from benchmarks.figure import Figure


def measure(bench: Bench) -> list[Figure]:
    """Measure."""
    with bench.stack() as stack:
        stack.accounts(["alice", "bobby"])
        bench.demand_nothing_dropped(stack.port, stack.observer())
    return []
