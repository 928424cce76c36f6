"""Following the commands."""

from typing import TYPE_CHECKING

from mqtt_client.app.changes import Noticed
from mqtt_client.app.screens.answering import WRITING, Answering
from mqtt_client.app.screens.panels import FoundPanel, PasswordPanel, TextPanel
from mqtt_client.errors import InputError
from mqtt_client.text import visible
from wire.names import is_device_id

if TYPE_CHECKING:
    from mqtt_client.app.screens.chat import ChatScreen


class Commanding:
    """Does what a command says; errors are a line in the status line."""

    def __init__(self, screen: "ChatScreen") -> None:
        """Take the screen."""
        self._screen = screen
        self._answering = Answering(screen)

    def offer_groups(self) -> None:
        """Have Tab know the open groups, when they are asked for."""
        self._screen.work(self._answering.offer_groups, group="groups")

    def follow(self, name: str, rest: str) -> None:
        """Do what the command of that name says."""
        if name == "msg":
            self._msg(rest)
            return
        follow = {
            "history": self._history,
            "find": self._find,
            "search": self._search,
            "mute": self._mute,
            "unmute": self._unmute,
            "resend": self._resend,
            "discard": self._discard,
            "sessions": self._sessions,
            "password": self._password,
            "theme": self._theme,
            "help": self._help,
            "quit": self._quit,
            **self._answering.commands,
        }[name]
        if name in WRITING:
            # Each of them counts, however soon the next one comes.
            self._screen.work_apart(lambda: follow(rest))
        else:
            self._screen.work(lambda: follow(rest), group="history" if name == "history" else f"command {name}")

    def _msg(self, rest: str) -> None:
        if rest.startswith("#"):
            self._screen.talk.write_to_group(rest)
            return
        user, *text = rest.split(None, 1)[:2] or [""]
        if user:
            self._screen.talk.write_to(user.removeprefix("@"), *text)
        else:
            self._screen.status.show_notice("/msg USER [TEXT]: who is it for?")

    async def _history(self, _: str) -> None:
        screen = self._screen
        name = screen.talk.opened
        if name is None:
            return

        def progress(count: int) -> None:
            screen.nightjar.tell((Noticed(f"{count} older messages have come; Escape stops"),))

        screen.status.show_notice("loading older messages; Escape stops", stays=True)
        try:
            await screen.ask(lambda backend: backend.pages.fetch_all(name, progress))
        finally:
            screen.status.show_notice("")
        page = await screen.ask(lambda backend: backend.pages.first(name))
        if name == screen.talk.opened:
            screen.messages.show(page)
            screen.messages.viewport.to_start()
            screen.messages.changed()

    async def _find(self, rest: str) -> None:
        self._screen.finding.open(rest)

    async def _search(self, rest: str) -> None:
        screen = self._screen
        if not rest:
            raise InputError("/search TEXT: what?")
        screen.status.show_notice("searching …", stays=True)
        found = await screen.ask(lambda backend: backend.pages.search(rest))
        screen.status.show_notice("" if found else f"{rest!r} is in no conversation that is stored here")
        if found:
            labels = {row.name: row.label for row in screen.roster.rows}
            await screen.app.push_screen(FoundPanel(found, screen.nightjar.zone, labels), screen.talk.open_at)

    async def _mute(self, _: str) -> None:
        await self._set_muted(muted=True)

    async def _unmute(self, _: str) -> None:
        await self._set_muted(muted=False)

    async def _set_muted(self, *, muted: bool) -> None:
        name = self._screen.talk.opened
        if name is not None:
            await self._screen.ask(lambda backend: backend.mute(name, muted=muted))
            self._screen.status.show_notice("muted" if muted else "no longer muted")

    async def _resend(self, _: str) -> None:
        entry = self._screen.talk.rejected()
        if entry is None:
            raise InputError("there is no rejected message here")
        await self._screen.ask(lambda backend: backend.resend(entry))

    async def _discard(self, _: str) -> None:
        entry = self._screen.talk.rejected()
        if entry is None:
            raise InputError("there is no rejected message here")
        await self._screen.ask(lambda backend: backend.discard(entry))

    async def _sessions(self, rest: str) -> None:
        words = rest.split()
        if words[:1] == ["end"]:
            device = words[1] if len(words) == 2 else ""
            if not is_device_id(device):
                raise InputError("/sessions end DEVICE: /sessions lists the devices")
            await self._screen.ask(lambda backend: backend.end_session(device))
            self._screen.status.show_notice(f"ended {device}")
            return
        devices = await self._screen.ask(lambda backend: backend.sessions())
        lines = []
        for entry in devices.sessions:
            mark = " (this one)" if entry.current else ""
            lines.append(f"{entry.id}{mark}  {visible(entry.name or '')}")
            lines.append(f"    since {visible(entry.created_at)}, last seen {visible(entry.last_seen_at)}")
        lines += ["", "/sessions end DEVICE ends one"]
        await self._screen.app.push_screen(TextPanel("Your login sessions", lines))

    async def _password(self, _: str) -> None:
        await self._screen.app.push_screen(PasswordPanel())

    async def _theme(self, rest: str) -> None:
        screen = self._screen
        if not rest:
            screen.status.show_notice(f"{screen.app.theme}; there are {', '.join(screen.composer.themes)}", stays=True)
            return
        if rest not in screen.composer.themes:
            raise InputError(f"there is no theme {rest!r}; there are {', '.join(screen.composer.themes)}")
        screen.app.theme = rest
        await screen.ask(lambda backend: backend.choose("theme", rest))

    async def _help(self, _: str) -> None:
        self._screen.nightjar.show_help()

    async def _quit(self, _: str) -> None:
        self._screen.nightjar.leave()
