"""The profile's MQTT session: one process has the connection, publishes the outbox and logs what comes in.

A login is one device with one MQTT client id, so two connections of one profile would cut each other off. Whoever
holds the lock of the profile connects; the others wait for it, and meanwhile live off the store: what they put into
the outbox is published by the owner, and what comes in is read from the log. The kernel frees the lock of a process
that was killed; one that was stopped, by Ctrl-Z or by a terminal that takes no more output, is deposed.
"""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress

from aiomqtt import PublishPacket

from mqtt_client.api import CLOCKS_AGREE_SECONDS, Api
from mqtt_client.credentials import StoredMqtt
from mqtt_client.errors import ApiError, NotLoggedInError, OutOfReachError
from mqtt_client.incoming import LogKind
from mqtt_client.link import LinkError
from mqtt_client.liveliness import Manner
from mqtt_client.locks import FileLock
from mqtt_client.profile import Profile
from mqtt_client.serving import Parts, RevokedError, first
from mqtt_client.state import backoff
from mqtt_client.store import Store
from mqtt_client.wakeup import WakeUps

_TAKE_OVER_SECONDS = 0.3
_BEAT_SECONDS = 1.0
_SILENT_SECONDS = 5.0
_STABLE_SECONDS = 10.0
_START_SECONDS = 10.0


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
        manner: Manner | None = None,
    ) -> None:
        """Take the parts; `clock` counts seconds, `now` gives Unix time, `chance` spreads tries to reconnect.

        `watch` is told of every packet that comes, whatever it is. `manner` says what it does beside messages.
        """
        self._api = api
        self._store = store
        self._wakeups = wakeups
        self._clock = clock
        self._now = now
        self._chance = chance
        self._parts = Parts(api, store, wakeups, clock, now, chance, watch, manner or Manner())
        self._lock = FileLock(profile.connection_lock)
        self._owner = False
        self.trouble = ""
        """Why this process, as the connection's owner, could not make it the last time; empty while there is one."""
        self._told_cut = False
        self._told_groups: frozenset[str] | None = None

    async def begin(self) -> None:
        """Become the connection's owner if there is none, with credentials in hand.

        Raises NotLoggedInError, and as the owner OutOfReachError or ApiError when there are no credentials to be had.
        """
        self._api.check_login()
        self._owner = self._lock.take_over(_SILENT_SECONDS)
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
                    await first(self._own(patient=patient), self._keep_lock())
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
        self._owner = self._lock.take_over(_SILENT_SECONDS)
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
                    async with self._parts.connected(mqtt) as service:
                        patient, self._told_cut, self.trouble = True, False, ""
                        self._tell_groups(service.groups)
                        self._tell("connected")
                        await service.run()
                continue
            except RevokedError:
                # A membership has ended, say: fresh credentials know what we still may do.
                failures = 1 if self._clock() - opened > _STABLE_SECONDS else failures + 1
            except NotLoggedInError as error:
                self._tell("ended", f"{self._api.device_id}\n{error.reason}\n{error.remedy}")
                raise
            except (LinkError, OutOfReachError, ApiError) as error:
                self._check_lock()
                was_refused = isinstance(error, LinkError) and error.refused
                if not patient and not (was_refused and self._clock() - began < _START_SECONDS):
                    raise OutOfReachError(str(error)) from error
                refused = refused if was_refused else None
                failures = 1 if self._clock() - opened > _STABLE_SECONDS else failures + 1
                self.trouble = str(error)
                self._tell_cut(self.trouble)
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

    def _tell_cut(self, reason: str) -> None:
        if not self._told_cut:
            self._told_cut = True
            self._tell("disconnected", reason)

    def _tell_groups(self, groups: frozenset[str]) -> None:
        # Who is removed from a group is cut off, so the event that says so comes while nobody is there to hear it.
        if groups != self._told_groups:
            self._told_groups = groups
            self._tell("groups", " ".join(sorted(groups)))

    def _tell(self, kind: LogKind, content: str = "") -> None:
        self._store.log([(kind, content.encode())])
        self._wakeups.notify()


async def alongside(session: Session, *works: Coroutine[None, None, None], patient: bool = True) -> None:
    """Do the works while the session runs, until one ends. Raises what any of them raises."""
    await first(session.run(patient=patient), *works)
