"""Removing a member from a group while everybody writes, and adding them again."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from mqtt_client.account import open_account
from mqtt_client.api import Api
from mqtt_client.errors import ApiError, OutOfReachError
from mqtt_client.groups import remove_member, set_member
from scripts.faults.accounts import OWNER
from scripts.faults.errors import FaultsError
from scripts.faults.ledger import Ledger
from scripts.faults.people import circles_of
from scripts.faults.schedule import Step
from scripts.faults.world import World

_PAUSE_SECONDS = 0.2
_PROBE_SECONDS = 1.0
_PATIENCE_SECONDS = 120.0
_GONE, _SERVER_ERROR = 404, 500
"""HTTP statuses: that there is no such member, and the least that says that it is the server's fault."""


class Removal:
    """The group's owner removes a member, and adds them again a while later. Both are tried until they are answered."""

    def __init__(self, world: World, step: Step) -> None:
        groups = [circle for circle in circles_of(world.people) if circle[0].group]
        candidates = [(members[0], member) for members in groups for member in members[1:]]
        self._owner, self._member = candidates[step.choice % len(candidates)]
        self._world = world
        self._seconds = step.seconds

    def phases(self) -> Sequence[Callable[[], None]]:
        """Remove, and add."""
        return [lambda: asyncio.run(self._remove_and_add())]

    async def _remove_and_add(self) -> None:
        profile = self._world.places.profile(self._owner.name, OWNER)
        async with open_account(profile, self._world.stack.server_url) as account:
            removing = time.monotonic()
            removed = await self._removed(account.api)
            try:
                await asyncio.to_thread(self._let_write)
            finally:
                adding = time.monotonic()
                await self._until_answered(lambda: self._add(account.api))
        ledger = Ledger(self._world.places.ledger(self._member.name, "absent"))
        ledger.write(*(f"{at:.2f}" for at in (removing, removed, adding, time.monotonic())))
        ledger.close()

    def _let_write(self) -> None:
        """Let everybody write something now and then while the member is gone, however little they have left."""
        until = time.monotonic() + self._seconds
        while time.monotonic() < until and not self._world.halted.is_set():
            self._world.order(replace(self._world.orders, probe=self._world.orders.probe + 1))
            self._world.halted.wait(_PROBE_SECONDS)

    async def _removed(self, api: Api) -> float:
        """Remove the member; return when the broker had cut them off, or infinity when nobody has said so."""
        confirmed = False

        async def remove() -> None:
            nonlocal confirmed
            try:
                confirmed = await remove_member(api, self._member.group, self._member.name)
            except ApiError as error:
                if error.status != _GONE:
                    raise
                confirmed = False  # an earlier try did it, and its answer was lost

        await self._until_answered(remove)
        return time.monotonic() if confirmed else float("inf")

    async def _add(self, api: Api) -> None:
        await set_member(api, self._member.group, self._member.name, "member")

    async def _until_answered(self, call: Callable[[], Awaitable[None]]) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return await call()
            except (ApiError, OutOfReachError) as error:
                if isinstance(error, ApiError) and error.status < _SERVER_ERROR:
                    raise FaultsError(f"{self._member.name} cannot be removed or added: {error}") from error
                if self._world.halted.is_set() or time.monotonic() > deadline:
                    raise FaultsError(f"{self._member.name} was not removed or added in time: {error}") from error
            await asyncio.sleep(_PAUSE_SECONDS)
