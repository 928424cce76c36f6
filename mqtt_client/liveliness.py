"""What makes a conversation live, on one open connection: markers, presence and typing (contract, section 2)."""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from mqtt_client.events import PresenceChanged, PresenceStatus
from mqtt_client.link import Link, LinkError, RefusedPublishError
from mqtt_client.memberships import Memberships
from mqtt_client.signals import read_signals
from mqtt_client.store import Store
from mqtt_client.store_live import Marker
from mqtt_client.wakeup import WakeUps
from wire.conversations import Conversation, parse_conversation
from wire.markers import Marker as WireMarker
from wire.markers import encode_marker
from wire.names import is_username
from wire.times import format_time
from wire.topics import marker_topic, presence, typing_topic

MARKER_SECONDS = 1.0
"""Between two publications of markers in one conversation."""
BIG_GROUP = 100
"""Members of a group in which nobody is told what was delivered: each message would make as many markers."""
_GOODBYE_SECONDS = 1.0
_THERE: Mapping[PresenceStatus, int] = {"offline": 0, "away": 1, "online": 2}


@dataclass(frozen=True, slots=True)
class Manner:
    """What a session does beside messages. A `live` one stays, and follows markers, typing and presence.

    A `visible` one says that we are there, or away, as `status` says: it is asked at each wake-up.
    """

    live: bool = False
    visible: bool = False
    status: Callable[[], PresenceStatus] = lambda: "online"


def presence_payload(status: PresenceStatus, now: float) -> bytes:
    """Write a presence; `now` is Unix time."""
    return json.dumps({"status": status, "since": format_time(datetime.fromtimestamp(now, UTC))}).encode()


class Liveliness:
    """Tells of us, and asks for what is told of others."""

    def __init__(self, link: Link, username: str, store: Store, memberships: Memberships, manner: Manner) -> None:
        """Take the connection and what is told over it."""
        self._link = link
        self._username = username
        self._store = store
        self._memberships = memberships
        self._manner = manner
        self._announced: PresenceStatus | None = None
        self._told_at: dict[str, float] = {}
        self._watched = 0

    async def run(self, wakeups: WakeUps, clock: Callable[[], float], now: Callable[[], float]) -> None:
        """Tell what there is to tell, without end. `clock` counts seconds, `now` gives Unix time. Raises LinkError."""
        while True:
            count = wakeups.count
            status = self._manner.status()
            if self._manner.visible and status != self._announced:
                self._announced = status
                await self._announce(status, now())
            if self._manner.live:
                await self._follow_presence()
                await self._tell_typing()
            wait = await self._tell_markers(clock)
            await wakeups.changed_since(count, wait)

    def take(self, topic: str, payload: bytes) -> None:
        """Learn from what has come: another of our devices that ends, or is left alone, says so for all of them."""
        if topic == presence(self._username):
            match read_signals(topic, payload, self._username):
                case [PresenceChanged(_, status, _)] if _THERE[status] < _THERE[self._manner.status()]:
                    self._announced = None

    async def say_goodbye(self, now: float) -> None:
        """Say that we are not there any more, before the connection is ended on purpose."""
        if self._manner.visible:
            with suppress(LinkError, TimeoutError):
                async with asyncio.timeout(_GOODBYE_SECONDS):
                    await self._announce("offline", now)

    async def _announce(self, status: PresenceStatus, now: float) -> None:
        with suppress(RefusedPublishError):
            await self._link.publish(presence(self._username), presence_payload(status, now), retain=True)

    async def _follow_presence(self) -> None:
        wanted = self._store.watched_after(self._watched)
        if wanted:
            self._watched = wanted[-1][0]
            await self._link.subscribe_many([presence(name) for _, name in wanted if is_username(name)])

    async def _tell_typing(self) -> None:
        for name, active in self._store.take_typing():
            conversation = parse_conversation(name)
            if conversation and self._may_tell(conversation):
                await self._link.tell(typing_topic(conversation, self._username), b"1" if active else b"0")

    async def _tell_markers(self, clock: Callable[[], float]) -> float:
        """Publish the markers whose turn it is; return for how many seconds there is nothing to do."""
        wait = float("inf")
        for marker in self._store.unsent_markers():
            conversation = parse_conversation(marker.conversation)
            due = self._told_at.get(marker.conversation, float("-inf")) + MARKER_SECONDS
            if conversation and conversation.kind == "group" and self._waits_for_token(conversation):
                continue
            if due > clock():
                wait = min(wait, due - clock())
                continue
            if conversation and self._may_tell(conversation) and self._is_worth(conversation, marker):
                self._told_at[marker.conversation] = clock()
                told = WireMarker(marker.delivered, marker.read or None)
                with suppress(RefusedPublishError):
                    topic = marker_topic(conversation, self._username)
                    await self._link.publish(topic, encode_marker(told))
            self._store.markers_sent(marker)
        return wait

    def _may_tell(self, conversation: Conversation) -> bool:
        if conversation.kind == "group":
            return conversation.name in self._memberships.token_groups
        return conversation.name != self._username

    def _waits_for_token(self, conversation: Conversation) -> bool:
        """Say whether it is not known yet that we are a member, or the token does not know it."""
        sizes = self._memberships.sizes
        return sizes is None or (conversation.name in sizes and conversation.name not in self._memberships.token_groups)

    def _is_worth(self, conversation: Conversation, marker: Marker) -> bool:
        if conversation.kind == "direct" or marker.read > marker.told_read:
            return True
        return (self._memberships.sizes or {}).get(conversation.name, 0) <= BIG_GROUP
