"""The input: several lines, what was typed before, completion."""

from collections.abc import Callable

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widgets import TextArea

from mqtt_client.app.commands import common_start, completions
from mqtt_client.app.typed import Typed
from mqtt_client.app.widgets.field import take_key
from mqtt_client.text import visible

_CONTROL_PICTURES = 0x2400
_UNSEEN = "\u2421"


class Composer(TextArea):
    """Enter sends, Alt+Enter begins a line; the arrow keys call back what was typed before."""

    DEFAULT_CSS = """
    Composer {
        height: auto; min-height: 1; max-height: 8; border: none; padding: 0 1; background: $surface;
        scrollbar-size-vertical: 1;
        &:focus { border: none; }
    }
    """

    class Offered(Message):
        """Tab has found several words."""

        def __init__(self, words: tuple[str, ...]) -> None:
            """Give them."""
            super().__init__()
            self.words = words

    def __init__(self, submit: Callable[[str, str | None], None]) -> None:
        """Begin empty. `submit` takes what Enter hands over: the text, and what was open when it was typed.

        It is called before the next key is taken, which may be for what this one opens, or leave the app.
        """
        super().__init__(soft_wrap=True, show_line_numbers=False, tab_behavior="focus", highlight_cursor_line=False)
        self.typed = Typed()
        self._submit = submit
        self.conversation: str | None = None
        self.users: tuple[str, ...] = ()
        self.themes: tuple[str, ...] = ()
        self.groups: tuple[str, ...] = ()

    def get_line(self, line_index: int) -> Text:
        """Show control characters, which a paste may bring, as their signs: each takes the place of one."""
        line = super().get_line(line_index)
        if line.plain.isprintable():
            return line
        return Text("".join(map(_sign, self.document.get_line(line_index))), end="", no_wrap=True)

    def fill(self, text: str) -> None:
        """Show another text, the cursor at its end."""
        self.load_text(text)
        self.move_cursor(self.document.end)

    def action_submit(self) -> None:
        """Hand the text over, and be empty for what is typed next: that may be here already."""
        text = self.text
        self.load_text("")
        self._submit(text, self.conversation)

    def give_back(self, text: str) -> None:
        """Take back what could not be sent; what has been typed meanwhile stands after it."""
        self.fill(text + self.text)

    def action_newline(self) -> None:
        """Begin a new line."""
        self.insert("\n")

    def action_complete(self) -> None:
        """Complete the word before the cursor as far as it is certain; offer what it could be."""
        row, column = self.cursor_location
        before = "\n".join([*self.text.split("\n")[:row], self.document.get_line(row)[:column]])
        start, words = completions(before, self.users, self.themes, self.groups)
        if not words:
            return
        word = before[start:]
        known = common_start(words)
        if len(words) > 1:
            self.post_message(self.Offered(words))
        if len(known) > len(word):
            self.replace(known, (row, column - len(word)), (row, column))

    def action_cursor_up(self, select: bool = False) -> None:
        """Move up; above the first line is what was typed before."""
        if not select and self.cursor_at_first_line:
            self._call_back(-1)
        else:
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        """Move down; below the last line is what was typed after."""
        if not select and self.cursor_at_last_line:
            self._call_back(1)
        else:
            super().action_cursor_down(select)

    async def _on_key(self, event: events.Key) -> None:
        # The text area's would put a line break there.
        if event.key == "enter":
            event.prevent_default()
            event.stop()
            self.action_submit()
        else:
            await take_key(self, event)

    def _call_back(self, by: int) -> None:
        text = self.typed.step(by, self.text)
        if text is not None:
            self.fill(text)


def _sign(character: str) -> str:
    """Return what stands for a character on the screen."""
    number = ord(character)
    if number < 0x20:
        return character if character == "\t" else chr(_CONTROL_PICTURES + number)
    return _UNSEEN if visible(character) != character else character
