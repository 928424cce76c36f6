"""The app: the screens, and the backend behind them."""

import asyncio
import gc
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from datetime import time as clock_time

from textual import events, on
from textual.app import App, SuspendNotSupported
from textual.message import Message
from textual.theme import Theme

from mqtt_client.app.changes import Change, Crashed, LoginChanged
from mqtt_client.app.config import Config
from mqtt_client.app.engine import Engine
from mqtt_client.app.entries import Snapshot
from mqtt_client.app.palette import DARK, DEFAULT, PALETTES
from mqtt_client.app.screens.chat import ChatScreen
from mqtt_client.app.screens.editing import edited
from mqtt_client.app.screens.login import LoginScreen
from mqtt_client.app.screens.panels import HelpPanel, Switcher
from mqtt_client.app.storage import Chats
from mqtt_client.app.terminal import TakingOverDriver, TerminalDriver, teach_alt_keys
from mqtt_client.errors import ClientError, InputError
from mqtt_client.profile import Profile

_LEAVE_SECONDS = 5.0


@dataclass(frozen=True)
class Start:
    """What the app begins with: where, as whom, and what was there the last time."""

    profile: Profile
    server: str
    username: str | None = None
    wanted: str | None = None
    config: Config = field(default_factory=Config)
    chats: Chats | None = None
    snapshot: Snapshot = field(default_factory=Snapshot)
    theme: str | None = None
    is_painted: bool = False


def _theme(name: str, palette: Mapping[str, str]) -> Theme:
    return Theme(
        name=name,
        primary=palette["primary"],
        secondary=palette["secondary"],
        accent=palette["accent"],
        foreground=palette["foreground"],
        background=palette["background"],
        surface=palette["surface"],
        panel=palette["panel"],
        success=palette["success"],
        warning=palette["warning"],
        error=palette["error"],
        dark=palette is DARK,
    )


class Told(Message):
    """The backend tells what has happened."""

    def __init__(self, changes: tuple[Change, ...]) -> None:
        """Take the changes."""
        super().__init__()
        self.changes = changes


class NightjarApp(App[None]):
    """The full-screen app."""

    TITLE = "nightjar"
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, start: Start, zone: tzinfo | None = None, environment: Mapping[str, str] = os.environ) -> None:
        """Take what it begins with, and the time zone of the clock on the wall (None: the machine's)."""
        super().__init__(
            driver_class=TakingOverDriver if start.is_painted else TerminalDriver,
            # Only then does Textual's NO_COLOR leave out all colours, and not just their hue.
            ansi_color=True if environment.get("NO_COLOR") else None,
        )
        teach_alt_keys()
        self.config = start.config
        self.zone = zone
        self.in_tmux = bool(environment.get("TMUX"))
        self.engine = Engine(start.profile, self.tell, start.chats, self._keep_what_is_loaded)
        self.crash: Exception | None = None
        self._environment = environment
        self._begun = start
        self._wanted = start.wanted
        self._snapshot = start.snapshot

    def on_mount(self) -> None:
        """Show the first screen; everything else begins after it."""
        for name, palette in PALETTES.items():
            self.register_theme(_theme(name, palette))
        chosen = self._begun.theme or self.config.theme
        self.theme = chosen if chosen in self.available_themes else DEFAULT
        if not self.is_headless:
            for number in (signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(number, self.leave)
        self.set_keymap({name: ",".join(keys) for name, keys in self.config.keys.items()})
        if self._begun.username:
            self.push_screen(self._chat(self._begun.username, self._begun.server))
        else:
            self.push_screen(LoginScreen(self._begun.server))
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.engine.start()
        if self.config.theme not in self.available_themes:
            self.say(f"there is no theme {self.config.theme}; there are {', '.join(sorted(self.available_themes))}")

    def _keep_what_is_loaded(self) -> None:
        """Have what is there for good not be looked through for garbage: that would hold up a key for some 50 ms."""
        if not self.is_headless:
            gc.freeze()

    async def on_event(self, event: events.Event) -> None:
        """Note that somebody is at the keys."""
        chat = self._chat_screen() if isinstance(event, events.InputEvent) else None
        if chat is not None:
            chat.live.touched()
        await super().on_event(event)

    def on_unmount(self) -> None:
        """End the backend."""
        self.engine.stop()

    def on_app_focus(self) -> None:
        """Somebody looks at the terminal again."""
        chat = self._chat_screen()
        if chat is not None:
            chat.on_terminal_focus()

    # For the screens

    def leave(self) -> None:
        """End the app; what was sent just before is in the outbox, and drafts are kept."""
        self.run_worker(self._leave(), group="leave", exclusive=True)

    async def action_quit(self) -> None:
        """Leave, after what was typed before: Textual's own key for it."""
        chat = self._chat_screen()
        if chat is not None:
            chat.action_press("quit")
        else:
            self.leave()

    async def _leave(self) -> None:
        chat = self._chat_screen()
        # A backend that has no login, or no more, must not hold the exit up.
        with suppress(TimeoutError, ClientError):
            if chat is not None:
                async with asyncio.timeout(_LEAVE_SECONDS):
                    await chat.handed_over()
                    await chat.talk.draft_kept()
        self.exit()

    def say(self, text: str) -> None:
        """Say a line in the status line."""
        chat = self._chat_screen()
        if chat is not None:
            chat.status.show_notice(text)

    def switch(self) -> None:
        """Open the switcher."""
        chat = self._chat_screen()
        if chat is not None:
            self.push_screen(Switcher(chat.roster.rows), self._switched)

    def show_help(self) -> None:
        """Open the help."""
        self.push_screen(HelpPanel(self.config.keys))

    def edit(self, text: str) -> str:
        """Let the editor change a text. Raises InputError."""
        try:
            with self.suspend():
                return edited(text, self._environment)
        except SuspendNotSupported as error:
            raise InputError("an editor cannot be opened on this terminal") from error

    def local_time(self) -> clock_time:
        """Read the clock on the wall."""
        return datetime.now(UTC).astimezone(self.zone).time()

    def write_to_terminal(self, sequence: str) -> None:
        """Have the terminal do something that is no text."""
        if sequence and self._driver is not None:
            self._driver.write(sequence)

    def action_help_quit(self) -> None:
        """Say how to leave: Ctrl+C is pressed by habit."""
        self.say("Ctrl+Q leaves, F1 helps")

    # The backend

    def tell(self, changes: tuple[Change, ...]) -> None:
        """Take what has happened; called in any thread."""
        with suppress(RuntimeError):  # the app has ended meanwhile
            self.post_message(Told(changes))

    @on(Told)
    def _told(self, message: Told) -> None:
        chat = self._chat_screen()
        for change in message.changes:
            match change:
                case Crashed(error):
                    self.crash = error
                    self.exit()
                case LoginChanged() if not self.screen_stack:
                    pass  # the app is ending, and its screens have gone
                case LoginChanged(None, _, reason):
                    self._show_login(reason)
                    chat = None
                case LoginChanged(str(username), server) if chat is None or chat.me != username:
                    chat = self._chat(username, server)
                    self.switch_screen(chat)
                case _:
                    pass
        if chat is not None:
            chat.take_when_ready(message.changes)

    def _show_login(self, reason: str) -> None:
        if isinstance(self.screen, LoginScreen):
            return
        chat = self._chat_screen()
        while len(self.screen_stack) > 2:
            self.pop_screen()
        self.switch_screen(LoginScreen(self._begun.server, chat.me if chat else "", reason))

    def _chat(self, username: str, server: str) -> ChatScreen:
        wanted, self._wanted = self._wanted, None
        snapshot, self._snapshot = self._snapshot, Snapshot()
        return ChatScreen(snapshot, username, server, config=self.config, zone=self.zone, wanted=wanted)

    def _chat_screen(self) -> ChatScreen | None:
        return next((screen for screen in self.screen_stack if isinstance(screen, ChatScreen)), None)

    def _switched(self, name: str | None) -> None:
        chat = self._chat_screen()
        if chat is None or name is None:
            return
        if name.startswith("new:"):
            chat.talk.write_to(name.removeprefix("new:"))
        else:
            chat.talk.open(name)
