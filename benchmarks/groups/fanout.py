"""A group of 1,000 connected members, beside the same fan-out of the same broker without the plugin.

All of a server runs for the group: each message goes to its members and to the archiver, and the receipts of the
archiver go to the members too.
"""

import json
import time
from collections.abc import Sequence

from benchmarks import queries
from benchmarks.bench import Bench
from benchmarks.errors import BenchmarkError
from benchmarks.figure import Figure, Goal, Round, alone, compare
from benchmarks.groups.clients import SPARE_FILES, demand_open_files
from benchmarks.http import Http
from benchmarks.load.receivers import Receiving
from benchmarks.load.runs import Run, run_load
from benchmarks.load.senders import Sending
from benchmarks.mqtt import Login
from benchmarks.stacks import LiveStack
from benchmarks.workers import new_counter
from wire.topics import group_filter, group_messages

_MEMBERS = 1000
_WINDOW = 20
"""Messages of which the broker has not said yet that it has them."""
_ARCHIVED_SECONDS = 30.0
_TURNS = 3
"""Short turns in each round: the machine's speed changes within seconds, by more than is looked for."""


def measure(bench: Bench) -> list[Figure]:
    """Measure how long one message takes to all, and how many are delivered a second, with and without, in turn."""
    members, count = bench.scaled(_MEMBERS, 200), bench.scaled(60, 40)
    demand_open_files(members + SPARE_FILES)
    with bench.stack() as stack, bench.plain_broker() as plain:
        group, logins = _group(stack, [f"member{number:04}" for number in range(members)])
        ours, theirs = (stack.port, stack.pid("broker")), (plain.port, plain.pid)
        readers = len(logins) - 1
        sent = []

        def one() -> float:
            sent.append(1)
            return _run(ours, group, logins, 1).seconds

        def turn() -> list[Run]:
            sent.append(count)
            both = [_run(broker, group, logins, count) for broker in (ours, theirs)]
            rates = [f"{run.rate * readers:,.0f}/s" for run in both]
            bench.say(f"   1 to {members:,}: {rates[0]}, without plugin {rates[1]}")
            return both

        single, runs = bench.each_round(one), bench.each_round(turn, _TURNS)
        _demand_archived(stack, sum(sent))
    rounds = [Round(our.rate * readers, their.rate * readers) for our, their in runs]
    name = f"group of {members:,} connected members"
    note = f"{runs[-1][0].limit}. Without: {runs[-1][1].limit}."
    return [
        compare(f"{name}, delivered messages/s", "msg/s", "without plugin", rounds, Goal(0.9, 1.0), note=note),
        alone(f"{name}, one message to all within", "s", single, Goal(1.0), kind="lower"),
    ]


def _group(stack: LiveStack, names: Sequence[str]) -> tuple[str, list[Login]]:
    """Make a group over REST that all are members of; returns its id and logins that may use it, the owner's first."""
    owner = stack.accounts(names)[0]
    with Http(stack.server, owner.access_token) as http:
        made = json.loads(
            http.post("/v1/groups", {"title": "everybody", "members": list(names[1:]), "visibility": "private"})
        )
    return made["id"], [account.login for account in stack.accounts(names, groups=[made["id"]])]


def _run(broker: tuple[int, int], group: str, logins: Sequence[Login], count: int) -> Run:
    """Have the owner write to all others."""
    port, pid = broker
    owner, *others = logins
    sending = Sending(port, [(owner, [group_messages(group, owner.username)])], count, _WINDOW, receipts=False)
    receiving = Receiving(port, [(login, [(group_filter(group), 1)]) for login in others], count * len(others))
    return run_load(sending, {"broker": pid}, new_counter(), receiving)


def _demand_archived(stack: LiveStack, count: int) -> None:
    """Raise BenchmarkError unless all messages get into the archive."""
    deadline = time.monotonic() + _ARCHIVED_SECONDS
    while (stored := queries.stored_messages(stack.database_url)) < count:
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{stored} messages are stored, {count} were sent")
        time.sleep(0.1)
