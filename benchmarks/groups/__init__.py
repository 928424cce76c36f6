"""One module a group of figures, each with `measure(bench) -> list[Figure]`."""

from collections.abc import Callable, Mapping
from importlib import import_module

from benchmarks.bench import Bench
from benchmarks.figure import Figure

Measure = Callable[[Bench], list[Figure]]

GROUPS: Mapping[str, str] = {
    "throughput": "stored messages a second, one archiver, 10 conversations",
    "pairs": "the same with 1,000 senders and 1,000 receivers",
    "latency": "from the publication to the receipt, and to the receiver",
    "broker": "messages a second with the plugin and without",
    "fanout": "a group of 1,000 connected members, beside the broker's own fan-out",
    "connects": "connections a second with the plugin and without",
    "clients": "5,000 connected clients: memory of each, and a message to each",
    "rest": "pages of history and the sync feed, beside the SQL that finds the same rows",
    "search": "search of 1,000,000 messages, and what its index takes",
    "logins": "logins a second, beside password hashes a second",
    "app": "the full-screen app: its first screen, and from a key to the screen while messages pour in",
    "memory": "resident memory and bytes a message, over 1,000,000 messages",
}
"""Names of the modules beside this one, in the order in which they are measured, and what each is about."""


def group(name: str) -> Measure:
    """Load a group."""
    measure: Measure = import_module(f"{__name__}.{name}").measure
    return measure
