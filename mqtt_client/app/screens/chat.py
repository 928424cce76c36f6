"""The chat: the list, one conversation, the input. `talk`, `finding`, `commanding` and `pressing` act on it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from datetime import tzinfo
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import Worker

from mqtt_client.app.changes import (
    Change,
    EntriesChanged,
    EntryRemoved,
    GroupTold,
    LinkChanged,
    LoginChanged,
    Noticed,
    PresenceTold,
    RowsChanged,
    SessionsTold,
    TypingTold,
)
from mqtt_client.app.config import Config
from mqtt_client.app.entries import Snapshot
from mqtt_client.app.keys import KEYS, footer, keys_of, spoken
from mqtt_client.app.listing import WIDE_ENOUGH
from mqtt_client.app.roster import Roster
from mqtt_client.app.screens.commanding import Commanding
from mqtt_client.app.screens.finding import Finding
from mqtt_client.app.screens.live import Live
from mqtt_client.app.screens.pressing import OPENING, Pressing
from mqtt_client.app.screens.talk import Talk
from mqtt_client.app.widgets.composer import Composer
from mqtt_client.app.widgets.conversation_list import ConversationList
from mqtt_client.app.widgets.field import Field
from mqtt_client.app.widgets.message_view import MessageView
from mqtt_client.app.widgets.status_line import Keys, StatusLine
from mqtt_client.errors import ClientError, reason
from mqtt_client.text import visible
from wire.names import is_username

if TYPE_CHECKING:
    from mqtt_client.app.backend import Backend
    from mqtt_client.app.nightjar import NightjarApp

Result = TypeVar("Result")
_GROUPS_SECONDS = 30.0
Work = Callable[[], Coroutine[None, None, None]]
_APART = "apart"


class ChatScreen(Screen[None]):
    """Shows what the backend tells, and hands on what is pressed."""

    AUTO_FOCUS = ""
    CSS = """
    #title { height: 1; padding: 0 1; background: $panel; color: $foreground; text-style: bold; }
    #find { height: 1; border: none; padding: 0 1; display: none; background: $boost; }
    #find.open { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(",".join(key.keys), f"press('{key.name}')", key.does, id=key.name, show=False, priority=True)
            for key in KEYS
        ),
        *(Binding(f"alt+{number}", f"number({number})", show=False, priority=True) for number in range(1, 10)),
    ]

    def __init__(
        self,
        snapshot: Snapshot,
        me: str,
        server: str,
        *,
        config: Config,
        zone: tzinfo | None,
        wanted: str | None = None,
    ) -> None:
        """Show what a snapshot has; `wanted` is a user to write to."""
        super().__init__()
        self.me = me
        self.server = server
        self.roster = Roster(snapshot.rows)
        # Work that is under way when the app ends may still ask for them.
        resend, unfold = (spoken(keys_of(config.keys, name)[0]) for name in ("resend", "unfold"))
        self.conversations = ConversationList()
        self.heading = Static("", id="title", markup=False)
        self.messages = MessageView(me, zone, (resend, unfold))
        self.find_bar = Field(placeholder="find in this conversation", id="find")
        self.status = StatusLine()
        self.talk = Talk(self)
        self.composer = Composer(self.talk.submit)
        self.finding = Finding(self)
        self.commands = Commanding(self)
        self.keys = Pressing(self)
        self.live = Live(self)
        self._footer = Keys(footer(config.keys))
        self._snapshot = snapshot
        self._wanted = wanted
        self._is_composed = False
        self._title = ""
        self._waiting: list[Change] = []
        self._was_covered = False
        self._groups_at = float("-inf")

    def compose(self) -> ComposeResult:
        """Put the widgets together."""
        with Horizontal():
            yield self.conversations
            with Vertical():
                yield self.heading
                yield self.messages
                yield self.find_bar
                yield self.status
                yield self.composer
        yield self._footer

    def on_mount(self) -> None:
        """Show the last screen of the last time."""
        self.composer.themes = tuple(sorted(self.app.available_themes))
        self.composer.focus()
        self.status.who = f"{self.me} at {self.server}"
        if self._snapshot.opened:
            self.talk.show(self._snapshot.opened, self._snapshot.page)
        else:
            self.show_rows()
        if self._wanted and is_username(self._wanted):
            self._write_to_wanted(self._wanted)  # at once: what is typed from now on is for them
        self._is_composed = True
        self.live.begin()
        waiting, self._waiting = self._waiting, []
        self.take(waiting)

    def on_resize(self) -> None:
        """Leave out the list where there is no room for it; Ctrl+K has it too."""
        self.conversations.display = self.size.width >= WIDE_ENOUGH

    def on_backend_ready(self) -> None:
        """Go on where the snapshot ends: the backend is there, with or without the server."""
        self.work(self._begin, group="begin")

    async def _begin(self) -> None:
        for text in await self.ask(lambda backend: backend.typed()):
            self.composer.typed.add(text)
        if self._wanted:
            self._write_to_wanted(self._wanted)
        # What is being opened now is read with all that the backend has, and has its line above what is unread.
        elif not any(worker.group == "open" and worker.is_running for worker in self.workers):
            self.talk.refresh()

    def _write_to_wanted(self, wanted: str) -> None:
        self._wanted = None
        self.talk.write_to(wanted)

    # The parts

    @property
    def nightjar(self) -> "NightjarApp":
        """The app."""
        return cast("NightjarApp", self.app)

    # The backend

    @property
    def is_covered(self) -> bool:
        """Whether something is open over the conversation."""
        return self.app.screen_stack[-1:] != [self]

    @staticmethod
    def app_time() -> float:
        """Count seconds."""
        return time.monotonic()

    async def ask(self, work: "Callable[[Backend], Awaitable[Result]]") -> Result:
        """Have the backend do something. Raises ClientError."""
        return await self.nightjar.engine.do(work, logged_in=True)

    def work(self, work: Work, group: str) -> None:
        """Do something beside the screen; what goes wrong is a line. It takes the place of what its group does."""
        reported: Work = partial(self._reported, work)
        _: Worker[None] = self.run_worker(reported, group=group, exclusive=True)

    def work_apart(self, work: Work) -> None:
        """Do something beside whatever else is done; what goes wrong is a line."""
        reported: Work = partial(self._reported, work)
        _: Worker[None] = self.run_worker(reported, group=_APART, exclusive=False)

    async def handed_over(self) -> None:
        """Wait until the backend has taken what was sent and noted so far."""
        apart = [worker.wait() for worker in self.workers if worker.node is self and worker.group == _APART]
        await asyncio.gather(*apart, return_exceptions=True)  # what goes wrong has been said

    def do(self, work: "Callable[[Backend], Awaitable[object]]") -> None:
        """Have the backend do something that nobody waits for."""

        async def done() -> None:
            await self.ask(work)

        self.work_apart(done)

    async def _reported(self, work: Work) -> None:
        try:
            await work()
        except ClientError as error:
            self.status.show_notice(reason(error))

    # What the backend tells

    def take_when_ready(self, changes: tuple[Change, ...]) -> None:
        """Show what has happened, after the widgets are there."""
        if self._is_composed:
            self.take(changes)
        else:
            self._waiting += changes

    def take(self, changes: Iterable[Change]) -> None:
        """Show what has happened."""
        for change in changes:
            match change:
                case EntriesChanged(entries, news):
                    self.talk.take(entries, news)
                case EntryRemoved(conversation, arrival) if conversation == self.talk.opened:
                    self.messages.viewport.remove(arrival)
                    self.messages.changed()
                case RowsChanged(rows):
                    self.roster.update(rows)
                    self.show_rows()
                case Noticed(text, stays):
                    self.status.show_notice(text, stays=stays)
                case LinkChanged():
                    self.status.show_link(change)
                case LoginChanged(str()):
                    self.on_backend_ready()
                case TypingTold() | PresenceTold() | GroupTold() | SessionsTold():
                    self.live.take(change)
                case _:
                    pass
        self.show_list()

    def show_list(self) -> None:
        """Show the list of conversations, and who is there."""
        self.conversations.show(self.roster.rows, self.talk.opened, self.live.there)

    def show_rows(self) -> None:
        """Show the list, and what depends on it."""
        if self.talk.opened is None and self.roster.rows and self._snapshot.opened is None and not self._wanted:
            self.talk.open(self.roster.rows[0].name)
            return
        self.show_list()
        self.live.show_typing()
        self.composer.users = self.roster.users
        row = self.roster.get(self.talk.opened)
        theirs = (row.their_delivered, row.their_read) if row and not row.is_group else (0, 0)
        self.messages.note_theirs(*theirs)
        who = row.label if row else (self.talk.opened or "").partition(":")[2]
        title = visible(who) if who else "Nobody yet: /msg USER begins a conversation, F1 helps"
        title += " (muted)" if row and row.muted else ""
        if title != self._title:
            self._title = title
            self.heading.update(title)
        self.show_aside()

    def show_aside(self) -> None:
        """Say in the status line what is out of sight."""
        others = sum(row.unread for row in self.roster.rows if row.name != self.talk.opened)
        below = "" if self.messages.viewport.is_following else "newer messages below"
        self.status.show_aside("  ".join(part for part in (below, f"{others} unread" if others else "") if part))

    # What is pressed

    def action_press(self, name: str) -> None:
        """Do what a key stands for, after what was typed before it: that waits in the input's queue.

        What opens something does so at once: what is typed next is for that, and must not become a message.
        """
        if name in OPENING:
            self.keys.press(name)
        else:
            self.composer.call_later(self.keys.press, name)

    def action_number(self, number: int) -> None:
        """Open the conversation of that number."""
        if number <= len(self.roster.rows):
            self.composer.call_later(self.talk.open, self.roster.rows[number - 1].name)

    @on(ConversationList.Chosen)
    def _chosen(self, message: ConversationList.Chosen) -> None:
        self.talk.open(message.name)

    @on(Composer.Changed)
    def _typed(self) -> None:
        self.talk.keep_draft_soon()
        self.live.typed(self.composer.text, self.composer.conversation, is_new=self.talk.has_new_draft)
        if self.composer.text.startswith("/join ") and self.app_time() > self._groups_at + _GROUPS_SECONDS:
            self._groups_at = self.app_time()
            self.commands.offer_groups()

    @on(Composer.Offered)
    def _offered(self, message: Composer.Offered) -> None:
        self.status.show_notice("  ".join(word.strip() for word in message.words[:12]))

    @on(Field.Submitted, "#find")
    def _find(self) -> None:
        self.finding.enter()

    @on(MessageView.Wants)
    def _wants(self, message: MessageView.Wants) -> None:
        self.talk.load_more(older=message.older)

    @on(MessageView.Moved)
    def _moved(self) -> None:
        self.show_aside()

    def on_terminal_focus(self) -> None:
        """Somebody looks at the terminal again: what is on the screen has been read."""
        if self.messages.viewport.is_following and not self.is_covered:
            self.talk.read()

    def on_screen_suspend(self) -> None:
        """Note that something is open over the conversation."""
        self._was_covered = True

    def on_screen_resume(self) -> None:
        """Note that what came while something was open over the conversation is seen now."""
        if self._was_covered:
            self._was_covered = False
            if self.talk.is_seen:
                self.talk.read()
