"""What somebody does in a live conversation, beside writing: within the backend's loop, raising ClientError."""

import time
from dataclasses import dataclass

from mqtt_client import groups as calls
from mqtt_client.account import safe_username
from mqtt_client.app.entries import Entry
from mqtt_client.app.opened import Opened
from mqtt_client.blocks import block, fetch_blocks, unblock
from mqtt_client.errors import InputError
from mqtt_client.events import PresenceChanged
from mqtt_client.groups import Listed, find_group, list_groups
from mqtt_client.looking import presence_of
from mqtt_client.models import Member
from mqtt_client.profile import Privacy
from mqtt_client.recipients import conversation_named
from mqtt_client.relating import reaction_taken_back
from mqtt_client.sending import Related, compose
from mqtt_client.store import Outgoing
from mqtt_client.typing_plan import TypingPlan
from wire.message import REACTION_MAX, Relation, is_reaction


@dataclass(frozen=True)
class Actions:
    """The actions of one login."""

    desk: Opened
    typing: TypingPlan

    # Messages that relate to others

    async def reply(self, name: str, text: str, to: Entry) -> None:
        """Answer a message."""
        message = compose(conversation_named(name), _body(text), related=Related("reply", to.id))
        self._post(message)
        self.desk.sync.post(message)

    async def edit(self, entry: Entry, text: str) -> None:
        """Put another text into one of our messages; it shows once it is stored."""
        self._check_own(entry)
        if entry.retracted_at is not None:
            raise InputError("the message is retracted")
        self._change(entry, "edit", _body(text))

    async def retract(self, entry: Entry) -> None:
        """Take one of our messages back."""
        self._check_own(entry)
        self._change(entry, "retract", b"")

    async def react(self, entry: Entry, emoji: str) -> None:
        """React to a message, or take the same reaction back."""
        names = dict(entry.reactions).get(emoji, ())
        if self.desk.account.username in names and entry.seq is not None:
            self._post_change(await reaction_taken_back(self.desk.account.api, entry.seq, emoji))
        else:
            body = _body(emoji)
            if not is_reaction(body):
                raise InputError(f"a reaction is a text of at most {REACTION_MAX} bytes, without control characters")
            self._change(entry, "reaction", body)

    # Markers, typing, presence

    async def typed(self, name: str, *, active: bool) -> None:
        """Tell the others of a conversation that we are typing, now and then, or that we have stopped."""
        plan = self.typing
        is_due = plan.typed(name, time.monotonic()) if active else plan.stopped(name)
        if is_due and self.privacy.typing:
            self.desk.store.type(name, active=active)
            self.desk.wakeups.notify()

    def tell_read(self, name: str) -> None:
        """Tell that all that is here of a conversation has been read."""
        newest = self.desk.chats.newest_seq(name)
        if newest and self.privacy.markers and self.desk.store.mark(name, read=newest):
            self.desk.wakeups.notify()

    async def presence(self, username: str) -> PresenceChanged | None:
        """Ask whether somebody is there; None when they have never said."""
        return await presence_of(self.desk.account, safe_username(username))

    @property
    def privacy(self) -> Privacy:
        """What this profile tells of us."""
        return self.desk.account.profile.privacy()

    async def keep_privacy(self, privacy: Privacy) -> None:
        """Change that; presence follows with the next connection."""
        self.desk.account.profile.keep_privacy(privacy)

    # Blocks

    async def block(self, username: str) -> None:
        """Do not see what somebody writes from now on."""
        await block(self.desk.account.api, self.desk.store, safe_username(username))

    async def unblock(self, username: str) -> None:
        """See it again."""
        await unblock(self.desk.account.api, self.desk.store, safe_username(username))

    async def blocked(self) -> list[str]:
        """Name who is blocked."""
        return await fetch_blocks(self.desk.account.api, self.desk.store)

    # Groups

    async def groups(self, *, is_open: bool = False) -> list[Listed]:
        """List our groups, or the open ones."""
        return await list_groups(self.desk.account.api, visibility="open" if is_open else None)

    async def create_group(self, title: str, *, is_open: bool = False) -> str:
        """Make a group; return its conversation's name."""
        made = await calls.create_group(self.desk.account.api, title, is_open=is_open)
        return self._begin(made)

    async def join(self, group: str) -> str:
        """Join an open group, by its id or #title; return its conversation's name."""
        api = self.desk.account.api
        return self._begin(await calls.join_group(api, await find_group(api, group, among_open=True)))

    async def leave(self, name: str) -> None:
        """Leave the group of a conversation."""
        await self.remove(name, self.desk.account.username)

    async def add(self, name: str, username: str, role: str = "member") -> None:
        """Add somebody to the group of a conversation, or change their role."""
        await calls.set_member(self.desk.account.api, _group(name), username, role)

    async def remove(self, name: str, username: str) -> None:
        """Take somebody out of the group of a conversation."""
        await calls.remove_member(self.desk.account.api, _group(name), username)

    async def rename(self, name: str, title: str) -> None:
        """Give the group of a conversation another title."""
        self._begin(await calls.rename_group(self.desk.account.api, _group(name), title))

    async def members(self, name: str) -> list[Member]:
        """List who is in the group of a conversation."""
        return [member for member, _ in await calls.members_of(self.desk.account.api, _group(name))]

    def _begin(self, listed: Listed) -> str:
        name = f"group:{listed.group.id}"
        self.desk.sync.begin(name, listed.group.title)
        return name

    def _check_own(self, entry: Entry) -> None:
        if entry.sender != self.desk.account.username:
            raise InputError("only its author can change a message")

    def _change(self, entry: Entry, relation: Relation, body: bytes) -> None:
        if entry.seq is None:
            raise InputError("the message is not stored yet")
        self._post_change(compose(conversation_named(entry.conversation), body, related=Related(relation, entry.id)))

    def _post_change(self, message: Outgoing) -> None:
        self.desk.sync.post_change(message)
        self._post(message)

    def _post(self, message: Outgoing) -> None:
        self.desk.store.post(message)
        self.desk.wakeups.notify()


def _group(name: str) -> str:
    conversation = conversation_named(name)
    if conversation.kind != "group":
        raise InputError("this conversation is no group")
    return conversation.name


def _body(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InputError("not sent: it has half a character in it, which is no text") from error
