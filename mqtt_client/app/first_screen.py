"""The first screen, drawn before the libraries are loaded that draw all others. Pure.

Loading them takes longer than reading and drawing what was there the last time. The app draws the same things at the
same places as soon as it can.
"""

from collections.abc import Mapping
from datetime import tzinfo

from mqtt_client.app.entries import Snapshot
from mqtt_client.app.lines import Line, Setting, Span, block
from mqtt_client.app.listing import LIST_WIDTH, WIDE_ENOUGH, row_parts, row_style
from mqtt_client.app.palette import DARK
from mqtt_client.app.wrap import fitted
from mqtt_client.text import visible

ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
_LINES_BELOW = 3
"""The status line, the input and the keys."""
_COLOURS = {
    "me": "success", "sender": "primary", "unread": "warning", "error": "error", "stored": "success",
    "delivered": "success", "read": "primary", "rejected": "error",
}  # fmt: skip
_ATTRIBUTES = {"me": "1", "sender": "1", "bold": "1", "italic": "3", "link": "4", "rejected": "1", "time": "2",
               "day": "2", "sending": "2", "muted": "2", "number": "2", "open": "7",
               "quote": "2", "notice": "3"}  # fmt: skip


class Painter:
    """Turns styled spans into what a terminal understands, with or without colours."""

    def __init__(self, palette: Mapping[str, str] | None) -> None:
        """Take the colours; None for none."""
        self._palette = palette
        self._base = self._sgr("", "foreground", "background")

    def text(self, text: str, *styles: str) -> str:
        """Write a text, and be back at the usual look after it."""
        attributes = ";".join(filter(None, (_ATTRIBUTES.get(style) for style in styles)))
        colour = next((_COLOURS[style] for style in styles if style in _COLOURS), "foreground")
        return self._sgr(attributes, colour, "background") + text + self._base

    def line(self, line: Line, width: int) -> str:
        """Write a line, filled up to a width."""
        plain = "".join(span.text for span in line)
        missing = len(fitted(plain, width)) - len(plain)
        if missing < 0:
            return self.text(fitted(plain, width))
        return "".join(self.text(span.text, *span.styles) for span in line) + " " * missing

    def bar(self, text: str, width: int) -> str:
        """Write a bar over a width."""
        return self._sgr("1", "foreground", "panel") + fitted(text, width) + self._base

    def _sgr(self, attributes: str, foreground: str, background: str) -> str:
        parts = ["0", attributes]
        if self._palette is not None:
            parts += [_rgb("38", self._palette[foreground]), _rgb("48", self._palette[background])]
        return f"\x1b[{';'.join(part for part in parts if part)}m"


def first_screen(
    snapshot: Snapshot, me: str, size: tuple[int, int], zone: tzinfo | None, palette: Mapping[str, str] | None = DARK
) -> str:
    """Draw what was there the last time on a screen of (width, height) cells."""
    width, height = size
    painter = Painter(palette)
    has_list = width >= WIDE_ENOUGH
    room = max(4, width - (LIST_WIDTH if has_list else 0))
    left = _list(snapshot, height - 1, painter) if has_list else [""] * (height - 1)
    right = _talk(snapshot, me, (room, height - 1), zone, painter)
    rows = [one + other for one, other in zip(left, right, strict=True)]
    drawn = [f"\x1b[{number};1H{row}" for number, row in enumerate([*rows, painter.text(" " * width)], 1)]
    return ENTER + "".join(drawn)


def _list(snapshot: Snapshot, height: int, painter: Painter) -> list[str]:
    lines = []
    for index, row in enumerate(snapshot.rows[:height]):
        is_open = row.name == snapshot.opened
        parts = row_parts(row, index, LIST_WIDTH - 1, is_open=is_open)
        lines.append(painter.text("".join(parts), *(["open"] if is_open else []), row_style(row)))
    lines += [painter.text(" " * (LIST_WIDTH - 1))] * (height - len(lines))
    return [line + painter.text("│", "time") for line in lines]


def _talk(snapshot: Snapshot, me: str, size: tuple[int, int], zone: tzinfo | None, painter: Painter) -> list[str]:
    width, height = size
    row = next((row for row in snapshot.rows if row.name == snapshot.opened), None)
    room = max(1, height - _LINES_BELOW)
    lines: list[Line] = []
    entries = snapshot.page.entries
    theirs = (row.their_delivered, row.their_read) if row else (0, 0)
    setting = Setting(width - 2, me, zone, their_delivered=theirs[0], their_read=theirs[1])
    for index in range(len(entries) - 1, -1, -1):
        before = entries[index - 1] if index else None
        lines[:0] = block(entries[index], before, setting)
        if len(lines) >= room:
            break
    shown = [(Span(" "), *line) for line in lines[-room:]]
    shown[:0] = [()] * (room - len(shown))
    drawn = [painter.bar(f" {visible(row.label) if row else ''}", width)]
    drawn += [painter.line(line, width) for line in shown]
    draft = row.draft.split("\n")[0] if row else ""
    drawn += [painter.bar(" ○ starting", width), painter.line((Span(f" {visible(draft)}"),), width)]
    return drawn[:height]


def _rgb(kind: str, colour: str) -> str:
    return f"{kind};2;" + ";".join(str(int(colour[place : place + 2], 16)) for place in (1, 3, 5))
