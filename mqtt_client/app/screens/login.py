"""Registering and logging in."""

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Button, Label
from textual.worker import Worker

from mqtt_client.app.widgets.field import Field, all_taken
from mqtt_client.errors import ClientError
from mqtt_client.text import visible

if TYPE_CHECKING:
    from mqtt_client.app.nightjar import NightjarApp

_LABELS = {
    "server": "Server",
    "username": "Username",
    "password": "Password",
    "again": "Password again, to register",
}


class LoginScreen(Screen[None]):
    """Asks for server, name and password; what is wrong with one stands below it."""

    AUTO_FOCUS = ""
    CSS = """
    LoginScreen { align: center middle; }
    #login { width: 60; max-width: 95%; height: auto; border: solid $primary; padding: 0 2; }
    #login Input { border: none; height: 1; background: $boost; padding: 0 1; }
    #login .error { color: $error; height: auto; }
    #buttons { height: 1; margin-top: 1; }
    #buttons Button { border: none; height: 1; margin-right: 2; min-width: 12; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "leave", "quit", priority=True),
        Binding("escape", "cancel", show=False),
        # Before the fields see them: what is typed next goes to the field that they lead to.
        Binding("enter", "go_on", show=False, priority=True),
        Binding("tab,down", "app.focus_next", show=False, priority=True),
        Binding("shift+tab,up", "app.focus_previous", show=False, priority=True),
    ]

    def __init__(self, server: str, username: str = "", reason: str = "") -> None:
        """Prefill the server, and the name of who was logged in; `reason` says why that has ended."""
        super().__init__()
        # Held, not looked for: whoever leaves while the screen is put together has a screen without any of them.
        self._fields = {
            "server": Field(server, id="server"),
            "username": Field(username, id="username"),
            "password": Field(password=True, id="password"),
            "again": Field(password=True, id="again"),
        }
        self._errors = {name: Label("", classes="error", id=f"{name}-error", markup=False) for name in self._fields}
        self._said = Label(visible(reason), id="said", classes="error", markup=False)
        self._asking: Worker[None] | None = None

    def compose(self) -> ComposeResult:
        """Put the fields together."""
        with Vertical(id="login") as box:
            box.border_title = "Nightjar"
            for name, field in self._fields.items():
                yield Label(_LABELS[name])
                yield field
                yield self._errors[name]
            with Horizontal(id="buttons"):
                yield Button("Log in", id="log-in", variant="primary")
                yield Button("Register", id="register")
            yield self._said

    def on_mount(self) -> None:
        """Begin at the first field that is empty."""
        self.set_focus(self._fields["password" if self._value("username") else "username"])

    def action_go_on(self) -> None:
        """Go to the next field; after the last one that is needed, log in or register."""
        focused = self.focused
        if isinstance(focused, Button):
            focused.press()
        elif focused is not None and focused.id in ("password", "again"):
            self._ask(is_new=True if focused.id == "again" else None)
        else:
            self.focus_next()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self._ask(is_new=event.button.id == "register")

    def action_leave(self) -> None:
        """Leave the app."""
        cast("NightjarApp", self.app).leave()

    def action_cancel(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            self._said.update("")

    def _ask(self, *, is_new: bool | None) -> None:
        # Not twice: what is registered by the first Enter would be taken for the second.
        if self._asking is None or self._asking.is_finished:
            self._asking = self.run_worker(self._submit(is_new=is_new))

    async def _submit(self, *, is_new: bool | None) -> None:
        """Log in or register (None: as it looks), with all that was typed before."""
        await all_taken(self._fields.values())
        if is_new is None:
            is_new = bool(self._value("again"))
        for name in self._fields:
            self._say(name, "")
        if is_new and self._value("again") != self._value("password"):
            self._say("again", "the two passwords differ")
            self.set_focus(self._fields["again"])
            return
        self._said.update("asking the server … (Escape stops)")
        await self._log_in(is_new=is_new)

    async def _log_in(self, *, is_new: bool) -> None:
        server, username, password = (self._value(name) for name in ("server", "username", "password"))
        engine = cast("NightjarApp", self.app).engine
        try:
            await engine.do(lambda backend: backend.log_in(server, username, password, is_new=is_new))
        except ClientError as error:
            self._said.update("")
            field = _field_of(str(error))
            self._say(field, str(error).removeprefix(f"{field}: "))
            self.set_focus(self._fields[field])
        else:
            self._said.update("logged in")

    def _value(self, name: str) -> str:
        return self._fields[name].value

    def _say(self, name: str, text: str) -> None:
        self._errors[name].update(visible(text))


def _field_of(said: str) -> str:
    """Find the field that an error is about: the server names it, and what else goes wrong is the server."""
    for name in ("username", "password", "server"):
        if said.startswith(f"{name}:"):
            return name
    if "password" in said:
        return "password"
    return "username" if "username" in said or "taken" in said else "server"
