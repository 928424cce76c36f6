"""Registering everybody, making the groups, and logging in: for chatting, for paging, and as the owner of a group."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from mqtt_client.account import log_in, open_account
from mqtt_client.errors import ClientError
from mqtt_client.groups import create_group
from mqtt_client.transport import Transport
from scripts.faults.errors import FaultsError
from scripts.faults.pager import PROFILE
from scripts.faults.people import Person, Places, circles_of

OWNER = "owner"
"""The profile with which the first of a group looks after it."""
_PASSWORD = "a password for one run"  # noqa: S105  # of accounts that last for one run
_AT_ONCE = 4


def make_accounts(server: str, people: Sequence[Person], places: Places) -> tuple[Person, ...]:
    """Register, make the groups, and log in; return everybody with their group. Raises FaultsError."""
    try:
        return asyncio.run(_make_all(server, people, places))
    except ClientError as error:
        raise FaultsError(f"the accounts of the run cannot be made: {error}") from error


async def _make_all(server: str, people: Sequence[Person], places: Places) -> tuple[Person, ...]:
    turns = asyncio.Semaphore(_AT_ONCE)
    async with Transport(server) as transport:
        await asyncio.gather(*(_register(transport, person, turns) for person in people))
    groups = [await _make_group(server, circle, places) for circle in circles_of(people) if circle[0].title]
    members = {member.name: member for group in groups for member in group}
    everybody = tuple(members.get(person.name, person) for person in people)
    await asyncio.gather(*(_log_in(server, person, places, turns) for person in everybody))
    return everybody


async def _register(transport: Transport, person: Person, turns: asyncio.Semaphore) -> None:
    async with turns:
        await transport.request("POST", "/v1/users", body={"username": person.name, "password": _PASSWORD})


async def _make_group(server: str, members: tuple[Person, ...], places: Places) -> list[Person]:
    owner = members[0]
    profile = places.profile(owner.name, OWNER)
    profile.data.parent.mkdir(parents=True, exist_ok=True)
    await log_in(profile, server, owner.name, _PASSWORD, is_new=True)
    async with open_account(profile, server) as account:
        made = await create_group(account.api, owner.title, members=owner.others)
    return [replace(member, group=made.group.id) for member in members]


async def _log_in(server: str, person: Person, places: Places, turns: asyncio.Semaphore) -> None:
    async with turns:
        for name in ("chat", PROFILE):
            profile = places.profile(person.name, name)
            profile.data.parent.mkdir(parents=True, exist_ok=True)
            await log_in(profile, server, person.name, _PASSWORD, is_new=True)
