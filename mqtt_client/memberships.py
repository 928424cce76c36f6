"""Whether the credentials in use know the groups that we are in: the server's list says, once a connection."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from mqtt_client.api import Api
from mqtt_client.errors import ApiError, OutOfReachError
from mqtt_client.groups import own_groups
from mqtt_client.models import Group
from mqtt_client.state import backoff
from mqtt_client.store import Result, Store
from wire.conversations import group
from wire.receipts import encode_entries, rejected_entry

_PAUSE_SECONDS = 1.0


@dataclass(slots=True)
class Renewed:
    """For which list of groups the token was renewed last, over all connections of a session."""

    groups: frozenset[str] | None = None


class Memberships:
    """The groups of one connection's token, compared with those of the server.

    The API tells of changes, but only those who are connected. So the list is read after each connect too.
    """

    def __init__(
        self,
        api: Api,
        store: Store,
        token_groups: frozenset[str],
        renewed: Renewed,
        chance: Callable[[], float],
    ) -> None:
        """Take the parts, and the groups that the token is good for."""
        self.token_groups = token_groups
        self.sizes: dict[str, int] | None = None
        self._api = api
        self._store = store
        self._renewed = renewed
        self._chance = chance
        self._doubtful: set[str] = set()
        self._doubt = asyncio.Event()

    def doubt(self, group_id: str | None = None) -> None:
        """Have the list read again. A group whose publication the broker has refused may be one we are not in."""
        if group_id is not None:
            self._doubtful.add(group_id)
        self._doubt.set()

    async def watch(self, stale: asyncio.Event, left: Callable[[Iterable[str]], None]) -> None:
        """Compare once, and whenever there is doubt; set `stale` when the token is to be renewed.

        Messages to groups that we are not in, which were in the outbox when the list was asked for, are rejected;
        `left` is told the ids of these, none too.
        """
        # After an outage not everybody at once. A publication that was refused is not kept waiting.
        with suppress(TimeoutError):
            async with asyncio.timeout(_PAUSE_SECONDS * self._chance()):
                await self._doubt.wait()
        while True:
            self._doubt.clear()
            groups, until = await self._listed()
            if groups is not None:
                self.sizes = {each.id: each.members for each in groups}
                members_of = frozenset(self.sizes)
                left(self._reject(self._doubtful - members_of, until))
                if members_of == self.token_groups:
                    self._renewed.groups = None
                elif members_of != self._renewed.groups:
                    # A token that still differs after it was renewed for that list will not get better.
                    self._renewed.groups = members_of
                    stale.set()
            if not self._doubt.is_set():  # else what is doubted may have been written after the list was asked for
                self._doubtful.clear()
            await self._doubt.wait()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _listed(self) -> tuple[list[Group] | None, int]:
        """Return the list, None if the server has no groups yet, and the outbox's end when it was asked for."""
        failures = 0
        while True:
            until = self._store.outbox_end()
            try:
                return await own_groups(self._api), until
            except ApiError as error:
                if error.status == 404:  # HTTP's
                    return None, until
                failures += 1
            except OutOfReachError:
                failures += 1
            await asyncio.sleep(max(1.0, backoff(failures, self._chance)))

    def _reject(self, group_ids: Iterable[str], until: int) -> list[str]:
        names = {str(group(each)) for each in group_ids}
        waiting = self._store.outbox_after(0)
        ids = [id_ for position, id_, conversation in waiting if position <= until and conversation in names]
        if ids:
            entries = encode_entries(rejected_entry(id_, "not_a_member") for id_ in ids)
            self._store.take([Result(id_, None, "not_a_member") for id_ in ids], [("receipts", entries)])
        return ids
