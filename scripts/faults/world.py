"""All that runs during a run: the parts of Nightjar, the clients, the rooms and the volume."""

import os
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from scripts.faults.accounts import make_accounts
from scripts.faults.control import Orders, Standing, read_standings, write_orders
from scripts.faults.keeper import Job, Keeper
from scripts.faults.network import SERVER_ADDRESS, Room, prepare_network
from scripts.faults.people import Person, Places, Plan, write_plan
from scripts.faults.volume import Volume
from scripts.stack.config import ROOT, Endpoint, StackConfig
from scripts.stack.ports import free_port
from scripts.stack.process import Command, Process, wait_until
from scripts.stack.stack import Part, Stack

CUT_CLIENT = "client-0"
"""The client whose network can be cut."""
PAGER = "pager"
_VOLUME_BYTES = 1024 * 1024 * 1024
_VOLUME_BYTES_A_MESSAGE = 1500
_DROPPED = "nightjar_broker_dropped_messages"
_SETTINGS = {
    "NIGHTJAR_REGISTRATION_LIMIT": "100000/hour",
    "NIGHTJAR_LOGIN_ADDRESS_LIMIT": "100000/hour",
    "NIGHTJAR_API_WORKERS": "2",
    "NIGHTJAR_PASSWORD_HASH": "pbkdf2:sha256:1000",
}
"""Everybody registers from one address, and how passwords are kept is not what is tried here."""


@dataclass
class World:
    """What faults strike at."""

    places: Places
    stack: Stack
    keeper: Keeper
    people: Sequence[Person]
    volume: Volume | None
    rooms: dict[str, Room]
    orders: Orders
    halted: threading.Event = field(default_factory=threading.Event)
    """Set when the run is given up: no fault lasts any longer."""

    @property
    def clients(self) -> list[str]:
        """Name the client processes."""
        return sorted({person.client for person in self.people})

    @property
    def programs(self) -> dict[str, Path]:
        """Name what runs, each with its log."""
        names = [part.name for part in self.stack.parts()] + [*self.clients, PAGER]
        return {name: self.process(name).command.log for name in names}

    def part(self, name: str) -> Part:
        """Find a part of the stack."""
        return next(part for part in self.stack.parts() if part.name == name)

    def process(self, name: str) -> Process:
        """Return the process that is part or client `name` now."""
        return self.keeper.process(name)

    def order(self, orders: Orders) -> None:
        """Tell the clients what to do from now on."""
        self.orders = orders
        write_orders(self.places.orders, orders)

    def standings(self) -> dict[str, Standing]:
        """Gather how far everybody is."""
        found: dict[str, Standing] = {}
        for client in self.clients:
            found |= read_standings(self.places.standings(client))
        return found

    def dropped(self, seconds: float = 5.0) -> int | None:
        """Ask how many messages the broker has dropped since its start.

        None when the REST service does not know, or does not answer in `seconds`.
        """
        try:
            answer = httpx.get(f"{self.stack.server_url}/metrics", timeout=seconds, trust_env=False)
        except httpx.HTTPError:
            return None
        found = re.search(rf"^{_DROPPED} (\d+(?:\.\d+)?)$", answer.text, re.MULTILINE)
        return int(float(found[1])) if found else None


@contextmanager
def running_world(root: Path, people: Sequence[Person], seed: int, *, isolated: bool, keep: bool) -> Iterator[World]:
    """Start everything; end it all afterwards, whatever has happened, and `keep` the clients' stores."""
    places = Places(root)
    for name in ("log", "ledgers"):
        (root / name).mkdir()
    with ExitStack() as exits:
        rooms, volume = {}, None
        if isolated:
            prepare_network()
            for number, name in enumerate((CUT_CLIENT, "archiver"), 1):
                rooms[name] = Room(number)
                exits.callback(rooms[name].close)
            messages = sum(person.quota for person in people)
            volume = Volume(root / "state" / "postgres", _VOLUME_BYTES + messages * _VOLUME_BYTES_A_MESSAGE)
            exits.callback(volume.unmount)
            # No fault is a power cut, so nothing is gained by waiting for a disk.
            stores = Volume(root / "people", _VOLUME_BYTES + messages * _VOLUME_BYTES_A_MESSAGE)
            exits.callback(stores.unmount_kept if keep else stores.unmount)
        stack = Stack(_config(root / "state", isolated=isolated))
        keeper = exits.enter_context(Keeper())
        world = World(places, stack, keeper, people, volume, rooms, Orders())
        _start_stack(world)
        world.order(Orders())
        world.people = make_accounts(stack.server_url, people, places)
        _start_clients(world, seed)
        yield world


def _config(state: Path, *, isolated: bool) -> StackConfig:
    address = SERVER_ADDRESS if isolated else "127.0.0.1"
    return StackConfig(
        state=state,
        api=Endpoint(address, free_port(address)),
        mqtt=Endpoint(address, free_port(address)),
        database_url=None,
        settings=_SETTINGS,
    )


def _start_stack(world: World) -> None:
    for part in world.stack.parts():
        part.prepare()
        process = world.keeper.start(Job(part.name, lambda part=part: _in_room(world, part.command())))  # type: ignore[misc]  # mypy knows no default of a lambda
        wait_until(part.ready, process, timeout=60)


def _start_clients(world: World, seed: int) -> None:
    for client in world.clients:
        people = tuple(person for person in world.people if person.client == client)
        _start_client(world, Plan(client, seed, people), "scripts.faults.client")
    _start_client(world, Plan(PAGER, seed, tuple(world.people)), "scripts.faults.pager")


def _start_client(world: World, plan: Plan, module: str) -> None:
    path = world.places.plan(plan.client)
    write_plan(path, plan)
    environment = {name: "" for name in os.environ if name.lower().endswith("_proxy")}
    command = Command(
        plan.client,
        [sys.executable, "-m", module, str(path)],
        world.places.log(plan.client),
        cwd=ROOT,
        environment=environment,
    )
    world.keeper.start(Job(plan.client, lambda: _in_room(world, command)))


def _in_room(world: World, command: Command) -> Command:
    room = world.rooms.get(command.name)
    return replace(command, argv=room.entered(command.argv)) if room else command
