"""How the run and its client processes talk: two kinds of small files, each replaced as a whole."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Orders:
    """What the clients are to do.

    `rate` is messages a second of each sender, but `at_once` is the part of its share that it sends as fast as its
    outbox takes it; whenever `probe` grows, each sends one. `clocks` says by client how many seconds its wall clock is
    off. With `ending` paging readers read what is left and end; with `ended` all do.
    """

    rate: float = 0.0
    at_once: float = 0.0
    probe: int = 0
    clocks: dict[str, float] = field(default_factory=dict)
    ending: bool = False
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How far one sender has come. Times are of the machine's monotonic clock, in seconds.

    `at` is now; `confirmed_put_at` is when the newest message that is known to be stored was put into the outbox;
    `shown` counts the messages that this person has been shown.
    """

    at: float
    put: int
    quota: int
    waiting: int
    confirmed_put_at: float
    shown: int


def write_orders(path: Path, orders: Orders) -> None:
    """Tell the clients."""
    _write(path, asdict(orders))


def read_orders(path: Path) -> Orders:
    """Read what is to be done."""
    return Orders(**json.loads(path.read_text()))


def write_standings(path: Path, standings: dict[str, Standing]) -> None:
    """Tell the run, by person."""
    _write(path, {person: asdict(standing) for person, standing in standings.items()})


def read_standings(path: Path) -> dict[str, Standing]:
    """Read what a client process told last; nothing before it has."""
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return {person: Standing(**standing) for person, standing in content.items()}


def _write(path: Path, content: object) -> None:
    partial = path.with_suffix(".new")
    partial.write_text(json.dumps(content))
    partial.replace(path)
