"""Registering everybody who takes part, and their logins: one for chatting, one for the paging readers."""

import asyncio
from collections.abc import Sequence

from mqtt_client.account import log_in
from mqtt_client.errors import ClientError
from mqtt_client.transport import Transport
from scripts.faults.errors import FaultsError
from scripts.faults.pager import PROFILE
from scripts.faults.people import Person, Places

_PASSWORD = "a password for one run"  # noqa: S105  # of accounts that last for one run
_AT_ONCE = 4


def make_accounts(server: str, people: Sequence[Person], places: Places) -> None:
    """Register and log in. Raises FaultsError."""
    try:
        asyncio.run(_make_all(server, people, places))
    except ClientError as error:
        raise FaultsError(f"the accounts of the run cannot be made: {error}") from error


async def _make_all(server: str, people: Sequence[Person], places: Places) -> None:
    turns = asyncio.Semaphore(_AT_ONCE)
    async with Transport(server) as transport:
        await asyncio.gather(*(_make(transport, person, places, turns) for person in people))


async def _make(transport: Transport, person: Person, places: Places, turns: asyncio.Semaphore) -> None:
    async with turns:
        body = {"username": person.name, "password": _PASSWORD}
        await transport.request("POST", "/v1/users", body=body)
        for name in ("chat", PROFILE):
            profile = places.profile(person.name, name)
            profile.data.parent.mkdir(parents=True, exist_ok=True)
            await log_in(profile, transport.server, person.name, _PASSWORD, is_new=True)
