"""Doing what the keys stand for."""

from typing import TYPE_CHECKING

from mqtt_client.app.entries import Row
from mqtt_client.errors import ClientError

if TYPE_CHECKING:
    from mqtt_client.app.screens.chat import ChatScreen

OPENING = frozenset({"switch", "find", "help"})
"""Keys that lead to something else that is typed into, or read."""


class Pressing:
    """Acts on a chat screen."""

    def __init__(self, screen: "ChatScreen") -> None:
        """Take the screen."""
        self._screen = screen

    def press(self, name: str) -> None:
        """Do what a key of that name in `keys` stands for."""
        screen = self._screen
        view, talk = screen.messages, screen.talk
        opened = talk.opened
        {
            "help": screen.nightjar.show_help,
            "switch": screen.nightjar.switch,
            "next_unread": lambda: self._open(screen.roster.next_unread(opened)),
            "next": lambda: self._open(screen.roster.step(opened, 1)),
            "previous": lambda: self._open(screen.roster.step(opened, -1)),
            "find": screen.finding.open,
            "page_up": lambda: view.scroll_pages(-1),
            "page_down": lambda: view.scroll_pages(1),
            "line_up": lambda: view.scroll_lines(-1),
            "line_down": lambda: view.scroll_lines(1),
            "top": self._to_top,
            "bottom": talk.to_end,
            "select_up": lambda: view.select(-1),
            "select_down": lambda: view.select(1),
            "copy": self.copy_chosen,
            "unfold": view.unfold,
            "resend": lambda: screen.commands.follow("resend", ""),
            "discard": lambda: screen.commands.follow("discard", ""),
            "newline": screen.composer.action_newline,
            "edit": self._edit,
            "complete": screen.composer.action_complete,
            "cancel": self._cancel,
            "quit": screen.nightjar.leave,
        }[name]()

    def _open(self, row: Row | None) -> None:
        self._screen.talk.open(row.name if row else None)

    def _to_top(self) -> None:
        self._screen.messages.viewport.to_start()
        self._screen.messages.changed()

    def copy_chosen(self) -> None:
        """Copy the text of a message as it was sent."""
        entries = self._screen.messages.viewport.entries
        entry = self._screen.messages.chosen or (entries[-1] if entries else None)
        if entry:
            self._screen.app.copy_to_clipboard(entry.text)
            self._screen.status.show_notice("copied")

    def _edit(self) -> None:
        try:
            self._screen.composer.fill(self._screen.nightjar.edit(self._screen.composer.text))
        except ClientError as error:
            self._screen.status.show_notice(str(error))

    def _cancel(self) -> None:
        for group in ("history", "command export", "command search", "find"):
            self._screen.workers.cancel_group(self._screen, group)
        self._screen.status.show_notice("")
        if self._screen.finding.is_open:
            self._screen.finding.close()
        elif self._screen.messages.selected is not None:
            self._screen.messages.selected = None
            self._screen.messages.changed()
