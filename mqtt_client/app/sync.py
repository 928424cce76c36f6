"""Keeping the local copy true: what the feed, the connection and the outbox bring, gathered for the screen."""

import asyncio
from collections.abc import Callable, Iterable

from mqtt_client.api import Api
from mqtt_client.app.changes import (
    Change,
    EntriesChanged,
    EntryRemoved,
    LinkChanged,
    LinkState,
    MarkerChanged,
    Noticed,
    PresenceTold,
    RowsChanged,
    SessionsTold,
    TypingTold,
)
from mqtt_client.app.entries import PENDING, Entry
from mqtt_client.app.live_storage import reactions_of
from mqtt_client.app.storage import Chats, Incoming
from mqtt_client.errors import StorageError
from mqtt_client.events import (
    CHANGES,
    CaughtUp,
    ConnectionChanged,
    Event,
    MarkerArrived,
    MarkerMoved,
    Message,
    MessageArrived,
    MessageEdited,
    MessageReacted,
    MessageRetracted,
    PresenceChanged,
    ReceiptArrived,
    SessionsChanged,
    TypingChanged,
    is_change,
    message_of,
)
from mqtt_client.follow import EVERYTHING
from mqtt_client.reading import conversations, newest_seq
from mqtt_client.store import Outgoing, Store
from wire.receipts import Rejected, Stored
from wire.times import parse_time

_GATHER_SECONDS = 0.1
_POUR = 10
"""So many messages at once are more than anybody reads: they are gathered for twice as long, and the keys go first."""
_PROGRESS_EVERY = 100


class Sync:
    """Writes what happens into the copy and tells the screen: what comes alone at once, else 5 to 10 times a second."""

    def __init__(
        self,
        chats: Chats,
        me: str,
        emit: Callable[[tuple[Change, ...]], None],
        watch: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Take the copy, whose it is, and whom to tell; use within the event loop.

        `watch` is told of each conversation once.
        """
        self._watch = watch
        self.changed_targets: set[int] = set()
        """Seqs of messages that were edited, retracted or reacted to: to be read again, and taken out."""
        self._chats = chats
        self._me = me
        self._emit = emit
        self._entries: dict[int, Entry] = {}
        self._news: set[int] = set()
        self._dirty: dict[str, None] = {}
        self._others: list[Change] = []
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._next_at = float("-inf")
        self._cut = False
        self._caught_up = False
        self._told = 0
        self._begun: set[str] = set()
        self._changes: set[str] = set()

    async def prime(self, api: Api) -> None:
        """Fill an empty copy with the list of conversations. Raises ApiError, OutOfReachError, NotLoggedInError.

        What was stored before is history: it is fetched when somebody scrolls back to it, and counts as read.
        """
        if EVERYTHING in self._chats.cursors():
            return
        newest = await newest_seq(api)
        listed_all = await conversations(api)
        # Somebody may have been written to already; what else there is of that conversation is not here yet.
        begun = {row.name for row in self._chats.rows()}
        for listed in listed_all:
            entry = listed.entry
            last = entry.last_message
            name = entry.conversation.name
            # Between its last message and the newest of all, a conversation has nothing.
            floor = last.seq if last and last.seq <= newest else newest + 1
            self._chats.begin(name, entry.title or "", floor, anew=True)
            begun.discard(name)
            message = message_of(last, {}) if last else None
            if message and not is_change(message):
                self._keep([incoming(message)], news=False)
            self._chats.their_marker(name, entry.their_delivered_seq or 0, entry.their_read_seq or 0)
            self._dirty[name] = None
        for name in begun:
            self._chats.begin(name, "", newest + 1, anew=True)
        self._chats.move_cursor(EVERYTHING, newest)
        self.tell()

    def reconcile(self, store: Store) -> None:
        """Bring in what other commands put into the outbox, and the answers that came while no app ran."""
        waiting = dict(store.outbox())  # oldest first
        known = {entry.id for entry in self._chats.sending()}
        for id_ in waiting:
            message = None if id_ in known else store.outgoing(id_)
            if message and message.relation not in CHANGES:
                self.post(message)
        for id_ in known - waiting.keys():
            if result := store.result(id_):
                self._settle(self._me, id_, result.seq, result.reason or "")
        self.tell()

    @property
    def next_seq(self) -> int:
        """From where on the copy will have everything: after the cursor; nowhere yet while it is not filled."""
        cursor = self._chats.cursors().get(EVERYTHING)
        return PENDING if cursor is None else cursor + 1

    def take(self, event: Event) -> None:
        """Write one event into the copy."""
        match event:
            case MessageArrived(message):
                self._arrived(message)
            case ReceiptArrived(Stored(id_, seq, _, sender)):
                self._settle(sender, id_.lower(), seq)
            case ReceiptArrived(Rejected(id_, reason)):
                self._settle(self._me, id_.lower(), None, reason)
            case ConnectionChanged(connected, reason):
                self._cut = not connected
                self.link(LinkChanged(self._state(), reason))
            case CaughtUp():
                self._caught_up = True
                if self._told:
                    self._others.append(Noticed(f"caught up: {self._told} new messages", stays=False))
                self._told = 0
                if not self._cut:
                    self.link(LinkChanged("online"))
            case MessageEdited(_, target) | MessageRetracted(_, target) | MessageReacted(_, target):
                self.changed_targets.add(target)
            case _:
                self._take_signal(event)

    def _take_signal(self, event: Event) -> None:
        match event:
            case MarkerMoved(conversation, _, read):
                if self._chats.read_upto(str(conversation), read):
                    self.changed(str(conversation))
            case MarkerArrived(conversation, username, delivered, read):
                if conversation.kind == "direct" and self._chats.their_marker(str(conversation), delivered, read):
                    self._dirty[str(conversation)] = None
                self.say(MarkerChanged(str(conversation), username, delivered, read))
            case TypingChanged(conversation, username, active):
                self.say(TypingTold(str(conversation), username, active))
            case PresenceChanged(username, status, since):
                self.say(PresenceTold(username, status, since))
            case SessionsChanged(device, change):
                self.say(SessionsTold(device, change))
            case _:
                pass

    def post_change(self, message: Outgoing) -> None:
        """Wait for the answer to an edit, a retraction or a reaction of our own: a refusal is told."""
        self._changes.add(message.id)

    def post(self, message: Outgoing, instead_of: Entry | None = None) -> None:
        """Show a message of our own that is in the outbox, in the place of one that was refused.

        It is sent whatever becomes of the copy: that this cannot be written is said, and the archive brings it later.
        """
        try:
            if instead_of:
                self.remove(instead_of)
            self._keep([_posted(message, self._me)], news=False)
        except StorageError as error:
            self.say(Noticed(f"the message is sent, but cannot be shown yet: {error}"))

    def remove(self, entry: Entry) -> None:
        """Take out a message that was never stored."""
        self._chats.remove(entry.arrival)
        self._entries.pop(entry.arrival, None)
        self._others.append(EntryRemoved(entry.conversation, entry.arrival))
        self.changed(entry.conversation)

    def keep(self, messages: Iterable[Message]) -> list[Entry]:
        """Take older messages into the copy; the screen reads them there."""
        return self._chats.keep([incoming(message) for message in messages if not is_change(message)], news=False)[1]

    def refresh(self, message: Message) -> None:
        """Take over what the archive says of a message that has been changed, if the copy has it."""
        if message.seq and self._chats.has(message.seq):
            (entry,) = self._keep([incoming(message)], news=False)
            for answer in self._chats.answers_to(entry):
                self._gather(answer)

    def begin(self, name: str, title: str) -> None:
        """Begin a conversation that has just come, a group's say."""
        self._begun.add(name)
        self._chats.begin(name, title, self.next_seq)
        self._chats.rename(name, title)
        self.changed(name)

    def groups(self) -> frozenset[str]:
        """Name the groups that the copy has conversations of."""
        kinds = (row.name.partition(":") for row in self._chats.rows())
        return frozenset(name for kind, _, name in kinds if kind == "group")

    def say(self, change: Change) -> None:
        """Tell the screen something that is kept nowhere."""
        self._others.append(change)
        self.tell()

    def tell_all(self) -> None:
        """Tell every conversation."""
        self._dirty.update((row.name, None) for row in self._chats.rows())
        self.tell()

    def changed(self, name: str) -> None:
        """Have a conversation's row told."""
        self._dirty[name] = None
        self.tell()

    def link(self, change: LinkChanged) -> None:
        """Tell how we stand to the server."""
        self.say(change)

    def tell(self) -> None:
        """Tell the screen what has gathered, now or in a moment."""
        if self._timer is None and not self._is_closed:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, self._next_at - loop.time()), self._flush)

    def close(self) -> None:
        """Tell no more: the copy is about to be closed."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _state(self) -> LinkState:
        if self._cut:
            return "offline"
        return "online" if self._caught_up else "catching up"

    def _flush(self) -> None:
        self._timer = None
        gather = _GATHER_SECONDS if len(self._entries) < _POUR else 2 * _GATHER_SECONDS
        self._next_at = asyncio.get_running_loop().time() + gather
        changes: list[Change] = []
        if self._entries:
            changes.append(EntriesChanged(tuple(self._entries.values()), frozenset(self._news)))
        if self._dirty:
            try:
                changes.append(RowsChanged(tuple(self._chats.rows(self._dirty))))
                self._dirty = {}
            except StorageError as error:
                # Nobody calls us whom it could be raised to. The rows are read again the next time.
                changes.append(Noticed(str(error)))
        changes += self._others
        self._entries, self._news, self._others = {}, set(), []
        if changes:
            self._emit(tuple(changes))

    def _arrived(self, message: Message) -> None:
        self._keep([incoming(message)], news=True)
        if not self._caught_up:
            self._told += 1
            if self._told % _PROGRESS_EVERY == 0:
                self.link(LinkChanged("catching up", f"{self._told} messages"))

    def _keep(self, messages: list[Incoming], *, news: bool) -> list[Entry]:
        for message in messages:
            if message.conversation not in self._begun:
                self._watch(message.conversation)
                self._chats.begin(message.conversation, "", message.seq or self.next_seq)
                self._begun.add(message.conversation)
        added, changed = self._chats.keep(messages, news=news)
        for entry in changed:
            self._gather(entry)
        self._news.update(entry.arrival for entry in added if entry.is_new)
        return changed

    def _settle(self, sender: str, id_: str, seq: int | None, reason: str = "") -> None:
        if entry := self._chats.settle(sender, id_, seq=seq, reason=reason):
            self._gather(entry)
        elif id_ in self._changes:
            self._changes.discard(id_)
            if reason:
                self.say(Noticed(f"not changed: {reason}"))

    def _gather(self, entry: Entry) -> None:
        self._entries[entry.arrival] = entry
        self._dirty[entry.conversation] = None
        self.tell()


def _posted(message: Outgoing, me: str) -> Incoming:
    sent_at = parse_time(message.sent_at)
    return Incoming(
        conversation=str(message.conversation),
        sender=me,
        id=message.id,
        content_type=message.content_type,
        body=message.body,
        sent_at=sent_at.timestamp() if sent_at else 0.0,
        relation=message.relation,
        relates_to_id=message.relates_to,
    )


def incoming(message: Message) -> Incoming:
    """Make what the copy keeps of a message."""
    return Incoming(
        conversation=str(message.conversation),
        sender=message.sender,
        id=message.id.lower(),
        content_type=message.content_type,
        body=message.body,
        sent_at=message.sent_at.timestamp(),
        relation=message.relation,
        seq=message.seq,
        relates_to=message.relates_to_seq,
        relates_to_id=message.relates_to_id,
        edited_at=message.edited_at.timestamp() if message.edited_at else None,
        retracted_at=message.retracted_at.timestamp() if message.retracted_at else None,
        reactions=reactions_of(message.reactions),
    )
