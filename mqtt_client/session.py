"""The profile's MQTT session: one process has the connection, publishes the outbox and logs what comes in.

A login is one device with one MQTT client id, so two connections of one profile would cut each other off. Whoever
holds the lock of the profile connects; the others wait for it, and meanwhile live off the store: what they put into
the outbox is published by the owner, and what comes in is read from the log. The kernel frees the lock of a process
that was killed; one that was stopped, by Ctrl-Z or by a terminal that takes no more output, is deposed.
"""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager, suppress

from aiomqtt import PublishPacket

from mqtt_client.api import CLOCKS_AGREE_SECONDS, Api
from mqtt_client.credentials import StoredMqtt
from mqtt_client.errors import ApiError, NotLoggedInError, OutOfReachError
from mqtt_client.incoming import LogKind, filters, is_token_stale, log_entry, receipts_in
from mqtt_client.link import Link, LinkError, RefusedPublishError, open_link
from mqtt_client.locks import FileLock
from mqtt_client.profile import Profile
from mqtt_client.state import SendPlan, backoff
from mqtt_client.store import Result, Store
from mqtt_client.wakeup import WakeUps
from wire.message import Envelope, parse_uuid, user_properties
from wire.receipts import Receipt, Rejected, Stored
from wire.times import parse_time
from wire.topics import inbox

_TAKE_OVER_SECONDS = 0.3
_BEAT_SECONDS = 1.0
_SILENT_SECONDS = 5.0
_STABLE_SECONDS = 10.0
_START_SECONDS = 10.0
_TIDY_SECONDS = 300.0
_TIDY_ENTRIES = 5000


class _DeposedError(Exception):
    """Another process took the connection over while this one was stopped."""


class Session:
    """Runs until cancelled, or until the login ends. Tells nothing itself: see `follow.Follower` and the store."""

    def __init__(
        self,
        api: Api,
        store: Store,
        wakeups: WakeUps,
        profile: Profile,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
        watch: Callable[[PublishPacket], None] | None = None,
    ) -> None:
        """Take the parts; `clock` counts seconds, `now` gives Unix time, `chance` spreads tries to reconnect.

        `watch` is told of every packet that comes, whatever it is.
        """
        self._api = api
        self._store = store
        self._wakeups = wakeups
        self._clock = clock
        self._now = now
        self._chance = chance
        self._watch = watch
        self._lock = FileLock(profile.connection_lock)
        self._owner = False
        self._told_cut = False
        self._tidied = float("-inf")
        self._logged = 0

    async def begin(self) -> None:
        """Become the connection's owner if there is none, with credentials in hand.

        Raises NotLoggedInError, and as the owner OutOfReachError or ApiError when there are no credentials to be had.
        """
        self._api.check_login()
        self._lock.depose(_SILENT_SECONDS)
        self._owner = self._lock.take()
        if self._owner:
            await self._api.mqtt()

    @property
    def is_owner(self) -> bool:
        """Whether the connection is this process's to make."""
        return self._owner

    async def run(self, *, patient: bool = True) -> None:
        """Keep the connection, or wait to take it over. An impatient one must reach the broker at the first try.

        Raises NotLoggedInError, StorageError; OutOfReachError when impatient.
        """
        try:
            while True:
                while not self._owner:
                    patient = True
                    await self._wait_for_lock()
                with suppress(_DeposedError):
                    await _first(self._own(patient=patient), self._keep_lock())
                self._owner = False
        finally:
            self.release()

    def release(self) -> None:
        """Let another process have the connection."""
        if self._owner:
            self._owner = False
            self._lock.release()
            with suppress(OSError):
                self._wakeups.notify()

    async def _wait_for_lock(self) -> None:
        count = self._wakeups.count
        self._api.check_login()
        self._lock.depose(_SILENT_SECONDS)
        self._owner = self._lock.take()
        if not self._owner:
            await self._wakeups.changed_since(count, _TAKE_OVER_SECONDS)

    async def _keep_lock(self) -> None:
        while True:
            self._check_lock()
            # Whoever logs in anew on the profile needs the connection of the new login.
            self._api.check_login()
            await asyncio.sleep(_BEAT_SECONDS)

    def _check_lock(self) -> None:
        if not self._lock.beat():
            raise _DeposedError

    async def _own(self, *, patient: bool) -> None:
        failures, refused = 0, None
        began = self._clock()
        while True:
            opened = self._clock()
            try:
                mqtt = await self._api.mqtt(refused)
                refused = mqtt.password.get_secret_value()
                with self._unless_run_out(mqtt):
                    async with open_link(mqtt, filters(self._api.username)) as link:
                        patient, self._told_cut = True, False
                        self._tell("connected")
                        await self._serve(link, mqtt)
                continue
            except NotLoggedInError as error:
                self._tell("ended", str(error))
                raise
            except (LinkError, OutOfReachError, ApiError) as error:
                self._check_lock()
                was_refused = isinstance(error, LinkError) and error.refused
                if not patient and not (was_refused and self._clock() - began < _START_SECONDS):
                    raise OutOfReachError(str(error)) from error
                refused = refused if was_refused else None
                failures = 1 if self._clock() - opened > _STABLE_SECONDS else failures + 1
                self._tell_cut(str(error))
            await self._pause(backoff(failures, self._chance))

    @contextmanager
    def _unless_run_out(self, mqtt: StoredMqtt) -> Iterator[None]:
        """Let a LinkError pass unless the credentials have run out meanwhile.

        The broker ends a connection with its credentials (contract, section 5). They are renewed before, but a machine
        that was busy or asleep may come too late: that is no break to speak of, and the next connection has new ones.
        """
        lasted = self._lasts(mqtt)
        try:
            yield
        except LinkError:
            if not lasted or self._lasts(mqtt):
                raise

    def _lasts(self, mqtt: StoredMqtt) -> bool:
        return self._now() < mqtt.ends_at - CLOCKS_AGREE_SECONDS

    async def _pause(self, seconds: float) -> None:
        # A message that somebody has just written is worth an early try.
        until, early = self._clock() + seconds, self._clock() + 1.0
        end = self._store.outbox_end()
        while (now := self._clock()) < until:
            count = self._wakeups.count
            if now >= early and self._store.outbox_end() > end:
                return
            await self._wakeups.changed_since(count, min(until - now, 0.5))

    async def _serve(self, link: Link, mqtt: StoredMqtt) -> None:
        """Work on an open connection until newer credentials are there. Raises LinkError when it breaks."""
        stale = asyncio.Event()
        plan = SendPlan()
        await _first(self._receive(link, plan, stale), self._publish_outbox(link, plan), self._renew(mqtt, stale))

    async def _receive(self, link: Link, plan: SendPlan, stale: asyncio.Event) -> None:
        username = self._api.username
        while True:
            packets = await link.packets()
            if self._watch:
                for packet in packets:
                    self._watch(packet)
            results, entries = _news(packets, username)
            if entries:
                self._store.take(results, entries)
                plan.remove((result.id for result in results), self._clock())
                self._wakeups.notify()
            if any(is_token_stale(packet, username) for packet in packets):
                stale.set()
            await link.acknowledge(packets)
            self._tidy(len(entries))

    async def _publish_outbox(self, link: Link, plan: SendPlan) -> None:
        position = 0
        try:
            async with asyncio.TaskGroup() as publications:
                while True:
                    count = self._wakeups.count
                    for new, id_, recipient in self._store.outbox_after(position):
                        plan.add(id_, recipient)
                        position = new
                    for id_ in plan.due(self._clock()):
                        publications.create_task(self._publish(link, plan, id_))
                    await self._wakeups.changed_since(count, plan.next_due() - self._clock())
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from group

    async def _publish(self, link: Link, plan: SendPlan, id_: str) -> None:
        message = self._store.outgoing(id_)
        if message is None:
            # A process that had the connection before us got the receipt.
            plan.remove([id_], self._clock())
            plan.acknowledged(id_, self._clock())
            self._wakeups.nudge()
            return
        envelope = Envelope(id=parse_uuid(id_), sent_at=parse_time(message.sent_at))
        topic = inbox(message.recipient, self._api.username)
        try:
            await link.publish(topic, message.body, message.content_type, user_properties(envelope))
        except RefusedPublishError:
            plan.failed(id_, self._clock())
        else:
            plan.acknowledged(id_, self._clock())
        self._wakeups.nudge()

    async def _renew(self, mqtt: StoredMqtt, stale: asyncio.Event) -> None:
        left = mqtt.ends_at - self._now()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, left - min(60.0, left / 5))):
                await stale.wait()
        failures = 0
        while True:
            try:
                await self._api.mqtt(refused=mqtt.password.get_secret_value())
            except (ApiError, OutOfReachError):
                failures += 1
                await asyncio.sleep(backoff(failures, self._chance))
            else:
                return

    def _tell_cut(self, reason: str) -> None:
        if not self._told_cut:
            self._told_cut = True
            self._tell("disconnected", reason)

    def _tell(self, kind: LogKind, content: str = "") -> None:
        self._store.log([(kind, content.encode())])
        self._wakeups.notify()

    def _tidy(self, logged: int) -> None:
        self._logged += logged
        if self._clock() - self._tidied > _TIDY_SECONDS or self._logged > _TIDY_ENTRIES:
            self._tidied, self._logged = self._clock(), 0
            self._store.tidy()


def _news(packets: Iterable[PublishPacket], username: str) -> tuple[list[Result], list[tuple[LogKind, bytes]]]:
    """Sort out what packets bring: answers to our messages, and entries for the log."""
    results: list[Result] = []
    entries: list[tuple[LogKind, bytes]] = []
    for packet in packets:
        if receipts := receipts_in(packet, username):
            results += [result for receipt in receipts if (result := _result(receipt, username))]
            entries.append(("receipts", packet.payload))
        elif entry := log_entry(packet, username):
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


async def _first(*works: Coroutine[None, None, None]) -> None:
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


async def alongside(session: Session, *works: Coroutine[None, None, None], patient: bool = True) -> None:
    """Do the works while the session runs, until one ends. Raises what any of them raises."""
    await _first(session.run(patient=patient), *works)
