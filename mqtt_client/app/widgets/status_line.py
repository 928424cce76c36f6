"""The status line: how we stand to the server, and what has just happened."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from mqtt_client.app.changes import LinkChanged
from mqtt_client.app.wrap import fitted
from mqtt_client.text import visible

_NOTICE_SECONDS = 6.0
_TYPING_MOST = 4
_SIGNS = {"starting": "○", "catching up": "◌", "online": "●", "offline": "✗"}


def typing_text(names: Sequence[str]) -> str:
    """Say who is typing."""
    shown = [visible(name) for name in names]
    if not shown:
        return ""
    if len(shown) == 1:
        return f"{shown[0]} is typing"
    return f"{', '.join(shown[:-1])} and {shown[-1]} are typing" if len(shown) < _TYPING_MOST else "several are typing"


class StatusLine(Widget):
    """One line: a sign for the connection, who is logged in where, and a notice for some seconds."""

    DEFAULT_CSS = """
    StatusLine { height: 1; background: $panel; color: $foreground; padding: 0 1; }
    """

    def __init__(self) -> None:
        """Begin without a connection."""
        super().__init__()
        self.link = LinkChanged("starting")
        self.who = ""
        self.aside = ""
        self.typing = ""
        self.notice = ""
        self._timer: Timer | None = None

    def show_link(self, link: LinkChanged) -> None:
        """Show how we stand to the server."""
        self.link = link
        self.refresh()

    def show_aside(self, text: str) -> None:
        """Show what is out of sight."""
        if text != self.aside:
            self.aside = text
            self.refresh()

    def show_typing(self, names: Sequence[str]) -> None:
        """Show who is typing in the conversation that is open."""
        text = typing_text(names)
        if text != self.typing:
            self.typing = text
            self.refresh()

    def show_notice(self, text: str, *, stays: bool = False) -> None:
        """Show one line in the place of the rest but who is typing, for some seconds or until another comes."""
        self.notice = " ".join(visible(text.replace("\n", " ")).split())
        if self._timer:
            self._timer.stop()
        self._timer = None if stays or not text else self.set_timer(_NOTICE_SECONDS, self._forget)
        self.refresh()

    @property
    def text(self) -> str:
        """What it says."""
        if self.notice:
            # Typing is told once and passes as soon as a notice does.
            return "  ".join(part for part in (self.notice, self.typing) if part)
        reason = f": {visible(self.link.reason)}" if self.link.reason and self.link.state != "online" else ""
        parts = [f"{_SIGNS[self.link.state]} {self.link.state}{reason}", self.typing, self.aside, visible(self.who)]
        return "  ".join(part for part in parts if part)

    def render_line(self, y: int) -> Strip:
        """Draw it."""
        del y
        style = self.rich_style + (Style(bold=True) if self.notice or self.link.state == "offline" else Style())
        return Strip([Segment(fitted(self.text, self.size.width), style)])

    def _forget(self) -> None:
        self.show_notice("")


class Keys(Widget):
    """The footer: the most useful keys."""

    DEFAULT_CSS = """
    Keys { height: 1; background: $surface; padding: 0 1; }
    """

    def __init__(self, keys: list[tuple[str, str]]) -> None:
        """Take (key, what it does)."""
        super().__init__()
        self._keys = keys

    def render_line(self, y: int) -> Strip:
        """Draw it."""
        del y
        bold, base = self.rich_style + Style(bold=True), self.rich_style
        segments = [part for key, does in self._keys for part in (Segment(key, bold), Segment(f" {does}  ", base))]
        return Strip(segments).adjust_cell_length(self.size.width, base)
