"""Pages of history and the sync feed over REST, beside the SQL that finds the same rows.

The ceiling is the API's own statements for the page, to the letter, executed and fetched over one open connection:
the other user's id, and the rows.
The API has to check the token, ask whether the session lasts, and write JSON, too; and HTTP itself takes its time,
which is why the smallest answer, /healthz, is given for comparison.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from auth_api.queries import messages, users
from benchmarks import archive_queries as archive
from benchmarks.archive_queries import Statement, statement_of
from benchmarks.bench import Bench
from benchmarks.errors import BenchmarkError
from benchmarks.figure import Figure, Goal, Round, compare
from benchmarks.http import Http
from benchmarks.statistics import percentile

_PAGE: Final = 50
_FEED_PAGE: Final = 200
_AWAY: Final = 1000
_CONVERSATIONS: Final = 50
_BLOCK: Final = 10
_BARE = "bare SQL of the same rows"
_ALIVE = "/healthz"
Act = Callable[[], object]


@dataclass(frozen=True)
class _Case:
    """What is asked over HTTP, and what of the database."""

    name: str
    ours: Act
    bare: Act


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
            asked = _Asked(http, fetch, archive.reader(url, "alice"))
            cases = [
                *asked.pages("bobby", small, sum(spans[0]) // 2),
                *asked.pages("carol", large, sum(spans[1]) // 2),
                _Case("sync feed", lambda: asked.feed(missed[0] - 1), lambda: asked.bare_feed(missed[0] - 1)),
            ]
            return _figures(bench, cases, lambda: http.get(_ALIVE))


@dataclass(frozen=True)
class _Asked:
    """Asks for the same over HTTP and of the database, as `me`."""

    http: Http
    fetch: Callable[[Statement], list[tuple[object, ...]]]
    me: messages.Reader

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
        ((id_,),) = self.fetch(statement_of(partial(users.find_id, username=other)))
        them = messages.Reader(int(str(id_)), other)
        page = partial(messages.history, reader=self.me, other=them, before=before, after=None, limit=_PAGE + 1)
        if len(self.fetch(statement_of(page))) != _PAGE + 1:
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
            rows = self.fetch(statement_of(partial(messages.feed, reader=self.me, after=after, limit=_FEED_PAGE + 1)))
            more = len(rows) > _FEED_PAGE
            after = int(str(rows[:_FEED_PAGE][-1][0]))
            found += len(rows[:_FEED_PAGE])
        _demand(found)


def _demand(found: int) -> None:
    if found != _AWAY:
        raise BenchmarkError(f"the feed has {found} messages, not {_AWAY}")


def _figures(bench: Bench, cases: Sequence[_Case], alive: Act) -> list[Figure]:
    rounds: dict[str, list[Round]] = {case.name: [] for case in cases}
    http: list[float] = []
    for number in range(bench.rounds):
        for case in cases:
            count = bench.scaled(200, 40) // (10 if case.name == "sync feed" else 1)
            ours, bare, least = _in_turn([case.ours, case.bare, alive], count)
            rounds[case.name].append(Round(ours, bare))
            http.append(least)
            bench.say(f"   {case.name}, round {number + 1}: {ours:.2f} ms, bare {bare:.2f} ms, {_ALIVE} {least:.2f} ms")
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


def _in_turn(acts: Sequence[Act], count: int) -> list[float]:
    """Do each `count` times, a block of one after a block of the other; return the medians in milliseconds."""
    times: list[list[float]] = [[] for _ in acts]
    for start in range(0, count, _BLOCK):
        for act, taken in zip(acts, times, strict=True):
            for _ in range(min(_BLOCK, count - start)):
                began = time.perf_counter()
                act()
                taken.append(1000 * (time.perf_counter() - began))
    return [percentile(taken, 0.5) for taken in times]
