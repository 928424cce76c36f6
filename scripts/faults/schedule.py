"""Which faults strike, when and whom: all of it follows from the seed, so that a run can be replayed. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

Kind = Literal["kill", "freeze", "cut", "wipe", "fill", "clock"]
Part = Literal["broker", "archiver", "postgres", "api master", "api worker", "client"]

KILLED: tuple[tuple[Part, ...], ...] = (
    ("broker",),
    ("archiver",),
    ("postgres",),
    ("api master", "api worker"),
    ("client",),
)
"""What is killed as often as was asked for; of the API the master and a worker by turns."""
_FROZEN: tuple[Part, ...] = ("archiver", "broker", "postgres", "api master", "client")
_CUT: tuple[Part, ...] = ("client", "archiver")
_KILLS_AN_EXTRA = 33
FREEZE_SECONDS = 30.0
CUT_SECONDS = 20.0
FULL_SECONDS = 10.0
_RECOVERY_SECONDS = 4.0
"""About what a kill and the way back take; only for spreading the messages over the run."""


@dataclass(frozen=True, slots=True)
class Step:
    """One fault. `pause` seconds pass before it, `seconds` between its strike and its end.

    `choice` chooses among several of a part: which client, which worker.
    """

    number: int
    kind: Kind
    part: Part
    choice: int
    pause: float
    seconds: float

    @property
    def name(self) -> str:
        """Name the fault, as tables do."""
        return f"{self.kind} {self.part}"

    @property
    def expected_seconds(self) -> float:
        """Say about how long it takes, with the pause before it and the way back."""
        return self.pause + self.seconds + _RECOVERY_SECONDS

    def __str__(self) -> str:
        return f"{self.name}, choice {self.choice}, after {self.pause:.2f} s, for {self.seconds:.0f} s"


def make_schedule(seed: int, kills: int) -> tuple[Step, ...]:
    """Plan a run: `kills` of each part, and each other fault once, or once for every 33 kills."""
    random = Random(seed)  # noqa: S311  # it has to be repeatable, not secret
    extras = max(1, kills // _KILLS_AN_EXTRA) if kills else 0
    wanted: list[tuple[Kind, Part, float]] = [
        ("kill", parts[turn % len(parts)], 0.0) for parts in KILLED for turn in range(kills)
    ]
    wanted += [("freeze", part, FREEZE_SECONDS) for part in _turns(_FROZEN, extras, random.randrange)]
    wanted += [("cut", part, CUT_SECONDS) for part in _turns(_CUT, extras, random.randrange)]
    wanted += [("wipe", "broker", 0.0), ("fill", "postgres", FULL_SECONDS), ("clock", "client", 0.0)] * extras
    random.shuffle(wanted)
    return tuple(
        Step(number, kind, part, random.randrange(1000), random.uniform(0.2, 1.5), seconds)
        for number, (kind, part, seconds) in enumerate(wanted, 1)
    )


def _turns(parts: tuple[Part, ...], count: int, chance: Callable[[int], int]) -> list[Part]:
    first = chance(len(parts))
    return [parts[(first + turn) % len(parts)] for turn in range(count)]
