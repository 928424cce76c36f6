"""Pages of history and the sync feed over REST, beside the SQL that finds the same rows.

The ceiling is plain SQL, executed and fetched over one open connection: the other user's id, and the rows with the
columns that the API reads. The API has to check the token, ask whether the session lasts, and write JSON, too; and HTTP
itself takes its time, which is why the smallest answer, /healthz, is given for comparison. What the API does better
than plain SQL, as planning a statement once, counts for it.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks import archive_queries as archive
from benchmarks.bench import Bench
from benchmarks.errors import BenchmarkError
from benchmarks.figure import Figure, Goal, Round, compare
from benchmarks.http import Http
from benchmarks.statistics import percentile

_PAGE: Final = 50
_FEED_PAGE: Final = 200
_AWAY: Final = 1000
_CONVERSATIONS: Final = 50
_NEWEST: Final = 2**63 - 1
_BARE = "bare SQL of the same rows"
_ALIVE = "/healthz"
Act = Callable[[], object]


@dataclass(frozen=True)
class _Case:
    """What is asked over HTTP, and what of the database."""

    name: str
    ours: Act
    bare: Act
    block: int = 10
    """How often each is done before it is the other's turn."""


def measure(bench: Bench) -> list[Figure]:
    """Measure."""
    small, large = bench.scaled(10_000, 1_000), bench.scaled(1_000_000, 20_000)
    names = ["alice", "bobby", "carol", *(f"friend{number:02}" for number in range(_CONVERSATIONS))]
    with bench.stack() as stack:
        alice = stack.accounts(names)[0]
        url = stack.database_url
        began = time.monotonic()
        spans = [archive.fill(url, "alice", ["bobby"], small), archive.fill(url, "alice", ["carol"], large)]
        missed = archive.fill(url, "alice", names[3:], _AWAY)
        archive.settle(url)
        bench.say(f"   {small + large + _AWAY:,} messages are in the archive after {time.monotonic() - began:.0f} s")
        with Http(stack.server, alice.access_token) as http, archive.bare(url) as fetch:
            asked = _Asked(http, fetch, fetch(archive.FIND, ("alice",))[0][0])
            cases = [
                *asked.pages("bobby", small, sum(spans[0]) // 2),
                *asked.pages("carol", large, sum(spans[1]) // 2),
                _Case("sync feed", lambda: asked.feed(missed[0] - 1), lambda: asked.bare_feed(missed[0] - 1), 1),
            ]
            return _figures(bench, cases, lambda: http.get(_ALIVE))


@dataclass(frozen=True)
class _Asked:
    """Asks for the same over HTTP and of the database, as alice."""

    http: Http
    fetch: archive.Fetch
    me: int

    def pages(self, other: str, count: int, middle: int) -> list[_Case]:
        """Two pages of a conversation of `count` messages."""
        path = f"/v1/conversations/direct/{other}/messages"
        return [
            _Case(f"newest of {count:,}", lambda: self.http.get(path), lambda: self.bare_page(other, None)),
            _Case(
                f"middle of {count:,}",
                lambda: self.http.get(f"{path}?before_seq={middle}"),
                lambda: self.bare_page(other, middle),
            ),
        ]

    def bare_page(self, other: str, before: int | None) -> None:
        """The API asks for one more than it shows, to know whether there are more."""
        ((them,),) = self.fetch(archive.FIND, (other,))
        parameters = (*sorted((self.me, them)), before or _NEWEST, _PAGE + 1)
        if len(self.fetch(archive.PAGE, parameters)) != _PAGE + 1:
            raise BenchmarkError("the page is not full")

    def feed(self, after: int) -> None:
        """Read all that came since, as a client does that was away: page by page, to the end."""
        found, more = 0, True
        while more:
            page = json.loads(self.http.get(f"/v1/messages?after_seq={after}&limit={_FEED_PAGE}"))
            after, more = page["next_after_seq"], page["has_more"]
            found += len(page["messages"])
        _demand(found)

    def bare_feed(self, after: int) -> None:
        """Read the same without the API."""
        found, more = 0, True
        while more:
            rows = self.fetch(archive.FEED, {"reader": self.me, "after": after, "limit": _FEED_PAGE + 1})
            more = len(rows) > _FEED_PAGE
            after = int(str(rows[:_FEED_PAGE][-1][0]))
            found += len(rows[:_FEED_PAGE])
        _demand(found)


def _demand(found: int) -> None:
    if found != _AWAY:
        raise BenchmarkError(f"the feed has {found} messages, not {_AWAY}")


def _figures(bench: Bench, cases: Sequence[_Case], alive: Act) -> list[Figure]:
    """Measure all in turn, a block of each: what slows the machine for a while slows all of them."""
    rounds: dict[str, list[Round]] = {case.name: [] for case in cases}
    http: list[float] = []
    acts = [(act, case.block) for case in cases for act in (case.ours, case.bare)]
    for *medians, least in bench.each_round(lambda: _in_turn([*acts, (alive, 10)], bench.scaled(20, 4))):
        http.append(least)
        for case, ours, bare in zip(cases, medians[::2], medians[1::2], strict=True):
            rounds[case.name].append(Round(ours, bare))
            bench.say(f"   {case.name}: {ours:.2f} ms, bare {bare:.2f} ms, {_ALIVE} {least:.2f} ms")
    note = f"{_ALIVE} over the same connection takes {percentile(http, 0.5):.2f} ms"
    goal = Goal(3.0, 2.0)
    made = [compare(_title(case.name), "ms", _BARE, rounds[case.name], goal, kind="lower", note=note) for case in cases]
    return [*made, _growth(cases, rounds)]


def _growth(cases: Sequence[_Case], rounds: dict[str, list[Round]]) -> Figure:
    """Compare the newest pages of the long and of the short conversation."""
    short, long = rounds[cases[0].name], rounds[cases[2].name]
    pairs = [Round(theirs.ours, mine.ours) for mine, theirs in zip(short, long, strict=True)]
    name = f"page of {_PAGE}, {cases[2].name} against {cases[0].name}"
    return compare(name, "ms", "the shorter conversation", pairs, Goal(1.2), kind="lower")


def _title(name: str) -> str:
    if name == "sync feed":
        return f"sync feed, {_AWAY:,} messages in {_CONVERSATIONS} conversations, p50"
    return f"page of {_PAGE}, {name}, p50"


def _in_turn(acts: Sequence[tuple[Act, int]], count: int) -> list[float]:
    """Do each act so many times, and the next, and all that `count` times; return their medians in milliseconds."""
    times: list[list[float]] = [[] for _ in acts]
    for _ in range(count):
        for (act, block), taken in zip(acts, times, strict=True):
            for _ in range(block):
                began = time.perf_counter()
                act()
                taken.append(1000 * (time.perf_counter() - began))
    return [percentile(taken, 0.5) for taken in times]
