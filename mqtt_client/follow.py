"""Following what happens: the log of the connection for at once, the sync feed for certain. Each message once.

The feed has no gaps, so its cursor says from where to read. What was shown, live or from the feed, stands in the
store's ledger: a message may come live long after the cursor has passed it, when its sender missed the receipt.

A sender publishes a message when the one before is stored. So a live message may only follow one that we do not know
if that one was published before we were connected. For some seconds after each connect a live message is therefore
held until the feed has been asked after it came: what was stored before it is told before it. A feed that cannot be
asked is waited for no longer than `HELD_SECONDS`: with REST out of reach chat goes on, and what was missed comes later.
An answer that is not there after `PATIENCE_SECONDS` is left to come while chat goes on.
"""

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from mqtt_client.api import Api
from mqtt_client.blocks import Blocked
from mqtt_client.deliveries import Deliveries
from mqtt_client.errors import ApiError, NotLoggedInError, OutOfReachError
from mqtt_client.events import (
    CaughtUp,
    ConnectionChanged,
    Event,
    MarkerArrived,
    MarkerMoved,
    Message,
    MessageArrived,
    PresenceChanged,
    ReceiptArrived,
    Signal,
    TypingChanged,
    arrival,
    is_change,
)
from mqtt_client.incoming import read_live, read_signal
from mqtt_client.ledger import Ledger
from mqtt_client.reading import FeedPage, feed_page, newest_seq
from mqtt_client.signals import GroupsSeen
from mqtt_client.state import UNSETTLED_SECONDS, Seen, SyncPlan
from mqtt_client.store import LogEntry, Store
from mqtt_client.store_live import Marker
from mqtt_client.wakeup import WakeUps
from wire.conversations import Conversation, direct
from wire.receipts import Receipt, Stored, decode_receipts

EVERYTHING = "*"
_NAMELESS_SECONDS = 3.0
_FETCH_SECONDS = 0.05
"""Between two questions to the feed for the sake of messages that are held: one serves all that came meanwhile."""
_FETCH_SHARE = 3.0
"""Times as long as the answer took: a server that all its clients ask after an outage is left time for other things."""
_FETCH_MOST_SECONDS = 0.5
HELD_SECONDS = 15.0
"""How long a live message waits at most while the feed says nothing. A server that was killed is back sooner."""
_RETRY_SECONDS = 1.0
"""Between two tries to ask a feed that messages wait for."""
PATIENCE_SECONDS = 3.0
"""How long all waits for an answer of the feed."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A live message that is held until the feed has been asked after it `came`."""

    message: Message
    came: float


@dataclass(frozen=True, slots=True)
class _Question:
    """A question to the feed that is not answered yet, and when it was asked."""

    answer: asyncio.Task[FeedPage]
    asked: float


class Follower:
    """Tells what arrives in one conversation or in all of them."""

    def __init__(
        self,
        api: Api,
        store: Store,
        wakeups: WakeUps,
        *,
        only: Conversation | None = None,
        stored_only: bool = False,
        ledger: Ledger | None = None,
        patient: bool = False,
        markers: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the parts. With `stored_only` a message is told when it is stored, in the order of seq.

        `ledger` says what has been told, instead of the store's own. A `patient` one begins without the server too.
        With `markers` it is told to the others what was delivered.
        """
        self._api = api
        self._store = store
        self._ledger = ledger or store
        self._wakeups = wakeups
        self._only = only
        self._stored_only = stored_only
        self._patient = patient
        self._clock = clock
        self._scope = str(only) if only else EVERYTHING
        self._blocked = Blocked(api, store)
        self._deliveries = Deliveries(store, wakeups, api.username, enabled=markers)
        self._plan = SyncPlan()
        self._seen = Seen()
        self._told: dict[str, int] = {}
        self._cursor = 0
        self._position = 0
        self._connected: bool | None = None
        self._unsettled_until = 0.0
        self._caught_up_at = -math.inf
        self._told_caught_up = False
        self.is_current = False
        """Whether the feed could be asked the last time."""
        self._is_linked: bool | None = None
        self._fetch_pause = 0.0
        self._groups = GroupsSeen()
        self._held: list[_Held] = []
        self._question: _Question | None = None
        self._catching_up_since: float | None = None
        self._is_behind = False
        self._answered_at = self._failed_at = -math.inf

    async def events(self) -> AsyncIterator[Event]:
        """Tell everything since the profile's cursor, then what comes, without end.

        Raises NotLoggedInError when the login ends, StorageError; at the start ApiError and OutOfReachError too, a
        patient one only when it does not know yet from where to tell.
        """
        try:
            async for event in self._events():
                yield event
        finally:
            if self._question:
                self._question.answer.cancel()
                await asyncio.gather(self._question.answer, return_exceptions=True)

    async def _events(self) -> AsyncIterator[Event]:
        self._position = self._store.log_end()
        await self._find_cursor()
        if not self._patient:
            async for event in self._catch_up(patience=None):
                yield event
        self._unsettle()
        while True:
            count = self._wakeups.count
            entries = self._read_log()
            for entry in entries:
                async for event in self._tell(entry):
                    yield event
                if not self._held:
                    async for event in self._catch_up_when_due():
                        yield event
            async for event in self._catch_up_when_due():
                yield event
            if not entries:
                await self._wakeups.changed_since(count, self._idle_seconds())

    def _read_log(self) -> list[LogEntry]:
        entries = self._store.log_after(self._position)
        if not entries:
            end = self._store.log_end()
            if end == self._position:
                return []
            # What has come between the two questions is no gap.
            entries = self._store.log_after(self._position)
        self._blocked.look()
        # A process that was stopped for long may find that the log has moved on without it.
        if not entries or entries[0].position != self._position + 1:
            self._unsettle()
        self._position = entries[-1].position if entries else end
        return entries

    def _unsettle(self) -> None:
        # We may have missed something, and shall learn of it only while live messages come already.
        self._plan.want(self._clock())
        self._blocked.doubt()
        # What came within the seconds may be read so much later.
        self._unsettled_until = self._clock() + UNSETTLED_SECONDS + PATIENCE_SECONDS

    def _idle_seconds(self) -> float:
        seconds = math.inf if self._question else self._plan.wait(self._clock())
        return min(seconds, max(0.0, self._held_until - self._clock()))

    @property
    def _held_until(self) -> float:
        """While pages come, however slowly, the feed is not out of reach; new connections make no difference."""
        return max(self._held[0].came, self._answered_at) + HELD_SECONDS if self._held else math.inf

    async def _find_cursor(self) -> None:
        self._told = self._ledger.cursors()
        if EVERYTHING not in self._told:
            self._told[EVERYTHING] = await newest_seq(self._api)
            self._ledger.move_cursor(EVERYTHING, self._told[EVERYTHING])
        self._cursor = max(self._told[EVERYTHING], self._told.get(self._scope, 0))
        self._seen = Seen(self._ledger.shown())

    async def _tell(self, entry: LogEntry) -> AsyncIterator[Event]:
        match entry.kind:
            case "message":
                async for event in self._tell_live(entry.content):
                    yield event
            case "connected" | "disconnected":
                if self._take_link(connected=entry.kind == "connected"):
                    yield ConnectionChanged(entry.kind == "connected", entry.content.decode(errors="replace"))
            case "ended":
                device_id, reason, remedy = entry.content.decode(errors="replace").split("\n")
                # A process of the login before this one may say so only now.
                if device_id == self._api.device_id:
                    raise NotLoggedInError(reason, remedy)
            case _:
                for event in self._take(entry):
                    yield event

    def _take(self, entry: LogEntry) -> Iterable[Event]:
        """Return what is to be told of an entry beside messages and the connection."""
        match entry.kind:
            case "receipts":
                return [ReceiptArrived(receipt) for receipt in self._take_receipts(entry.content)]
            case "signal":
                return filter(self._is_to_be_told, read_signal(entry.content, self._api.username))
            case "groups":
                return self._groups.changed_to(frozenset(entry.content.decode().split()))
            case _:
                return []

    async def _tell_live(self, content: bytes) -> AsyncIterator[Event]:
        message = read_live(content).message(datetime.now(UTC))
        if message and message.sender in self._blocked:
            return
        # An edit, a retraction or a reaction counts once the archive has found it right.
        if message is None or self._stored_only or is_change(message):
            self._plan.want(self._clock() + _NAMELESS_SECONDS)
        elif not self._concerns(message.conversation) or message.identity in self._seen:
            return
        elif self._is_behind or self._clock() < self._unsettled_until:
            self._hold(message, self._clock())
        elif self._held:
            # It follows nothing that was missed, and waits only for those before it.
            self._hold(message, self._held[-1].came)
        else:
            for event in self._show(message):
                yield event

    def _hold(self, message: Message, came: float) -> None:
        self._held.append(_Held(message, came))
        self._ask_for_held()

    def _ask_for_held(self) -> None:
        if self._held and not self._question:  # else this is called again when there is an answer
            pause_ends = max(self._caught_up_at + self._fetch_pause, self._failed_at + _RETRY_SECONDS)
            self._plan.want(max(self._clock(), pause_ends))

    def _tell_held(self, came_until: float = math.inf) -> Iterator[Event]:
        while self._held and self._held[0].came <= came_until:
            yield from self._show(self._held.pop(0).message)

    def _show(self, message: Message) -> Iterator[Event]:
        if message.sender not in self._blocked and self._seen.add(message.identity):
            yield MessageArrived(message)
            self._ledger.show([message.identity])

    async def _catch_up_when_due(self) -> AsyncIterator[Event]:
        if self._clock() >= self._held_until:
            self._is_behind = False  # or each one that comes now would wait as long
            for event in self._tell_held():
                yield event
        if not self._question and not self._plan.is_due(self._clock()):
            return
        try:
            async for event in self._catch_up(PATIENCE_SECONDS):
                yield event
        except (ApiError, OutOfReachError) as error:
            self._catching_up_since, self._failed_at = None, self._clock()
            self._told_caught_up = self.is_current = False
            is_first = self._plan.failed(self._clock(), random.random)
            if is_first or self._connected:  # a connection that has come meanwhile does not say that REST is there
                yield ConnectionChanged(False, str(error))
                self._connected = False
            self._ask_for_held()
            return
        if self._question:
            self._told_caught_up = self.is_current = False
        elif self._connected is False and self._is_linked is not False:
            # It was the archive that was away.
            self._connected = True
            yield ConnectionChanged(True)

    async def _catch_up(self, patience: float | None) -> AsyncIterator[Event]:
        """Tell what the feed has after the cursor, and then the live messages that have waited for it; or what of it
        is answered in time. The rest follows when this is called again.
        """
        if self._catching_up_since is None:
            self._catching_up_since = self._clock()
        while True:
            self._question = question = self._question or self._ask()
            left = None if patience is None else max(0.0, question.asked + patience - self._clock())
            await asyncio.wait({question.answer}, timeout=left)
            if not question.answer.done():
                return
            self._question = None
            page = question.answer.result()
            self._answered_at, self._failed_at = self._clock(), -math.inf
            for event in self._tell_page(page):
                yield event
            self._is_behind = page.has_more
            if not page.has_more:
                break
        self.is_current = True
        self._caught_up_at = self._clock()
        took = self._caught_up_at - self._catching_up_since
        self._catching_up_since = None
        self._fetch_pause = min(max(_FETCH_SECONDS, _FETCH_SHARE * took), _FETCH_MOST_SECONDS)
        self._plan.done(self._clock())
        for event in self._tell_held(question.asked):
            yield event
        self._ask_for_held()  # those that came since are told after the next answer
        if not self._told_caught_up:
            self._told_caught_up = True
            yield CaughtUp()

    def _ask(self) -> _Question:
        self._plan.asked()
        answer = asyncio.create_task(self._answer())
        answer.add_done_callback(lambda _: self._wakeups.nudge())
        return _Question(answer, self._clock())

    async def _answer(self) -> FeedPage:
        await self._blocked.learn()
        page = await feed_page(self._api, self._cursor)
        await self._blocked.learn()  # there may have been a connect meanwhile, or a block
        return page

    def _tell_page(self, page: FeedPage) -> Iterator[Event]:
        passed = [message for message in page.messages if self._concerns(message.conversation)]
        for message in passed:
            if self._is_new(message) and message.sender not in self._blocked:
                yield arrival(message)
                self._ledger.show([message.identity], stored=True)
            elif message.seq is not None and self._seen.is_unstored(message.identity):
                # Its receipt may have been missed: without this it would have no place for good.
                yield ReceiptArrived(Stored(message.id, message.seq, message.conversation, message.sender))
            self._seen.store(message.identity)
        self._cursor = page.next_after_seq
        self._ledger.move_cursor(self._scope, self._cursor, [message.identity for message in passed])
        self._deliveries.note((each.conversation, each.sender, each.seq) for each in passed)

    def _is_new(self, message: Message) -> bool:
        told_elsewhere = (message.seq or 0) <= self._told.get(str(message.conversation), 0)
        return self._seen.add(message.identity) and not told_elsewhere

    def _is_unseen(self, receipt: Stored) -> bool:
        # All that is not beyond the cursor has been told, even if that is longer ago than we remember.
        is_news = receipt.seq > self._cursor and self._concerns(receipt.conversation)
        is_news = is_news and receipt.sender not in self._blocked
        return is_news and (receipt.sender, receipt.id.lower()) not in self._seen

    def _take_link(self, *, connected: bool) -> bool:
        """Note how the connection stands; say whether that is news."""
        self._is_linked = connected
        if connected:
            self._unsettle()
        is_news = connected != self._connected
        self._connected = connected
        return is_news

    def _take_receipts(self, content: bytes) -> list[Receipt]:
        receipts = decode_receipts(content)
        self._note_deliveries(receipts)
        if any(isinstance(receipt, Stored) and self._is_unseen(receipt) for receipt in receipts):
            # A feed that could not be asked is not asked at each receipt.
            self._plan.want(max(self._clock(), self._failed_at + _RETRY_SECONDS))
        return receipts

    def _note_deliveries(self, receipts: Iterable[Receipt]) -> None:
        stored = (receipt for receipt in receipts if isinstance(receipt, Stored))
        self._deliveries.note(
            (each.conversation, each.sender, each.seq)
            for each in stored
            if self._concerns(each.conversation) and (each.sender, each.id.lower()) in self._seen
        )

    def _is_to_be_told(self, signal: Signal) -> bool:
        match signal:
            case MarkerMoved(conversation, delivered, read):
                # Another of our devices may have told it; what is not further than that is not told again.
                self._store.markers_sent(Marker(str(conversation), delivered, read))
                return self._concerns(conversation)
            case MarkerArrived(conversation, username) | TypingChanged(conversation, username):
                return username not in self._blocked and self._concerns(conversation)
            case PresenceChanged(username):
                return username not in self._blocked and (self._only is None or self._only == direct(username))
            case _:
                return True

    def _concerns(self, conversation: Conversation) -> bool:
        return self._only is None or conversation == self._only
