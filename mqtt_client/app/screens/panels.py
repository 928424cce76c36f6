"""What opens over the chat: help, a text, the switcher, the password."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from mqtt_client.app.commands import COMMANDS
from mqtt_client.app.entries import Entry, Row
from mqtt_client.app.keys import FIXED, KEYS, keys_of, spoken
from mqtt_client.app.lines import local, shown_text
from mqtt_client.app.roster import matching
from mqtt_client.app.widgets.field import Field, all_taken
from mqtt_client.errors import ClientError, reason
from mqtt_client.text import visible

if TYPE_CHECKING:
    from mqtt_client.app.nightjar import NightjarApp

ResultT = TypeVar("ResultT")
_CSS = """
{name} {{ align: center middle; }}
{name} #box {{ width: 90%; max-width: 100; height: auto; max-height: 90%; border: solid $primary; background: $surface; padding: 0 1; }}
"""  # noqa: E501  # CSS
_SWITCH_MOST = 50
_FOUND_SHOWN = 200
_CHANGED = "the password is changed; every other session has ended"


class Panel(ModalScreen[ResultT]):
    """A screen over the chat, which closes once."""

    def dismiss(self, result: ResultT | None = None) -> AwaitComplete:
        """Close, unless that has begun: Textual would close what is below for a second key that was pressed at once."""
        return super().dismiss(result) if self.is_current else AwaitComplete()


class TextPanel(Panel[None]):
    """Shows lines; Escape closes it."""

    CSS = _CSS.format(name="TextPanel")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q", "dismiss", "close")]

    def __init__(self, title: str, lines: list[str]) -> None:
        """Take what to show."""
        super().__init__()
        self._title = title
        self.lines = lines

    def compose(self) -> ComposeResult:
        """Put the box together."""
        box = VerticalScroll(Static("\n".join(self.lines), markup=False), id="box")
        box.border_title = f"{self._title} (Escape closes)"
        yield box


class HelpPanel(TextPanel):
    """All keys and commands."""

    CSS = _CSS.format(name="HelpPanel")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f1", "dismiss", "close")]

    def __init__(self, chosen: Mapping[str, tuple[str, ...]]) -> None:
        """Take the keys of `config.toml`."""
        keys = [(", ".join(spoken(each) for each in keys_of(chosen, key.name)), key.does) for key in KEYS]
        commands = [(command.usage, command.does) for command in COMMANDS]
        lines = [*_columns([*FIXED, *keys]), "", *_columns(commands), ""]
        lines += ["Two slashes begin a message with one: //etc is sent as /etc."]
        super().__init__("Keys and commands", lines)


def _columns(pairs: list[tuple[str, str]]) -> list[str]:
    width = max(len(left) for left, _ in pairs)
    return [f"{left:{width}}  {right}" for left, right in pairs]


class Switcher(Panel[str | None]):
    """Finds a conversation by a part of its name; hands back its name on the wire, or `new:` and what was typed."""

    AUTO_FOCUS = ""
    CSS = _CSS.format(name="Switcher") + "Switcher OptionList { height: auto; max-height: 20; border: none; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "close"),
        Binding("down,ctrl+n", "move(1)", priority=True),
        Binding("up,ctrl+p", "move(-1)", priority=True),
    ]

    def __init__(self, rows: tuple[Row, ...]) -> None:
        """Take the conversations."""
        super().__init__()
        self._rows = rows
        self._early = ""
        # Held, not looked for: whoever leaves while the box is put together has a screen without any of them.
        self._wanted = Field(placeholder="a part of the name", id="wanted")
        self._list = OptionList(id="found")

    def compose(self) -> ComposeResult:
        """Put the box together."""
        box = Vertical(self._wanted, self._list, id="box")
        box.border_title = "Go to"
        yield box

    def on_mount(self) -> None:
        """Begin with all, or with what was typed while the box was put together."""
        self._show(self._early)
        self._wanted.value = self._early
        self.set_focus(self._wanted)
        self._wanted.cursor_position = len(self._early)

    def on_key(self, event: events.Key) -> None:
        """Take what is typed before there is a box to type into."""
        if self.focused is None and event.is_printable and event.character:
            self._early += event.character
            event.stop()

    @on(Field.Changed)
    def _changed(self, event: Field.Changed) -> None:
        self._show(event.value.strip())

    @on(Field.Submitted)
    def _submitted(self) -> None:
        chosen = self._list.highlighted_option
        self.dismiss(chosen.id if chosen else None)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)  # the list may have changed since

    def action_move(self, by: int) -> None:
        """Choose the one above or below."""
        if by > 0:
            self._list.action_cursor_down()
        else:
            self._list.action_cursor_up()

    def _show(self, wanted: str) -> None:
        rows = matching(self._rows, wanted)[:_SWITCH_MOST]
        texts = {row.name: f"{visible(row.label)}{f'  ({row.unread} unread)' if row.unread else ''}" for row in rows}
        if wanted and not any(row.who == wanted for row in rows):
            texts[f"new:{wanted}"] = f"{visible(wanted)}  (new conversation)"
        self._list.clear_options()
        self._list.add_options([Option(Content(text), id=name) for name, text in texts.items()])
        self._list.highlighted = 0 if texts else None


class FoundPanel(Panel[Entry | None]):
    """Messages that a search has found; hands back the one that is chosen."""

    CSS = _CSS.format(name="FoundPanel") + "FoundPanel OptionList { height: auto; max-height: 20; border: none; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "close")]

    def __init__(self, found: list[Entry], zone: tzinfo | None, labels: Mapping[str, str]) -> None:
        """Take what was found, and how the conversations are called."""
        super().__init__()
        self._found = found
        self._labels = labels
        self._zone = zone
        self._list = OptionList(*map(self._option, found), id="found")

    def _option(self, entry: Entry) -> Option:
        moment = local(entry.sent_at, self._zone)
        place = visible(self._labels.get(entry.conversation, entry.conversation.partition(":")[2]))
        body = " ".join(shown_text(entry, _FOUND_SHOWN))
        return Option(Content(f"{moment:%Y-%m-%d %H:%M}  {place}  {visible(entry.sender)}: {body}"))

    def compose(self) -> ComposeResult:
        """Put the box together."""
        box = Vertical(self._list, id="box")
        box.border_title = f"{len(self._found)} found (Escape closes)"
        yield box

    def on_mount(self) -> None:
        """Begin with the newest."""
        self._list.focus()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._found[event.option_index])


class PasswordPanel(Panel[None]):
    """Changes the password."""

    CSS = _CSS.format(name="PasswordPanel")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "close"),
        # Before the fields see it: what is typed next goes to the field that it leads to.
        Binding("enter", "go_on", show=False, priority=True),
    ]

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self._current = Field(placeholder="current password", password=True, id="current")
        self._new = Field(placeholder="new password", password=True, id="new")
        self._again = Field(placeholder="new password again", password=True, id="again")
        self._said = Static("Enter changes it; every other session ends.", id="said", markup=False)

    def compose(self) -> ComposeResult:
        """Put the box together."""
        box = Vertical(self._current, self._new, self._again, self._said, id="box")
        box.border_title = "Change the password (Escape closes)"
        yield box

    def action_go_on(self) -> None:
        """Go to the next field; after the last one, change it."""
        if self.focused is self._again:
            self.run_worker(self._submit(), exclusive=True)
        else:
            self.focus_next()

    async def _submit(self) -> None:
        await all_taken((self._current, self._new, self._again))
        if self._new.value != self._again.value:
            self._say("the two new passwords differ")
        else:
            await self._change(self._current.value, self._new.value)

    async def _change(self, current: str, new: str) -> None:
        self._say("asking the server …")
        try:
            await cast("NightjarApp", self.app).engine.do(lambda backend: backend.change_password(current, new))
        except ClientError as error:
            self._say(reason(error))
        else:
            self._say(_CHANGED)  # it may not be on top
            self.dismiss()
            cast("NightjarApp", self.app).say(_CHANGED)

    def _say(self, text: str) -> None:
        self._said.update(visible(text))
