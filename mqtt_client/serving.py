"""The work on one open connection: what comes goes into the store's log, what waits in the outbox goes out."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aiomqtt import PublishPacket

from mqtt_client.api import Api
from mqtt_client.credentials import StoredMqtt, groups_in
from mqtt_client.errors import ApiError, OutOfReachError
from mqtt_client.incoming import LogKind, filters, group_filters, log_entry, receipts_in
from mqtt_client.link import LastWill, Link, LinkError, RefusedPublishError, open_link
from mqtt_client.liveliness import Liveliness, Manner, presence_payload
from mqtt_client.memberships import Memberships, Renewed
from mqtt_client.resending import settle_stored
from mqtt_client.signals import is_group_hint, is_token_stale
from mqtt_client.state import SendPlan, backoff
from mqtt_client.store import Result, Store
from mqtt_client.wakeup import WakeUps
from wire.message import Envelope, parse_uuid, user_properties
from wire.receipts import Receipt, Rejected, Stored
from wire.times import parse_time
from wire.topics import archived, message_topic, presence

_TIDY_SECONDS = 300.0
_TIDY_ENTRIES = 5000


class RevokedError(Exception):
    """The broker has ended the connection because its token is good no more. A fresh one says what we may do."""


@dataclass(frozen=True)
class Parts:
    """What a session works with, whichever connection it has."""

    api: Api
    store: Store
    wakeups: WakeUps
    clock: Callable[[], float]
    now: Callable[[], float]
    chance: Callable[[], float]
    watch: Callable[[PublishPacket], None] | None
    manner: Manner
    renewed: Renewed = field(default_factory=Renewed)

    @asynccontextmanager
    async def connected(self, mqtt: StoredMqtt) -> AsyncIterator["Service"]:
        """Connect and subscribe to all that the credentials are good for. Raises LinkError, RevokedError."""
        username, groups = self.api.username, groups_in(mqtt.password.get_secret_value())
        wanted = filters(username, live=self.manner.live)
        will = LastWill(presence(username), presence_payload("offline", self.now())) if self.manner.visible else None
        async with open_link(mqtt, wanted, group_filters(groups), will) as link:
            try:
                yield Service(self, link, mqtt, groups)
            except LinkError as error:
                if link.is_revoked:
                    raise RevokedError from error
                raise


class Service:
    """Serves one connection."""

    def __init__(self, parts: Parts, link: Link, mqtt: StoredMqtt, groups: frozenset[str]) -> None:
        """Take what there is to work with, and the groups that the credentials are good for."""
        self.groups = groups
        self._parts = parts
        self._link = link
        self._mqtt = mqtt
        self._api = parts.api
        self._store = parts.store
        self._wakeups = parts.wakeups
        self._clock = parts.clock
        self._plan = SendPlan()
        self._stale = asyncio.Event()
        self._memberships = Memberships(parts.api, parts.store, groups, parts.renewed, parts.chance)
        self._live = Liveliness(link, parts.api.username, parts.store, self._memberships, parts.manner)
        self._tidied = float("-inf")
        self._logged = 0

    async def run(self) -> None:
        """Work until newer credentials are there. Raises LinkError when the connection breaks."""
        try:
            await first(
                self._receive(),
                self._publish_outbox(),
                self._renew(),
                self._memberships.watch(self._stale, self._left),
                self._live.run(self._wakeups, self._clock, self._parts.now),
            )
        except asyncio.CancelledError:
            await self._live.say_goodbye(self._parts.now())
            raise

    async def _receive(self) -> None:
        username = self._api.username
        while True:
            packets = await self._link.packets()
            if self._parts.watch:
                for packet in packets:
                    self._parts.watch(packet)
            results, entries = _news(packets, username)
            if entries:
                self._store.take(results, entries)
                self._plan.remove((result.id for result in results), self._clock())
                self._wakeups.notify()
            for packet in packets:
                if is_token_stale(packet.topic, packet.payload, username):
                    self._stale.set()
                elif is_group_hint(packet.topic, packet.payload, username):
                    self._memberships.doubt()
                else:
                    self._live.take(packet.topic, packet.payload)
            await self._link.acknowledge(packets)
            self._tidy(len(entries))

    async def _publish_outbox(self) -> None:
        position = 0
        if await settle_stored(self._api, self._store, self._parts.now()):
            self._wakeups.notify()
        try:
            async with asyncio.TaskGroup() as publications:
                while True:
                    count = self._wakeups.count
                    for new, id_, conversation in self._store.outbox_after(position):
                        self._plan.add(id_, conversation)
                        position = new
                    for id_ in self._plan.due(self._clock()):
                        publications.create_task(self._publish(id_))
                    await self._wakeups.changed_since(count, self._plan.next_due() - self._clock())
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from group

    async def _publish(self, id_: str) -> None:
        message = self._store.outgoing(id_)
        if message is None:
            # A process that had the connection before us got the receipt.
            self._plan.remove([id_], self._clock())
            self._plan.acknowledged(id_, self._clock())
            self._wakeups.nudge()
            return
        envelope = Envelope(
            id=parse_uuid(id_),
            sent_at=parse_time(message.sent_at),
            relation=message.relation,
            relates_to=parse_uuid(message.relates_to) if message.relates_to else None,
        )
        topic = message_topic(message.conversation, self._api.username)
        try:
            await self._link.publish(topic, message.body, message.content_type, user_properties(envelope))
        except RefusedPublishError:
            self._plan.failed(id_, self._clock())
            if message.conversation.kind == "group":
                self._memberships.doubt(message.conversation.name)
        else:
            self._plan.acknowledged(id_, self._clock())
        self._wakeups.nudge()

    def _left(self, ids: Iterable[str]) -> None:
        """Take out of the plan what was refused because we are no member."""
        self._plan.remove(ids, self._clock())
        self._wakeups.notify()

    async def _renew(self) -> None:
        left = self._mqtt.ends_at - self._parts.now()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, left - min(60.0, left / 5))):
                await self._stale.wait()
        failures = 0
        while True:
            try:
                await self._api.mqtt(refused=self._mqtt.password.get_secret_value())
            except (ApiError, OutOfReachError):
                failures += 1
                await asyncio.sleep(backoff(failures, self._parts.chance))
            else:
                return

    def _tidy(self, logged: int) -> None:
        self._logged += logged
        if self._clock() - self._tidied > _TIDY_SECONDS or self._logged > _TIDY_ENTRIES:
            self._tidied, self._logged = self._clock(), 0
            self._store.tidy()


def _news(packets: Iterable[PublishPacket], username: str) -> tuple[list[Result], list[tuple[LogKind, bytes]]]:
    """Sort out what packets bring: answers to our messages, and entries for the log."""
    results: list[Result] = []
    entries: list[tuple[LogKind, bytes]] = []
    own = archived(username)
    for packet in packets:
        receipts = receipts_in(packet, username)
        if receipts:
            results += [result for receipt in receipts if (result := _result(receipt, username))]
            entries.append(("receipts", packet.payload))
        # Our own markers come in the same payload as receipts.
        if (not receipts or packet.topic == own) and (entry := log_entry(packet, username)):
            entries.append(entry)
    return results, entries


def _result(receipt: Receipt, username: str) -> Result | None:
    match receipt:
        case Stored(id_, seq, _, sender) if sender == username:
            return Result(id_.lower(), seq, None)
        case Rejected(id_, reason):
            return Result(id_.lower(), None, reason)
        case _:
            return None


async def first(*works: Coroutine[None, None, None]) -> None:
    """Do all at once until one of them ends; raise what it raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
