"""`benchmarks/RESULTS.md`: written as a whole, by a run of everything."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from benchmarks.bench import DISTURBED
from benchmarks.figure import Figure
from benchmarks.machine import Machine
from benchmarks.table import markdown_table

PATH = Path(__file__).resolve().parent / "RESULTS.md"

_INTRODUCTION = """\
Written by `benchmarks/run`; [README.md](README.md) says what each figure is. Each ceiling was measured in the same
run, in turn with ours. A ratio is the median over the rounds, with the lowest and highest beside it; the goals speak
of the ratio where there is one.
"""


@dataclass(frozen=True)
class Course:
    """How a run went: its minutes, and the share of the cores' time that the machine's host gave to others.

    `kept` is that share during each of the measurements that were kept.
    """

    minutes: float
    stolen: float
    kept: Sequence[float]

    def lines(self) -> list[tuple[str, str]]:
        """Name and value of each."""
        those = [share for share in self.kept if share >= DISTURBED]
        disturbed = f"{len(those)} of {len(self.kept)} disturbed by {DISTURBED:.0%} or more"
        return [
            ("took", f"{self.minutes:.0f} minutes"),
            ("time of the cores that the host gave to others", f"{self.stolen:.0%}"),
            ("the same during the measurements that were kept", f"{mean(self.kept):.1%}, {disturbed}"),
        ]


def render(figures: Sequence[Figure], machine: Machine, course: Course) -> str:
    """Write the file's content: the machine, the table, and how many goals are reached."""
    about = "\n".join(f"| {name} | {value} |" for name, value in [*machine.lines(), *course.lines()])
    return f"# Results\n\n{_INTRODUCTION}\n| | |\n|---|---|\n{about}\n\n{markdown_table(figures)}\n{summary(figures)}\n"


def summary(figures: Sequence[Figure]) -> str:
    """Say in a line or two how many goals are reached, and name those that are missed."""
    judged = [figure for figure in figures if figure.verdict != "-"]
    missed = [figure.name for figure in judged if figure.verdict == "missed"]
    best = sum(figure.verdict == "aim reached" for figure in judged)
    line = f"{len(judged) - len(missed)} of {len(judged)} goals reached, {best} of them with the aim."
    return f"{line}\nMissed: {'; '.join(missed)}." if missed else line


def write_results(figures: Sequence[Figure], machine: Machine, course: Course, path: Path = PATH) -> None:
    """Replace the file as a whole."""
    partial = path.with_suffix(".new")
    partial.write_text(render(figures, machine, course))
    partial.replace(path)
