"""Which faults strike, when and whom: all of it follows from the seed, so that a run can be replayed. Pure.

A run goes in rounds. In each of them one fault strikes, or some do while others last or are not yet recovered from;
then everybody's messages have to flow again before the next round begins.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

Kind = Literal["kill", "freeze", "cut", "wipe", "fill", "clock", "remove"]
Part = Literal["broker", "archiver", "postgres", "api master", "api worker", "client", "member"]

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
AWAY_SECONDS = 4.0
_KILLS_A_REMOVAL = 2
_AT_ONCE = (1, 1, 2, 2, 2, 3)
"""How many faults a round has, by chance."""
_OVERLAP_SECONDS = 1.5
_BUSY = 0.75
_RECOVERY_SECONDS = 4.0
"""About what a kill and the way back take; only for spreading the messages over the run."""


@dataclass(frozen=True, slots=True)
class Step:
    """One fault. `delay` seconds pass from the beginning of its round, `seconds` between its strike and its end.

    `choice` chooses among several of a part: which client, which worker.
    """

    number: int
    kind: Kind
    part: Part
    choice: int
    delay: float
    seconds: float

    @property
    def name(self) -> str:
        """Name the fault, as tables do."""
        return f"{self.kind} {self.part}"

    @property
    def place(self) -> str:
        """Name the part as a whole: no two faults of a round strike at the same."""
        return self.part.split()[0]

    def __str__(self) -> str:
        return f"{self.name}, choice {self.choice}, after {self.delay:.2f} s, for {self.seconds:.0f} s"


@dataclass(frozen=True, slots=True)
class Round:
    """Faults that overlap. `pause` seconds pass before it. In a busy one everybody writes as fast as possible."""

    steps: tuple[Step, ...]
    pause: float
    is_busy: bool

    @property
    def expected_seconds(self) -> float:
        """Say about how long it takes, with the pause before it and the way back."""
        return self.pause + max(step.delay + step.seconds for step in self.steps) + _RECOVERY_SECONDS

    def __str__(self) -> str:
        return " + ".join(step.name for step in self.steps)


def make_schedule(seed: int, kills: int) -> tuple[Round, ...]:
    """Plan a run: `kills` of each part, and each other fault once, or once for every 33 kills.

    For every second kill a member is removed from a group and added again, amid other faults and alone by turns.
    """
    random = Random(seed)  # noqa: S311  # it has to be repeatable, not secret
    extras = max(1, kills // _KILLS_AN_EXTRA) if kills else 0
    wanted: list[tuple[Kind, Part, float]] = [
        ("kill", parts[turn % len(parts)], 0.0) for parts in KILLED for turn in range(kills)
    ]
    wanted += [("freeze", part, FREEZE_SECONDS) for part in _turns(_FROZEN, extras, random.randrange)]
    wanted += [("cut", part, CUT_SECONDS) for part in _turns(_CUT, extras, random.randrange)]
    wanted += [("wipe", "broker", 0.0), ("fill", "postgres", FULL_SECONDS), ("clock", "client", 0.0)] * extras
    random.shuffle(wanted)
    steps = [
        Step(number, kind, part, random.randrange(1000), 0.0, seconds)
        for number, (kind, part, seconds) in enumerate(wanted, 1)
    ]
    return _numbered(_with_removals(_grouped(steps, random), -(-kills // _KILLS_A_REMOVAL), random))


def steps_of(rounds: Iterable[Round]) -> list[Step]:
    """List the faults of rounds."""
    return [step for each in rounds for step in each.steps]


def _turns(parts: tuple[Part, ...], count: int, chance: Callable[[int], int]) -> list[Part]:
    first = chance(len(parts))
    return [parts[(first + turn) % len(parts)] for turn in range(count)]


def _grouped(steps: Sequence[Step], random: Random) -> list[Round]:
    left, rounds = list(steps), []
    while left:
        chosen = _some_of(left, random.choice(_AT_ONCE))
        left = [step for step in left if step not in chosen]
        longest = max(step.seconds for step in chosen)
        # The others strike while it lasts, or while all are on the way back.
        delays = [0.0, *(random.uniform(0.0, longest + _OVERLAP_SECONDS) for _ in chosen[1:])]
        chosen.sort(key=lambda step: -step.seconds)
        delayed = (replace(step, delay=delay) for step, delay in zip(chosen, sorted(delays), strict=True))
        rounds.append(Round(tuple(delayed), random.uniform(0.1, 0.8), random.random() < _BUSY))
    return rounds


def _with_removals(rounds: Sequence[Round], count: int, random: Random) -> list[Round]:
    """Add removals, by turns to a round of other faults, but no clock's, and as a round of its own."""
    rounds = list(rounds)
    for turn in range(count):
        step = Step(0, "remove", "member", random.randrange(1000), 0.0, AWAY_SECONDS)
        fitting = [each for each in rounds if not any(other.kind in ("clock", "remove") for other in each.steps)]
        if turn % 2 or not fitting:
            alone = Round((step,), random.uniform(0.1, 0.8), random.random() < _BUSY)
            rounds.insert(random.randrange(len(rounds) + 1), alone)
        else:
            chosen = random.choice(fitting)
            longest = max(other.seconds for other in chosen.steps)
            removal = replace(step, delay=random.uniform(0.0, longest + _OVERLAP_SECONDS))
            rounds[rounds.index(chosen)] = replace(chosen, steps=(*chosen.steps, removal))
    return rounds


def _some_of(steps: Sequence[Step], most: int) -> list[Step]:
    """Choose the first, and the next ones that strike at other parts. A clock is moved three times, alone."""
    chosen = [steps[0]]
    for step in steps[1:]:
        if len(chosen) == most or chosen[0].kind == "clock":
            break
        if step.kind != "clock" and step.place not in {other.place for other in chosen}:
            chosen.append(step)
    return chosen


def _numbered(rounds: Iterable[Round]) -> tuple[Round, ...]:
    numbered, count = [], 0
    for each in rounds:
        steps = tuple(replace(step, number=count + turn) for turn, step in enumerate(each.steps, 1))
        numbered.append(replace(each, steps=steps))
        count += len(steps)
    return tuple(numbered)
