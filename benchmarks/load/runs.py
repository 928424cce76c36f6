"""One run of senders against whoever receives: how many messages a second went all the way."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.cpu import CpuMeter, where_the_limit_is
from benchmarks.load.receivers import Receiving, receive
from benchmarks.load.senders import Sending, send
from benchmarks.workers import Counter, Done, Worker, new_counter


@dataclass(frozen=True)
class Run:
    """What a run has shown. `cpu` is in seconds by part, the load generators' own among them."""

    messages: int
    seconds: float
    cpu: Mapping[str, float]
    unit: str = "message"

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    @property
    def limit(self) -> str:
        """Say what each part took."""
        return where_the_limit_is(self.cpu, self.seconds, self.messages, self.unit)


def run_load(
    sending: Sending, parts: Mapping[str, int], counter: Counter | None = None, receiving: Receiving | None = None
) -> Run:
    """Let senders send, and receivers receive if there are any; the run ends when the last of both is done.

    `parts` are the process ids of what is measured. `counter` is what bounds senders without receipts; with
    receivers of ours it is theirs.
    """
    counted = new_counter() if counter is None else counter  # one at 0 counts as false
    with ExitStack() as stack:
        workers: dict[str, Worker[Done]] = {}
        if receiving:
            workers["receivers"] = stack.enter_context(Worker(receive, receiving, counted))
            workers["receivers"].wait_ready()
        workers["senders"] = stack.enter_context(Worker(send, sending, counted))
        workers["senders"].wait_ready()
        return run_workers(workers, parts)


def run_workers(workers: Mapping[str, Worker[Done]], parts: Mapping[str, int]) -> Run:
    """Let prepared load generators work, the senders among them as `senders`, until the last is done."""
    meter, began = CpuMeter(parts), time.monotonic()
    for worker in workers.values():
        worker.go()
    done = {name: worker.result() for name, worker in workers.items()}
    used = meter.used()
    seconds = max(each.ended for each in done.values()) - began
    return Run(done["senders"].messages, seconds, {**used, **{name: each.cpu for name, each in done.items()}})
