"""Search of a long archive over REST, for somebody with one conversation and somebody with hundreds.

The archive is filled at once and indexed by the API itself, beside its requests. Half of it is one long conversation,
a quarter lies in three hundred of one user's, the rest in those of others. Words and phrases are drawn from the same
distribution as the texts, and by their ranks: what is frequent, what is rare, several together, beginnings.
"""

import random
import time
from collections.abc import Sequence
from functools import partial
from typing import Final
from urllib.parse import quote

from benchmarks import search_queries
from benchmarks.archive_queries import settle
from benchmarks.bench import Bench
from benchmarks.errors import BenchmarkError
from benchmarks.figure import Figure, Goal, alone
from benchmarks.http import Http
from benchmarks.stacks import LiveStack
from benchmarks.statistics import percentile
from benchmarks.texts import vocabulary

_MANY: Final = 300
_OTHERS: Final = 1000
_MOST_SECONDS: Final = 1800.0
_WARM_UP: Final = 20


def measure(bench: Bench) -> list[Figure]:
    """Measure."""
    count = bench.scaled(1_000_000, 20_000)
    friends = [f"friend{number:03}" for number in range(_MANY)]
    with bench.stack() as stack:
        alice, _, dora, *_ = stack.accounts(["alice", "bobby", "dora", *friends])
        words = vocabulary()
        pairs, weights = _conversations(friends)
        search_queries.fill(stack.database_url, words, pairs, weights, count)
        seconds = _wait_until_indexed(stack, count)
        bench.say(f"   {count:,} messages are indexed after {seconds:.0f} s")
        settle(stack.database_url)
        queries = _queries(words, bench.scaled(40, 8))
        figures = []
        for account, where in ((alice, "one conversation"), (dora, f"{_MANY} conversations")):
            with Http(stack.server, account.access_token) as http:
                taken = bench.undisturbed(partial(_times, http, queries))
            figures += _figures(count, where, taken)
            bench.say(f"   {where}: " + ", ".join(f"{kind} {_in_words(times)}" for kind, times in taken.items()))
        return [*figures, _bytes(stack, count)]


def _conversations(friends: Sequence[str]) -> tuple[list[search_queries.Pair], list[int]]:
    """Name the conversations, and how much is said in each."""
    chance = random.Random(4)
    several = {tuple(sorted(chance.sample(friends, 2))) for _ in range(_OTHERS)}
    others = [(one, other) for one, other in sorted(several)]
    share = _MANY * len(others)
    pairs = [("alice", "bobby"), *(("dora", friend) for friend in friends), *others]
    return pairs, [2 * share, *[share // _MANY] * _MANY, *[share // len(others)] * len(others)]


def _wait_until_indexed(stack: LiveStack, count: int) -> float:
    began = time.monotonic()
    while not search_queries.is_indexed(stack.database_url, count):
        if time.monotonic() - began > _MOST_SECONDS:
            raise BenchmarkError("the API has not indexed the archive")
        time.sleep(0.5)
    return time.monotonic() - began


def _queries(words: Sequence[str], count: int) -> dict[str, list[str]]:
    """Write searches of each kind."""
    chance = random.Random(5)

    def of(low: int, high: int) -> str:
        return words[min(chance.randrange(low, high), len(words) - 1)]

    return {
        "frequent": [of(0, 50) for _ in range(count)],
        "middling": [of(100, 2000) for _ in range(count)],
        "rare": [of(10_000, len(words)) for _ in range(count)],
        "unknown": [f"{of(0, 500)}qx" for _ in range(count)],
        "two frequent": [f"{of(0, 50)} {of(0, 50)}" for _ in range(count)],
        "frequent and rare": [f"{of(0, 50)} {of(10_000, len(words))}" for _ in range(count)],
        "three": [f"{of(20, 200)} {of(20, 200)} {of(20, 200)}" for _ in range(count)],
        "beginning": [f"{of(0, len(words))[:3]}*" for _ in range(count)],
        "phrase": [f'"{of(0, 100)} {of(100, 2000)}"' for _ in range(count)],
    }


def _times(http: Http, queries: dict[str, list[str]]) -> dict[str, list[float]]:
    """Ask for the newest page of each search; returns milliseconds."""
    mixed = [(kind, query) for kind, asked in queries.items() for query in asked]
    random.Random(6).shuffle(mixed)
    taken: dict[str, list[float]] = {kind: [] for kind in queries}
    for number, (kind, query) in enumerate([*mixed[:_WARM_UP], *mixed]):
        began = time.perf_counter()
        http.get(f"/v1/search?q={quote(query)}")
        if number >= _WARM_UP:
            taken[kind].append(1000 * (time.perf_counter() - began))
    return taken


def _figures(count: int, where: str, taken: dict[str, list[float]]) -> list[Figure]:
    every = [each for times in taken.values() for each in times]
    note = "p50 " + ", ".join(f"{kind} {percentile(times, 0.5):.0f}" for kind, times in taken.items())
    return [
        alone(
            f"search of {count:,} messages, {where}, {name}",
            "ms",
            [percentile(every, share)],
            Goal(50.0),
            kind="lower",
            note=note if name == "p50" else "",
        )
        for name, share in (("p50", 0.5), ("p99", 0.99))
    ]


def _in_words(times: Sequence[float]) -> str:
    return f"{percentile(times, 0.5):.1f}/{max(times):.1f}"


def _bytes(stack: LiveStack, count: int) -> Figure:
    messages, index = search_queries.bytes_of(stack.database_url)
    return alone(
        "bytes of a stored English message of 100 B, with indexes and that of search",
        "B",
        [(messages + index) / count],
        Goal(450, 300),
        kind="lower",
        note=f"the message and its indexes {messages / count:.0f}, the index of search {index / count:.0f}",
    )
