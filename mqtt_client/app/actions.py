"""What somebody does in a live conversation, beside writing: within the backend's loop, raising ClientError."""
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
import time
from wire.message import REACTION_MAX
from dataclasses import dataclass
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
from mqtt_client import groups as calls
from wire.message import REACTION_MAX
from mqtt_client.account import safe_username
from wire.message import REACTION_MAX
from mqtt_client.app.entries import Entry
from wire.message import REACTION_MAX
from mqtt_client.app.opened import Opened
from wire.message import REACTION_MAX
from mqtt_client.blocks import block, fetch_blocks, unblock
from wire.message import REACTION_MAX
from mqtt_client.errors import InputError
from wire.message import REACTION_MAX
from mqtt_client.events import PresenceChanged
from wire.message import REACTION_MAX
from mqtt_client.groups import Listed, find_group, list_groups
from wire.message import REACTION_MAX
from mqtt_client.looking import presence_of
from wire.message import REACTION_MAX
from mqtt_client.models import Member
from wire.message import REACTION_MAX
from mqtt_client.profile import Privacy
from wire.message import REACTION_MAX
from mqtt_client.recipients import conversation_named
from wire.message import REACTION_MAX
from mqtt_client.relating import reaction_taken_back
from wire.message import REACTION_MAX
from mqtt_client.sending import Related, compose
from wire.message import REACTION_MAX
from mqtt_client.store import Outgoing
from wire.message import REACTION_MAX
from mqtt_client.typing_plan import TypingPlan
from wire.message import REACTION_MAX
from wire.message import Relation
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
@dataclass(frozen=True)
from wire.message import REACTION_MAX
class Actions:
from wire.message import REACTION_MAX
    """The actions of one login."""
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    desk: Opened
from wire.message import REACTION_MAX
    typing: TypingPlan
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    # Messages that relate to others
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    async def reply(self, name: str, text: str, to: Entry) -> Entry:
from wire.message import REACTION_MAX
        """Answer a message."""
from wire.message import REACTION_MAX
        message = compose(conversation_named(name), _body(text), related=Related("reply", to.id))
from wire.message import REACTION_MAX
        self._post(message)
from wire.message import REACTION_MAX
        return self.desk.sync.post(message)
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    async def edit(self, entry: Entry, text: str) -> None:
from wire.message import REACTION_MAX
        """Put another text into one of our messages; it shows once it is stored."""
from wire.message import REACTION_MAX
        self._check_own(entry)
from wire.message import REACTION_MAX
        if entry.retracted_at is not None:
from wire.message import REACTION_MAX
            raise InputError("the message is retracted")
from wire.message import REACTION_MAX
        self._change(entry, "edit", _body(text))
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    async def retract(self, entry: Entry) -> None:
from wire.message import REACTION_MAX
        """Take one of our messages back."""
from wire.message import REACTION_MAX
        self._check_own(entry)
from wire.message import REACTION_MAX
        self._change(entry, "retract", b"")
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    async def react(self, entry: Entry, emoji: str) -> None:
from wire.message import REACTION_MAX
        """React to a message, or take the same reaction back."""
from wire.message import REACTION_MAX
        names = dict(entry.reactions).get(emoji, ())
from wire.message import REACTION_MAX
        if self.desk.account.username in names and entry.seq is not None:
from wire.message import REACTION_MAX
            self._post_change(await reaction_taken_back(self.desk.account.api, entry.seq, emoji))
from wire.message import REACTION_MAX
        else:
from wire.message import REACTION_MAX
            body = _body(emoji)
from wire.message import REACTION_MAX
            if len(body) > REACTION_MAX:
from wire.message import REACTION_MAX
                raise InputError(f"a reaction has at most {REACTION_MAX} bytes: an emoji or a short word")
from wire.message import REACTION_MAX
            self._change(entry, "reaction", body)
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    # Markers, typing, presence
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    async def typed(self, name: str, *, active: bool) -> None:
from wire.message import REACTION_MAX
        """Tell the others of a conversation that we are typing, now and then, or that we have stopped."""
from wire.message import REACTION_MAX
        plan = self.typing
from wire.message import REACTION_MAX
        is_due = plan.typed(name, time.monotonic()) if active else plan.stopped(name)
from wire.message import REACTION_MAX
        if is_due and self.privacy.typing:
from wire.message import REACTION_MAX
            self.desk.store.type(name, active=active)
from wire.message import REACTION_MAX
            self.desk.wakeups.notify()
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    def tell_read(self, name: str) -> None:
from wire.message import REACTION_MAX
        """Tell that all that is here of a conversation has been read."""
from wire.message import REACTION_MAX
        newest = self.desk.chats.newest_seq(name)
from wire.message import REACTION_MAX
        if newest and self.privacy.markers and self.desk.store.mark(name, read=newest):
from wire.message import REACTION_MAX
            self.desk.wakeups.notify()
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    async def presence(self, username: str) -> PresenceChanged | None:
from wire.message import REACTION_MAX
        """Ask whether somebody is there; None when they have never said."""
from wire.message import REACTION_MAX
        return await presence_of(self.desk.account, safe_username(username))
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    @property
from wire.message import REACTION_MAX
    def privacy(self) -> Privacy:
from wire.message import REACTION_MAX
        """What this profile tells of us."""
from wire.message import REACTION_MAX
        return self.desk.account.profile.privacy()
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    async def keep_privacy(self, privacy: Privacy) -> None:
from wire.message import REACTION_MAX
        """Change that; presence follows with the next connection."""
from wire.message import REACTION_MAX
        self.desk.account.profile.keep_privacy(privacy)
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    # Blocks
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    async def block(self, username: str) -> None:
from wire.message import REACTION_MAX
        """Do not see what somebody writes from now on."""
from wire.message import REACTION_MAX
        await block(self.desk.account.api, self.desk.store, safe_username(username))
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    async def unblock(self, username: str) -> None:
from wire.message import REACTION_MAX
        """See it again."""
from wire.message import REACTION_MAX
        await unblock(self.desk.account.api, self.desk.store, safe_username(username))
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    async def blocked(self) -> list[str]:
from wire.message import REACTION_MAX
        """Name who is blocked."""
from wire.message import REACTION_MAX
        return await fetch_blocks(self.desk.account.api, self.desk.store)
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    # Groups
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    async def groups(self, *, is_open: bool = False) -> list[Listed]:
from wire.message import REACTION_MAX
        """List our groups, or the open ones."""
from wire.message import REACTION_MAX
        return await list_groups(self.desk.account.api, visibility="open" if is_open else None)
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    async def create_group(self, title: str, *, is_open: bool = False) -> str:
from wire.message import REACTION_MAX
        """Make a group; return its conversation's name."""
from wire.message import REACTION_MAX
        made = await calls.create_group(self.desk.account.api, title, is_open=is_open)
from wire.message import REACTION_MAX
        return self._begin(made)
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    async def join(self, group: str) -> str:
from wire.message import REACTION_MAX
        """Join an open group, by its id or #title; return its conversation's name."""
from wire.message import REACTION_MAX
        api = self.desk.account.api
from wire.message import REACTION_MAX
        return self._begin(await calls.join_group(api, await find_group(api, group, among_open=True)))
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    async def leave(self, name: str) -> None:
from wire.message import REACTION_MAX
        """Leave the group of a conversation."""
from wire.message import REACTION_MAX
        await self.remove(name, self.desk.account.username)
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    async def add(self, name: str, username: str, role: str = "member") -> None:
from wire.message import REACTION_MAX
        """Add somebody to the group of a conversation, or change their role."""
from wire.message import REACTION_MAX
        await calls.set_member(self.desk.account.api, _group(name), username, role)
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    async def remove(self, name: str, username: str) -> None:
from wire.message import REACTION_MAX
        """Take somebody out of the group of a conversation."""
from wire.message import REACTION_MAX
        await calls.remove_member(self.desk.account.api, _group(name), username)
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    async def rename(self, name: str, title: str) -> None:
from wire.message import REACTION_MAX
        """Give the group of a conversation another title."""
from wire.message import REACTION_MAX
        self._begin(await calls.rename_group(self.desk.account.api, _group(name), title))
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    async def members(self, name: str) -> list[Member]:
from wire.message import REACTION_MAX
        """List who is in the group of a conversation."""
from wire.message import REACTION_MAX
        return [member for member, _ in await calls.members_of(self.desk.account.api, _group(name))]
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    def _begin(self, listed: Listed) -> str:
from wire.message import REACTION_MAX
        name = f"group:{listed.group.id}"
from wire.message import REACTION_MAX
        self.desk.sync.begin(name, listed.group.title)
from wire.message import REACTION_MAX
        return name
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    def _check_own(self, entry: Entry) -> None:
from wire.message import REACTION_MAX
        if entry.sender != self.desk.account.username:
from wire.message import REACTION_MAX
            raise InputError("only its author can change a message")
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    def _change(self, entry: Entry, relation: Relation, body: bytes) -> None:
from wire.message import REACTION_MAX
        if entry.seq is None:
from wire.message import REACTION_MAX
            raise InputError("the message is not stored yet")
from wire.message import REACTION_MAX
        self._post_change(compose(conversation_named(entry.conversation), body, related=Related(relation, entry.id)))
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    def _post_change(self, message: Outgoing) -> None:
from wire.message import REACTION_MAX
        self.desk.sync.post_change(message)
from wire.message import REACTION_MAX
        self._post(message)
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
    def _post(self, message: Outgoing) -> None:
from wire.message import REACTION_MAX
        self.desk.store.post(message)
from wire.message import REACTION_MAX
        self.desk.wakeups.notify()
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
def _group(name: str) -> str:
from wire.message import REACTION_MAX
    conversation = conversation_named(name)
from wire.message import REACTION_MAX
    if conversation.kind != "group":
from wire.message import REACTION_MAX
        raise InputError("this conversation is no group")
from wire.message import REACTION_MAX
    return conversation.name
from wire.message import REACTION_MAX

from wire.message import REACTION_MAX

from wire.message import REACTION_MAX
def _body(text: str) -> bytes:
from wire.message import REACTION_MAX
    try:
from wire.message import REACTION_MAX
        return text.encode()
from wire.message import REACTION_MAX
    except UnicodeEncodeError as error:
from wire.message import REACTION_MAX
        raise InputError("not sent: it has half a character in it, which is no text") from error
from wire.message import REACTION_MAX
