"""What terminals showed, and when. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Screen = Sequence[str]


@dataclass(frozen=True)
class Shot:
    """A row of a terminal's screen that showed a text from `start` to `end`, in seconds."""

    pane: str
    row: int
    text: str
    start: float
    end: float


@dataclass
class Film:
    """Frames in their order: at which second each terminal showed which rows."""

    frames: list[tuple[float, Mapping[str, Screen]]] = field(default_factory=list)

    def add(self, at: float, screens: Mapping[str, Screen]) -> None:
        """Note what is shown from `at` on; what did not change is left out."""
        if not self.frames or self.frames[-1][1] != screens:
            self.frames.append((at, screens))

    def shots(self, end: float) -> list[Shot]:
        """Say for each row how long it showed what; the last frame is shown until `end`."""
        open_: dict[tuple[str, int], tuple[str, float]] = {}
        done: list[Shot] = []
        for at, screens in self.frames:
            for pane, rows in screens.items():
                for row, text in enumerate(rows):
                    before = open_.get((pane, row))
                    if before and before[0] == text:
                        continue
                    if before and before[0] and before[1] < at:
                        done.append(Shot(pane, row, before[0], before[1], at))
                    open_[pane, row] = (text, at)
        left = [Shot(pane, row, text, start, end) for (pane, row), (text, start) in open_.items() if text]
        return sorted([*done, *left], key=lambda shot: (shot.pane, shot.row, shot.start))
