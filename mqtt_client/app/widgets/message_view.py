"""The messages of one conversation."""

from datetime import tzinfo
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from mqtt_client.app.entries import Entry, Page
from mqtt_client.app.lines import Line, Setting, Span, block, plain
from mqtt_client.app.viewport import Viewport
from mqtt_client.app.wrap import fitted

_NAMES = (
    "me", "sender", "time", "day", "unread", "error", "bold", "italic", "code", "link",
    "sending", "stored", "delivered", "read", "rejected", "notice", "selected", "match", "quote", "reaction",
)  # fmt: skip
_WHEEL_LINES = 3


class MessageView(Widget):
    """Shows a viewport. Its cost is what fits on the screen, however long the conversation is."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"message--{name}" for name in _NAMES}
    DEFAULT_CSS = """
    MessageView {
        width: 1fr; height: 1fr; padding: 0 1;
        .message--me { color: $success; text-style: bold; }
        .message--sender { color: $primary; text-style: bold; }
        .message--time { color: $text-muted; }
        .message--day { color: $text-muted; }
        .message--unread { color: $warning; }
        .message--error { color: $error; }
        .message--bold { text-style: bold; }
        .message--italic { text-style: italic; }
        .message--code { background: $boost; }
        .message--link { text-style: underline; }
        .message--sending { color: $text-muted; }
        .message--stored { color: $success; }
        .message--delivered { color: $success; }
        .message--read { color: $primary; }
        .message--quote { color: $text-muted; }
        .message--reaction { color: $secondary; }
        .message--rejected { color: $error; text-style: bold; }
        .message--notice { color: $text-muted; text-style: italic; }
        .message--selected { text-style: reverse; }
        .message--match { text-style: underline; }
    }
    """

    class Wants(Message):
        """The screen is near an end of what is there: more is to be loaded."""

        def __init__(self, *, older: bool) -> None:
            """Say which end."""
            super().__init__()
            self.older = older

    class Moved(Message):
        """Where the view stands has changed."""

    def __init__(self, me: str = "", zone: tzinfo | None = None, keys: tuple[str, str] = ("", "")) -> None:
        """Say whose messages carry marks, by which clock times are shown, and the keys that resend and unfold."""
        super().__init__()
        self._zone = zone
        self._keys = keys
        self._unfolded: set[int] = set()
        self._theirs = (0, 0)
        self.me = me
        self.unread_from: int | None = None
        self.selected: int | None = None
        self.notice = ""
        self.viewport = Viewport(self._lay_out)
        self._strips: list[Strip] | None = None
        self._styles: dict[str, Style] = {}

    # What is shown

    def show(self, page: Page, unread_from: int | None = None) -> None:
        """Show a conversation from its end, with a line above the first unread message."""
        self.unread_from, self.selected = unread_from, None
        self.viewport.show(page)
        self.changed()

    def draw_unread_line(self, above: int | None) -> None:
        """Have the line above a message, or none."""
        if above != self.unread_from:
            self.unread_from = above
            self.viewport.forget_layout()

    def note_theirs(self, delivered: int, read: int) -> None:
        """Take how far the other side of a direct conversation has got."""
        if (delivered, read) != self._theirs:
            self._theirs = (delivered, read)
            self.viewport.forget_layout_of(lambda entry: entry.sender == self.me)
            self.changed()

    def changed(self) -> None:
        """Draw anew, and ask for more when an end is near."""
        self._strips = None
        self.refresh()
        if self.size.height and self.viewport.wants_older:
            self.post_message(self.Wants(older=True))
        if self.size.height and self.viewport.wants_newer:
            self.post_message(self.Wants(older=False))
        self.post_message(self.Moved())

    def show_notice(self, text: str) -> None:
        """Show a line over the topmost one; an empty one takes it away."""
        self.notice = text
        self._strips = None
        self.refresh()

    def scroll_lines(self, lines: int) -> None:
        """Move by so many lines, down when positive."""
        self.viewport.scroll(lines)
        self.changed()

    def scroll_pages(self, pages: int) -> None:
        """Move by almost the height of the screen."""
        self.scroll_lines(pages * max(1, self.viewport.height - 2))

    def select(self, step: int) -> None:
        """Choose another message: the one above or below."""
        found = self.viewport.find(self.selected, step)
        if found:
            self.selected = found.arrival
            self.viewport.reveal(found.arrival)
            self.changed()

    def unfold(self) -> None:
        """Show all of the message that is chosen, or of the newest on the screen; again: fold it."""
        shown = [arrival for arrival, _ in self.viewport.lines() if arrival is not None]
        arrival = self.selected if self.selected is not None else (shown[-1] if shown else None)
        if arrival is not None:
            self._unfolded ^= {arrival}
            self.viewport.forget_layout()
            self.changed()

    @property
    def chosen(self) -> Entry | None:
        """The message that is chosen."""
        return self.viewport.entry(self.selected)

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        if self._strips is None:
            self._strips = self._draw()
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.rich_style)

    def on_resize(self) -> None:
        """Take the new size."""
        self.viewport.height = max(1, self.size.height)
        self.viewport.forget_layout()
        self.changed()

    def notify_style_update(self) -> None:
        """Draw anew in the new colours."""
        super().notify_style_update()
        self._strips = None
        self._styles = {}

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Move up."""
        event.stop()
        self.scroll_lines(-_WHEEL_LINES)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Move down."""
        event.stop()
        self.scroll_lines(_WHEEL_LINES)

    def on_click(self, event: events.Click) -> None:
        """Choose the message that was clicked, or none any more."""
        lines = self.viewport.lines()
        offset = event.get_content_offset(self)
        index = offset.y - (self.size.height - len(lines)) if offset else -1
        if 0 <= index < len(lines):
            arrival = lines[index][0]
            self.selected = None if arrival == self.selected else arrival
            self.changed()

    def shown_text(self) -> list[str]:
        """Return what stands on the screen, without styles."""
        return [plain(line).rstrip() for _, line in self.viewport.lines()]

    def _lay_out(self, entry: Entry, before: Entry | None) -> list[Line]:
        width = max(4, self.size.width)
        resend, unfold = self._keys
        setting = Setting(
            width, self.me, self._zone, self.unread_from, resend, unfold, frozenset(self._unfolded), *self._theirs
        )
        return block(entry, before, setting)

    def _draw(self) -> list[Strip]:
        width, height = self.size
        self.viewport.height = max(1, height)
        base = self.rich_style
        if not self._styles:
            self._styles = {name: self.get_component_rich_style(f"message--{name}", partial=True) for name in _NAMES}
        styles = self._styles
        lines = self.viewport.lines()
        blank = Strip.blank(width, base)
        strips = [blank] * (height - len(lines))
        for arrival, line in lines:
            under = base + styles["selected"] if arrival is not None and arrival == self.selected else base
            strips.append(_strip(line, width, under, styles))
        if self.notice and strips:
            strips[0] = _strip((Span(fitted(self.notice, width), ("notice",)),), width, base, styles)
        return strips


def _strip(line: Line, width: int, base: Style, styles: dict[str, Style]) -> Strip:
    segments = []
    for span in line:
        style = base
        for name in span.styles:
            style += styles[name]
        if span.link:
            style += Style(link=span.link)
        segments.append(Segment(span.text, style))
    return Strip(segments).adjust_cell_length(width, base)
