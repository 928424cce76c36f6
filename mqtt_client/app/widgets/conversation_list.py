"""The list of conversations."""

from collections.abc import Mapping
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from mqtt_client.app.entries import Row
from mqtt_client.app.listing import row_parts, row_style

_NAMES = ("open", "unread", "number", "muted", "failed", "there")


class ConversationList(Widget):
    """One line a conversation: its number for Alt+1 … Alt+9, its name, how many messages are unread."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"row--{name}" for name in _NAMES}
    DEFAULT_CSS = """
    ConversationList {
        width: 22; height: 1fr; border-right: solid $panel;
        .row--open { text-style: reverse; }
        .row--unread { color: $warning; text-style: bold; }
        .row--number { color: $text-muted; }
        .row--muted { color: $text-muted; }
        .row--failed { color: $error; }
        .row--there { color: $success; }
    }
    """

    class Chosen(Message):
        """A conversation was clicked."""

        def __init__(self, name: str) -> None:
            """Name it."""
            super().__init__()
            self.name = name

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self.rows: tuple[Row, ...] = ()
        self.opened: str | None = None
        self._there: dict[str, str] = {}
        self._first = 0
        self._styles: dict[str, Style] = {}

    def notify_style_update(self) -> None:
        """Draw anew in the new colours."""
        super().notify_style_update()
        self._styles = {}

    def show(self, rows: tuple[Row, ...], opened: str | None, there: Mapping[str, str] | None = None) -> None:
        """Show conversations, one of which is open; `there` says of users whether they are online or away."""
        known = dict(there or {})
        if rows == self.rows and opened == self.opened and known == self._there:
            return
        was, self.rows = self.rows, rows
        before = (len(was), self.opened, self._there, self._first)
        self.opened, self._there = opened, known
        index = next((index for index, row in enumerate(rows) if row.name == opened), 0)
        self._first = min(self._first, max(0, len(rows) - self.size.height), index)
        if self.size.height:
            self._first = max(self._first, index - self.size.height + 1)
        if before != (len(rows), opened, known, self._first):
            self.refresh()
            return
        # While messages pour in, one row changes again and again: the others stay as they are.
        for y in range(min(self.size.height, len(rows) - self._first)):
            if was[self._first + y] != rows[self._first + y]:
                self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """Draw one conversation."""
        width = self.size.width
        index = self._first + y
        if index >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        row = self.rows[index]
        presence = "" if row.is_group else self._there.get(row.who, "")
        number, mark, name, sign, count = row_parts(
            row, index, width, is_open=row.name == self.opened, presence=presence
        )
        base = self.rich_style
        if not self._styles:
            self._styles = {name: self.get_component_rich_style(f"row--{name}", partial=True) for name in _NAMES}
        if row.name == self.opened:
            base += self._styles["open"]
        style = row_style(row)
        look = base + self._styles[style] if style else base
        return Strip(
            [
                Segment(number, base + self._styles["number"]),
                Segment(mark, base + self._styles["there" if presence == "online" else "number"]),
                Segment(name, look),
                Segment(sign, base + self._styles["failed"]),
                Segment(count, look),
            ]
        ).adjust_cell_length(width, base)

    def on_click(self, event: events.Click) -> None:
        """Open what was clicked."""
        offset = event.get_content_offset(self)
        index = self._first + offset.y if offset else len(self.rows)
        if index < len(self.rows):
            self.post_message(self.Chosen(self.rows[index].name))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Move up."""
        event.stop()
        self._first = max(0, self._first - 1)
        self.refresh()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Move down."""
        event.stop()
        self._first = min(max(0, len(self.rows) - self.size.height), self._first + 1)
        self.refresh()
