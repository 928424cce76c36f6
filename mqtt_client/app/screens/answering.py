"""Following the commands around messages that are there, groups and people."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mqtt_client.app.changes import Noticed, PresenceTold
from mqtt_client.app.commands import reaction
from mqtt_client.app.entries import Entry, Mark
from mqtt_client.app.lines import local
from mqtt_client.errors import InputError
from mqtt_client.profile import Privacy
from mqtt_client.text import visible
from wire.names import is_group_id

if TYPE_CHECKING:
    from mqtt_client.app.backend import Backend
    from mqtt_client.app.screens.chat import ChatScreen
    from mqtt_client.events import PresenceChanged

_MIB = 1024 * 1024
WRITING = frozenset({"reply", "react", "correct", "retract"})
"""Commands that put a message into the outbox."""


class Answering:
    """Does what these commands say; errors are a line in the status line."""

    def __init__(self, screen: "ChatScreen") -> None:
        """Take the screen."""
        self._screen = screen

    @property
    def commands(self) -> Mapping[str, Callable[[str], Coroutine[None, None, None]]]:
        """The commands, by their names."""
        return {
            "join": self._join,
            "leave": self._leave,
            "reply": self._reply,
            "react": self._react,
            "correct": self._correct,
            "retract": self._retract,
            "whois": self._whois,
            "block": self._block,
            "unblock": self._unblock,
            "privacy": self._privacy,
            "export": self._export,
        }

    # Groups

    async def offer_groups(self) -> None:
        """Have Tab know the open groups."""
        found = await self._screen.ask(lambda backend: backend.actions.groups(is_open=True))
        self._screen.composer.groups = tuple(f"#{visible(each.group.title)}" for each in found)

    async def _join(self, rest: str) -> None:
        if not rest:
            raise InputError("/join GROUP: which one? Tab lists the open ones")
        named = rest if rest.startswith("#") or is_group_id(rest) else f"#{rest}"
        name = await self._screen.ask(lambda backend: backend.actions.join(named))
        self._screen.talk.open(name)

    async def _leave(self, _: str) -> None:
        name = self._screen.talk.opened
        if name is None or not name.startswith("group:"):
            raise InputError("/leave: this conversation is no group")
        await self._screen.ask(lambda backend: backend.actions.leave(name))
        row = self._screen.roster.get(name)
        self._screen.status.show_notice(f"you have left {visible(row.label if row else name)}")

    # Messages

    async def _reply(self, rest: str) -> None:
        screen, name = self._screen, self._screen.talk.opened
        if not rest or name is None:
            raise InputError("/reply TEXT: what?")
        entry = await self._meant()
        if entry.seq is None:
            raise InputError("the message is not stored yet")
        await screen.ask(lambda backend: backend.actions.reply(name, rest, entry))
        screen.messages.draw_unread_line(None)
        if name == screen.talk.opened:
            screen.messages.selected = None
            screen.talk.to_end()

    async def _react(self, rest: str) -> None:
        if not rest:
            raise InputError("/react EMOJI: which one? Tab lists names")
        entry = await self._meant()
        await self._screen.ask(lambda backend: backend.actions.react(entry, reaction(rest)))

    async def _correct(self, rest: str) -> None:
        if not rest:
            raise InputError("/correct TEXT: what should it say?")
        entry = await self._own()
        await self._screen.ask(lambda backend: backend.actions.edit(entry, rest))

    async def _retract(self, _: str) -> None:
        entry = await self._own()
        await self._screen.ask(lambda backend: backend.actions.retract(entry))

    async def _meant(self) -> Entry:
        """Find the message that is chosen, else the newest that somebody else wrote, else the newest."""
        if self._screen.messages.chosen is not None:
            return self._screen.messages.chosen
        entries = [entry for entry in await self._entries() if entry.retracted_at is None and entry.seq is not None]
        theirs = [entry for entry in entries if entry.sender != self._screen.me]
        if not entries:
            raise InputError("there is no message here")
        return (theirs or entries)[-1]

    async def _own(self) -> Entry:
        """Find our message that is chosen, else our last one."""
        chosen = self._screen.messages.chosen
        if chosen is not None:
            if chosen.sender != self._screen.me:
                raise InputError("the chosen message is not yours; Escape lets go of it")
            return chosen
        for entry in reversed(await self._entries()):
            if entry.sender == self._screen.me and entry.retracted_at is None and entry.mark is not Mark.REJECTED:
                return entry
        raise InputError("there is no message of yours here")

    async def _entries(self) -> list[Entry]:
        viewport, name = self._screen.messages.viewport, self._screen.talk.opened
        if viewport.at_end or name is None:
            return viewport.entries
        return list((await self._screen.ask(lambda backend: backend.pages.newest(name))).entries)

    # People

    async def _whois(self, rest: str) -> None:
        name = self._somebody(rest, "/whois USER: who?")
        user = await self._screen.ask(lambda backend: backend.whois(name))
        told: PresenceTold | PresenceChanged | None = self._screen.live.presence(user.username)
        if told is None:
            told = await self._screen.ask(lambda backend: backend.actions.presence(user.username))
        named = f" ({visible(user.display_name)})" if user.display_name else ""
        registered = f", registered {visible(user.created_at)[:10]}" if user.created_at else ""
        there = f"; {told.status}" if told else "; has not said whether they are there"
        if told and told.since:
            there += f" since {local(told.since.timestamp(), self._screen.nightjar.zone):%Y-%m-%d %H:%M}"
        self._screen.status.show_notice(f"{user.username}{named}{registered}{there}", stays=True)

    async def _block(self, rest: str) -> None:
        name = self._somebody(rest, "/block USER: whom?")
        await self._screen.ask(lambda backend: backend.actions.block(name))
        self._screen.status.show_notice(f"{visible(name)} is blocked: you see nothing more of what they write")

    async def _unblock(self, rest: str) -> None:
        if not rest:
            names = await self._screen.ask(lambda backend: backend.actions.blocked())
            said = f"blocked: {', '.join(map(visible, names))}" if names else "nobody is blocked"
            self._screen.status.show_notice(said, stays=True)
            return
        name = self._somebody(rest, "")
        await self._screen.ask(lambda backend: backend.actions.unblock(name))
        self._screen.status.show_notice(f"{visible(name)} is not blocked any more")

    def _somebody(self, rest: str, usage: str) -> str:
        """Name who is meant: nobody named is the other side of the conversation that is open."""
        kind, _, other = (self._screen.talk.opened or "").partition(":")  # which the list may not have yet
        name = rest.removeprefix("@") or (other if kind == "direct" else "")
        if not name:
            raise InputError(usage)
        return name

    # What others are told, and what is stored

    async def _privacy(self, rest: str) -> None:
        async def known() -> str:
            now = await self._screen.ask(_privacy_now)
            pairs = (("markers", now.markers), ("presence", now.presence), ("typing", now.typing))
            return ", ".join(f"{what} {'on' if is_on else 'off'}" for what, is_on in pairs)

        words = rest.split()
        if words:
            if len(words) != 2 or words[0] not in {"markers", "presence", "typing"} or words[1] not in {"on", "off"}:
                raise InputError("/privacy [markers|presence|typing on|off]")
            wanted = replace(await self._screen.ask(_privacy_now), **{words[0]: words[1] == "on"})
            await self._screen.ask(lambda backend: backend.actions.keep_privacy(wanted))
        self._screen.status.show_notice(f"others are told: {await known()}", stays=True)

    async def _export(self, rest: str) -> None:
        if not rest:
            raise InputError("/export FILE: into which file?")
        screen = self._screen
        target = _file(rest)

        def progress(count: int) -> None:
            screen.nightjar.tell((Noticed(f"exported {count / _MIB:.1f} MiB; Escape stops"),))

        screen.status.show_notice("exporting; Escape stops", stays=True)
        try:
            count = await screen.ask(lambda backend: backend.export(target, progress))
        except BaseException:
            screen.status.show_notice("")
            raise
        screen.status.show_notice(f"{rest} has all that the server stores about you ({count} bytes)", stays=True)


async def _privacy_now(backend: "Backend") -> Privacy:
    return backend.actions.privacy


def _file(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise InputError(f"/export FILE: {error}") from error
