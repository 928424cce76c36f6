"""A film as an SVG that plays by itself, without scripts; where nothing plays, it shows the last frame. Pure."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from scripts.recording.film import Film, Shot
from scripts.recording.terminals import COLUMNS, ROWS, Pane

_CELL, _LINE, _MARGIN, _BAR = 7.8, 17, 14, 26
_HOLD_SECONDS = 5.0
"""How long the end is shown before it starts again."""


def draw(film: Film, panes: Sequence[Pane], per_row: int, caption: str) -> str:
    """Draw the terminals side by side, `per_row` in a row."""
    total = film.frames[-1][0] + _HOLD_SECONDS
    width, height = COLUMNS * _CELL + 2 * _MARGIN, _BAR + ROWS * _LINE + _MARGIN
    rows = -(-len(panes) // per_row)
    places = {
        pane.key: (_MARGIN + index % per_row * (width + _MARGIN), _MARGIN + index // per_row * (height + _MARGIN))
        for index, pane in enumerate(panes)
    }
    shots = film.shots(total)
    outer = (per_row * (width + _MARGIN) + _MARGIN, rows * (height + _MARGIN) + _MARGIN)
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {outer[0]:.0f} {outer[1]:.0f}" role="img">',
        f"<title>{escape(caption)}</title>",
        f"<style>{_style(shots, total)}</style>",
        *[_window(pane, *places[pane.key], width, height) for pane in panes],
        *[_text(number, shot, *places[shot.pane]) for number, shot in enumerate(shots)],
        "</svg>",
    ]
    return "\n".join(drawn) + "\n"


def _style(shots: Sequence[Shot], total: float) -> str:
    rules = [
        "text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}",
        "text{fill:#d8dee9;white-space:pre}",
        ".w{fill:#20252e;stroke:#4a5364}.t{fill:#9aa5b8;font-weight:bold}",
        f".s{{animation-duration:{total:.1f}s;animation-iteration-count:infinite;animation-timing-function:step-end}}",
    ]
    for number, shot in enumerate(shots):
        if shot.end < total:
            rules.append(f".s{number}{{visibility:hidden}}")
        start, end = 100 * shot.start / total, 100 * shot.end / total
        steps = [f"{start:.2f}%{{visibility:visible}}"]
        if shot.start > 0:
            steps.insert(0, "0%{visibility:hidden}")
        if shot.end < total:
            steps.append(f"{end:.2f}%{{visibility:hidden}}")
        rules.append(f"@keyframes k{number}{{{''.join(steps)}}}.s{number}{{animation-name:k{number}}}")
    return "".join(rules)


def _window(pane: Pane, x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect class="w" x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}" rx="6"/>'
        f'<text class="t" x="{x + _MARGIN:.0f}" y="{y + 18:.0f}">{escape(pane.title)}</text>'
    )


def _text(number: int, shot: Shot, x: float, y: float) -> str:
    left, base = x + _MARGIN, y + _BAR + 12 + shot.row * _LINE
    text = escape(shot.text)
    return f'<text class="s s{number}" xml:space="preserve" x="{left:.0f}" y="{base:.0f}">{text}</text>'
