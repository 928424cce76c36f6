"""A figure: what was measured, beside its ceiling and what it must reach. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

Kind = Literal["higher", "lower"]
Verdict = Literal["aim reached", "reached", "missed", "-"]


@dataclass(frozen=True)
class Goal:
    """What a figure must reach and what it aims at: of its ratio where it has a ceiling, else of its own value.

    None where there is nothing to reach; then the figure is for information.
    """

    must: float | None = None
    aim: float | None = None


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    `ours` and `ceiling` are medians over the rounds, in `unit`. `ratio` is the median of the rounds' ratios
    ours / ceiling, `spread` the lowest and highest of them (of ours, where there is no ceiling), None if there is one.
    `kind` says whether higher or lower values are better. `note` says what limits it, or how it was counted.
    """

    name: str
    ours: float
    unit: str
    ceiling: float | None = None
    ceiling_name: str = ""
    ratio: float | None = None
    spread: tuple[float, float] | None = None
    kind: Kind = "higher"
    goal: Goal = field(default_factory=Goal)
    note: str = ""

    @property
    def compared(self) -> float:
        """What the goal speaks of: the ratio, or without a ceiling the value itself."""
        return self.ours if self.ratio is None else self.ratio

    @property
    def verdict(self) -> Verdict:
        """Whether the goal is reached; `-` when there is none."""
        if self.goal.must is None and self.goal.aim is None:
            return "-"
        if self.goal.aim is not None and self._at_least_as_good(self.goal.aim):
            return "aim reached"
        if self.goal.must is None:
            return "reached"
        return "reached" if self._at_least_as_good(self.goal.must) else "missed"

    def _at_least_as_good(self, bound: float) -> bool:
        return self.compared >= bound if self.kind == "higher" else self.compared <= bound


@dataclass(frozen=True)
class Round:
    """One measurement of ours and of the ceiling, made one right after the other, in the figure's unit."""

    ours: float
    ceiling: float


def compare(
    name: str,
    unit: str,
    ceiling_name: str,
    rounds: Sequence[Round],
    goal: Goal,
    *,
    kind: Kind = "higher",
    note: str = "",
) -> Figure:
    """Make a figure from its rounds; there must be at least one. Ratios are taken within a round, then their median."""
    ratios = [each.ours / each.ceiling for each in rounds]
    return Figure(
        name=name,
        ours=median(each.ours for each in rounds),
        unit=unit,
        ceiling=median(each.ceiling for each in rounds),
        ceiling_name=ceiling_name,
        ratio=median(ratios),
        spread=(min(ratios), max(ratios)) if len(ratios) > 1 else None,
        kind=kind,
        goal=goal,
        note=note,
    )


def alone(
    name: str, unit: str, values: Sequence[float], goal: Goal, *, kind: Kind = "higher", note: str = ""
) -> Figure:
    """Make a figure that has no ceiling; its goal speaks of its value."""
    spread = (min(values), max(values)) if len(values) > 1 else None
    return Figure(name, median(values), unit, spread=spread, kind=kind, goal=goal, note=note)
