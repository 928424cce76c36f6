"""Finding a text in the conversation that is open."""

from typing import TYPE_CHECKING

from mqtt_client.app.entries import Entry
from mqtt_client.app.widgets.field import Field

if TYPE_CHECKING:
    from mqtt_client.app.screens.chat import ChatScreen


class Finding:
    """The find bar, and the messages that it has found."""

    def __init__(self, screen: "ChatScreen") -> None:
        """Take the screen."""
        self._screen = screen
        self._found: list[Entry] = []
        self._text = ""
        self._index = 0

    @property
    def is_open(self) -> bool:
        """Whether the bar is there."""
        return self._bar.has_class("open")

    def open(self, text: str = "") -> None:
        """Show the bar, with a text to find."""
        self._bar.add_class("open")
        self._bar.value = text
        self._screen.set_focus(self._bar)
        if text:
            self.enter()

    def close(self) -> None:
        """Hide the bar. What was found stays chosen."""
        self._bar.remove_class("open")
        self._text, self._found = "", []
        self._screen.status.show_notice("")
        self._screen.set_focus(self._screen.composer)

    def enter(self) -> None:
        """Find what stands in the bar; again: the one before it."""
        text = self._bar.value
        if not text:
            return
        if text == self._text and self._found and self._found[0].conversation == self._screen.talk.opened:
            self.step(1)
        else:
            self._screen.work(lambda: self._find(text), group="find")

    def step(self, by: int) -> None:
        """Go to the match that is older (1) or newer (-1)."""
        if self._found:
            self._index = (self._index + by) % len(self._found)
            self._screen.status.show_notice(f"match {self._index + 1} of {len(self._found)}", stays=True)
            self._screen.talk.go_to(self._found[self._index])

    async def _find(self, text: str) -> None:
        screen = self._screen
        name = screen.talk.opened
        if name is None:
            return
        screen.status.show_notice("searching …", stays=True)
        found = await screen.ask(lambda backend: backend.pages.find(name, text))
        if name != screen.talk.opened or not self.is_open:
            return
        self._text, self._found, self._index = text, found, 0
        if found:
            self.step(0)
        else:
            screen.status.show_notice("not found in what is stored here: /history loads the whole conversation")

    @property
    def _bar(self) -> Field:
        return self._screen.find_bar
