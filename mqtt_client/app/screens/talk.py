"""The conversation that is open: going to another, reading on, writing."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from textual.timer import Timer

from mqtt_client.app.commands import Do, Say, Unknown, read_typed
from mqtt_client.app.entries import Entry, Mark, Page
from mqtt_client.app.notify import sequence, wanted
from mqtt_client.errors import ClientError
from wire.conversations import direct
from wire.names import is_username

if TYPE_CHECKING:
    from mqtt_client.app.screens.chat import ChatScreen

_RETRY_SECONDS = 3.0
_DRAFT_SECONDS = 0.7
_NOTIFY_SECONDS = 1.0


class Talk:
    """Acts on a chat screen and its backend."""

    def __init__(self, screen: "ChatScreen") -> None:
        """Take the screen."""
        self._screen = screen
        self.opened: str | None = None
        self._begins = ""
        """With whom the conversation that is open begins, until it is known to be there."""
        self._loading: object | None = None
        self._retry_at = 0.0
        self._draft_timer: Timer | None = None
        self._drafts: dict[str, str] = {}
        self._notified_at = float("-inf")
        # What comes while a page is being read: the page may have been read before it.
        self._late: list[list[Entry]] = []

    # Going to a conversation

    def show(self, name: str, page: Page) -> None:
        """Show a conversation whose last page is at hand."""
        self.opened, self._begins = name, ""
        self._screen.messages.show(page)
        self._screen.composer.conversation = name
        self._screen.composer.fill(self._draft(name))
        self._screen.show_rows()

    def open(self, name: str | None, *, begins: str = "") -> None:
        """Go to a conversation; one that may not be there yet `begins` with a user."""
        if name is None or name == self.opened:
            return
        self.keep_draft()
        self._stop_loading()
        # What was typed before anything was open comes along.
        homeless = self._screen.composer.text if self.opened is None else ""
        self.show(name, Page(at_start=True))
        self._begins = begins
        if homeless:
            self._screen.composer.give_back(homeless)
        self._screen.work(partial(self._open, name), group="open")

    def write_to(self, user: str, text: str = "") -> None:
        """Go to the conversation with somebody at once, and send them a text: what is typed next is for them.

        Whether there is such a user is found out meanwhile. If not, nothing is sent: it stands in the input again.
        """
        if user.startswith("#"):
            self.write_to_group(user)
            return
        name = str(direct(user))
        if not is_username(user) or name == self.opened:
            self._screen.do(lambda backend: backend.begin(user))  # which says what is wrong
        if not is_username(user):
            if text:
                self._give_back(self.opened, f"/msg {user} {text}")
            return
        self.open(name, begins=user)
        if text:
            self._screen.work_apart(lambda: self._send(name, text, text))

    def write_to_group(self, text: str) -> None:
        """Go to the group whose `#title` a text begins with, and send what follows.

        One that is not in the list is asked for, by all of the text.
        """
        row = self._screen.roster.group_named(text)
        if row is None:
            self._screen.work(partial(self._find_group, text), group="open")
            return
        self.open(row.name)
        said = text[len(row.label) :].strip()
        if said:
            self._screen.work_apart(lambda: self._send(row.name, said, said))

    async def _find_group(self, text: str) -> None:
        self.open(await self._screen.ask(lambda backend: backend.begin(text)))

    def refresh(self) -> None:
        """Read the conversation that is open anew: the backend has come, and may know more."""
        if self.opened is not None:
            self._screen.work(partial(self._open, self.opened, stays=True), group="open")

    def keep_draft(self) -> None:
        """Keep what has been typed and not sent."""
        if self.opened is not None and self.has_new_draft:
            name = self.opened
            text = self._drafts[name] = self._screen.composer.text
            self._screen.do(lambda backend: backend.keep_draft(name, text))

    def keep_draft_soon(self) -> None:
        """Keep it when nothing has been typed for a moment: a kill loses no more than that."""
        if self._draft_timer is not None:
            self._draft_timer.stop()
        self._draft_timer = self._screen.set_timer(_DRAFT_SECONDS, self.keep_draft)

    async def draft_kept(self) -> None:
        """Keep it, and wait until that is done. Raises ClientError."""
        if self.opened is not None and self.has_new_draft:
            name = self.opened
            text = self._drafts[name] = self._screen.composer.text
            await self._screen.ask(lambda backend: backend.keep_draft(name, text))

    @property
    def has_new_draft(self) -> bool:
        """Whether something else stands in the input than what was kept of the conversation that is open."""
        return self._screen.composer.text != self._draft(self.opened)

    def _draft(self, name: str | None) -> str:
        """Return what was kept of a conversation; the list learns of it a moment later."""
        row = self._screen.roster.get(name)
        return self._drafts.get(name or "", row.draft if row else "")

    async def _open(self, name: str, *, stays: bool = False) -> None:
        """Show the end of a conversation; one that `stays` gains what is new, and is left where it stands."""
        screen = self._screen
        if begins := self._begins:
            await screen.ask(lambda backend: backend.begin(begins))
            if name == self.opened:
                self._begins = ""
        first = await screen.ask(lambda backend: backend.mark_read(name)) if screen.app.app_focus else None
        with self._missing_nothing(name) as late:
            page = await screen.ask(lambda backend: backend.pages.newest(name))
            if name != self.opened:
                return
            above = first.arrival if first else screen.messages.unread_from
            if stays and screen.messages.viewport.entries:
                screen.messages.draw_unread_line(above)
                screen.messages.viewport.merge(page.entries)
            else:
                screen.messages.show(page, above)
            screen.messages.viewport.merge(late)
        screen.messages.changed()
        await screen.ask(lambda backend: backend.choose("opened", name))

    # Reading

    def take(self, entries: Iterable[Entry], news: frozenset[int]) -> None:
        """Show messages that came or changed."""
        screen = self._screen
        here = [entry for entry in entries if entry.conversation == self.opened]
        if here:
            fresh = next((entry for entry in here if entry.arrival in news), None)
            if fresh and screen.messages.unread_from is None and not self.is_seen:
                screen.messages.draw_unread_line(fresh.arrival)
            for late in self._late:
                late.extend(here)
            screen.messages.viewport.merge(here)
            screen.messages.changed()
        if any(entry.arrival in news for entry in here) and self.is_seen:
            self.read()
        arrived = [entry for entry in entries if entry.arrival in news]
        if arrived:
            screen.live.arrived(arrived)
            self._notify(arrived)

    def read(self) -> None:
        """Note that the conversation that is open has been read."""
        name, row = self.opened, self._screen.roster.get(self.opened)
        if name is not None and row is not None:
            self._screen.do(lambda backend: backend.mark_read(name))

    def load_more(self, *, older: bool) -> None:
        """Load what stands before or after what is there."""
        if self._loading is None and self.opened is not None and self._screen.app_time() >= self._retry_at:
            self._loading = object()
            self._screen.work(partial(self._load_more, self.opened, self._loading, older=older), group="load")

    def _stop_loading(self) -> None:
        self._screen.workers.cancel_group(self._screen, "load")
        self._loading = None

    async def _load_more(self, name: str, loading: object, *, older: bool) -> None:
        screen, view = self._screen, self._screen.messages
        entries = view.viewport.entries
        try:
            if older:
                key = entries[0].key if entries else (2**62 + 1, 0)
                slow = screen.set_timer(0.3, lambda: view.show_notice("loading older messages …"))
                try:
                    page = await screen.ask(lambda backend: backend.pages.older(name, key))
                finally:
                    slow.stop()
                    view.show_notice("")
                if name == self.opened:
                    view.viewport.prepend(page)
            elif entries:
                key = entries[-1].key
                with self._missing_nothing(name) as late:
                    page = await screen.ask(lambda backend: backend.pages.newer(name, key))
                    if name == self.opened:
                        view.viewport.append(page)
                        view.viewport.merge(late)
        except ClientError:
            self._retry_at = screen.app_time() + _RETRY_SECONDS
            raise
        finally:
            if self._loading is loading:
                self._loading = None
        view.changed()

    def to_end(self) -> None:
        """Go to the newest message."""
        view = self._screen.messages
        view.selected = None
        if view.viewport.at_end:
            view.viewport.to_end()
            view.changed()
        elif self.opened is not None:
            self._screen.work(partial(self._open, self.opened), group="open")

    def open_at(self, entry: Entry | None) -> None:
        """Go to a message of whatever conversation."""
        if entry is None:
            return
        if entry.conversation != self.opened:
            self.keep_draft()
            self._stop_loading()
            self.show(entry.conversation, Page(at_start=True))
        self.go_to(entry)

    def go_to(self, entry: Entry) -> None:
        """Go to a message, and choose it."""
        self._screen.work(lambda: self._go_to(entry), group="open")

    async def _go_to(self, entry: Entry) -> None:
        view = self._screen.messages
        if view.viewport.entry(entry.arrival) is None:
            with self._missing_nothing(entry.conversation) as late:
                page = await self._screen.ask(lambda backend: backend.pages.around(entry))
                if entry.conversation != self.opened:
                    return
                view.show(page)
                view.viewport.merge(late)
        view.selected = entry.arrival
        view.viewport.reveal(entry.arrival)
        view.changed()

    # Writing

    def submit(self, text: str, name: str | None) -> None:
        """Send what was typed, or do what it commands. It is for the conversation that was open when it was typed."""
        screen = self._screen
        match read_typed(text):
            case None:
                return
            case Unknown() as unknown:
                self._give_back(name, text)
                screen.status.show_notice(str(unknown))
                return
            case Do(command, rest):
                self._keep_typed(text)
                screen.commands.follow(command.name, rest)
            case Say(said):
                if name is None:
                    self._give_back(name, text)
                    screen.status.show_notice("nobody is chosen: /msg USER opens a conversation")
                    return
                self._keep_typed(text)
                self.keep_draft()
                screen.messages.draw_unread_line(None)
                screen.work_apart(lambda: self._send(name, said, text))

    def rejected(self) -> Entry | None:
        """Find the rejected message that is meant: the chosen one, else the newest."""
        view = self._screen.messages
        chosen = view.chosen
        if chosen and chosen.mark is Mark.REJECTED:
            return chosen
        rejected = [entry for entry in view.viewport.entries if entry.mark is Mark.REJECTED]
        return rejected[-1] if rejected else None

    async def _send(self, name: str, said: str, typed: str) -> None:
        screen = self._screen
        try:
            await screen.ask(lambda backend: backend.send(name, said))
        except ClientError:
            # Nothing was put into the outbox: what was typed is there again.
            self._give_back(name, typed)
            raise
        if name == self.opened:
            self.to_end()

    def _give_back(self, name: str | None, typed: str) -> None:
        """Have what could not be sent in the input again, or in the draft of the conversation that it was for."""
        if name is None or name == self.opened:
            self._screen.composer.give_back(typed)
        else:
            draft = self._drafts[name] = typed + self._draft(name)
            self._screen.do(lambda backend: backend.keep_draft(name, draft))

    def _keep_typed(self, text: str) -> None:
        if self._screen.composer.typed.add(text):
            self._screen.do(lambda backend: backend.keep_typed(text))

    @contextmanager
    def _missing_nothing(self, name: str) -> Iterator[Iterable[Entry]]:
        """Gather what comes to a conversation while a page of it is being read."""
        late: list[Entry] = []
        self._late.append(late)
        try:
            yield (entry for entry in late if entry.conversation == name)
        finally:
            self._late = [each for each in self._late if each is not late]

    @property
    def is_seen(self) -> bool:
        """Whether the end of the conversation is before somebody's eyes."""
        screen = self._screen
        return screen.app.app_focus and not screen.is_covered and screen.messages.viewport.is_following

    def _notify(self, arrived: list[Entry]) -> None:
        screen = self._screen
        app = screen.nightjar
        if screen.app_time() < self._notified_at + _NOTIFY_SECONDS:
            return
        for entry in arrived:
            row = screen.roster.get(entry.conversation)
            is_open = entry.conversation == self.opened
            if wanted(app.config, row, app.local_time(), is_open=is_open, has_focus=app.app_focus):
                self._notified_at = screen.app_time()
                app.write_to_terminal(sequence(app.config, entry, in_tmux=app.in_tmux))
                return
