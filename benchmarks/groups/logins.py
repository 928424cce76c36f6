"""Logins a second over REST, beside password hashes a second on all cores."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle
from typing import Final

from werkzeug.security import check_password_hash, generate_password_hash

from auth_api.settings import Settings
from benchmarks.bench import Bench
from benchmarks.errors import BenchmarkError
from benchmarks.figure import Figure, Goal, Round, compare
from benchmarks.http import Http
from benchmarks.stacks import LiveStack

_PASSWORD: Final = "a heron and a nightjar"  # noqa: S105  # of users who live for a minute
_USERS: Final = 8
_CLIENTS_A_CORE: Final = 3


def measure(bench: Bench) -> list[Figure]:
    """Measure. A hash is computed in a thread without Python's lock, so threads use all cores."""
    cores = len(os.sched_getaffinity(0))
    count = cores * bench.scaled(20, 5)
    stored = generate_password_hash(_PASSWORD, str(Settings.model_fields["password_hash"].default))
    names = [f"user{number}" for number in range(_USERS)]
    with bench.stack() as stack:
        stack.accounts(names, stored)

        def one_round() -> Round:
            ours = _logins(stack, names, cores * _CLIENTS_A_CORE, count)
            bare = _rate(cores, count, lambda _: _demand(check_password_hash(stored, _PASSWORD)))
            bench.say(f"   {ours:.1f} logins/s, {bare:.1f} hashes/s")
            return Round(ours, bare)

        rounds = bench.each_round(one_round)
    return [compare("logins/s", "logins/s", f"bare hashes/s on {cores} cores", rounds, Goal(0.8, 0.95))]


def _logins(stack: LiveStack, names: list[str], clients: int, count: int) -> float:
    """Log in over so many connections at once."""
    with ExitStack() as opened:
        connections = [opened.enter_context(Http(stack.server)) for _ in range(clients)]
        shares = [range(first, count, clients) for first in range(clients)]

        def work(number: int) -> None:
            for _, name in zip(shares[number], cycle(names[number % len(names) :] + names), strict=False):
                connections[number].post("/v1/sessions", {"username": name, "password": _PASSWORD})

        return _rate(clients, clients, work) * count / clients


def _rate(threads: int, count: int, work: Callable[[int], None]) -> float:
    """Do something `count` times in threads; return how often a second."""
    began = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(count)))
    return count / (time.monotonic() - began)


def _demand(right: bool) -> None:
    if not right:
        raise BenchmarkError("the password is refused")
