"""What is live in the chat: who is there, who is typing, and what others are told of us."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from textual.timer import Timer

from mqtt_client.app.changes import GroupTold, PresenceTold, SessionsTold, Told, TypingTold
from mqtt_client.app.entries import Entry
from mqtt_client.text import visible
from mqtt_client.typing_plan import SHOWN_SECONDS, Typists

if TYPE_CHECKING:
    from mqtt_client.app.screens.chat import ChatScreen

AWAY_SECONDS = 300.0
"""Who has touched nothing for so long is away."""
_LOOK_SECONDS = 15.0
_TYPED_SECONDS = 1.0
"""The backend is asked no more often; it decides how often it is told."""
_WRITING = ("//", "/reply ", "/correct ")


class Live:
    """Acts on a chat screen and its backend."""

    def __init__(self, screen: "ChatScreen") -> None:
        """Take the screen."""
        self._screen = screen
        self._presence: dict[str, PresenceTold] = {}
        self._typists = Typists()
        self._typists_timer: Timer | None = None
        self._writing: str | None = None
        self._written_at = float("-inf")
        self._touched_at = screen.app_time()
        self._is_away = False

    def begin(self) -> None:
        """Look now and then whether somebody is at the keys."""
        self._screen.set_interval(_LOOK_SECONDS, self.look)

    # What is told of others

    @property
    def there(self) -> Mapping[str, str]:
        """Users and whether they are online or away; nobody while that cannot be known."""
        if self._screen.status.link.state == "offline":
            return {}
        return {name: told.status for name, told in self._presence.items() if told.status != "offline"}

    def presence(self, username: str) -> PresenceTold | None:
        """Say what was told last of somebody."""
        return self._presence.get(username) if self._screen.status.link.state != "offline" else None

    def take(self, change: Told) -> None:
        """Show what has been told."""
        screen = self._screen
        match change:
            case PresenceTold(username):
                self._presence[username] = change
            case TypingTold(conversation, username, active):
                self._typists.told(conversation, username, active=active, now=screen.app_time())
                self.show_typing()
            case GroupTold(group, "added" | "removed" as what):
                row = screen.roster.get(f"group:{group}")
                name = visible(row.label if row else group)
                said = f"you are in {name} now" if what == "added" else f"you are not in {name} any more"
                screen.status.show_notice(said)
            case SessionsTold(_, "added"):
                screen.status.show_notice("another device has logged in: /sessions lists them")
            case _:
                pass

    def arrived(self, entries: Iterable[Entry]) -> None:
        """Note that who has written a message types it no more."""
        for entry in entries:
            self._typists.told(entry.conversation, entry.sender, active=False, now=self._screen.app_time())
        self.show_typing()

    def show_typing(self) -> None:
        """Show who is typing in the conversation that is open, and look again when that may have passed."""
        screen = self._screen
        names = self._typists.typing(screen.talk.opened or "", screen.app_time())
        screen.status.show_typing(names)
        if self._typists_timer is not None:
            self._typists_timer.stop()
        self._typists_timer = screen.set_timer(SHOWN_SECONDS / 4, self.show_typing) if names else None

    # What others are told

    def typed(self, text: str, name: str | None, *, is_new: bool) -> None:
        """Tell that we are typing, or have stopped.

        A draft that has just been opened is not `is_new`, and a command is no message.
        """
        is_writing = is_new and bool(text.strip()) and (not text.startswith("/") or text.startswith(_WRITING))
        if self._writing is not None and (self._writing != name or not is_writing):
            stopped, self._writing = self._writing, None
            self._screen.do(lambda backend: backend.actions.typed(stopped, active=False))
        now = self._screen.app_time()
        if name is not None and is_writing and (self._writing is None or now >= self._written_at + _TYPED_SECONDS):
            self._writing, self._written_at = name, now
            self._screen.do(lambda backend: backend.actions.typed(name, active=True))

    def touched(self) -> None:
        """Note that somebody is at the keys."""
        self._touched_at = self._screen.app_time()
        if self._is_away:
            self.look()

    def look(self) -> None:
        """Tell when nobody has been at the keys for a while, and when somebody is again."""
        is_away = self._screen.app_time() >= self._touched_at + AWAY_SECONDS
        if is_away != self._is_away:
            self._is_away = is_away
            self._screen.do(lambda backend: backend.be_away(is_away=is_away))
