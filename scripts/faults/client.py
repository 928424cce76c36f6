"""`python -m scripts.faults.client PLAN`: a process with the sessions of several people, made of our client's code."""

import asyncio
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mqtt_client.api import Api
from mqtt_client.errors import ApiError, ClientError, OutOfReachError
from mqtt_client.follow import Follower
from mqtt_client.profile import Profile
from mqtt_client.session import Session, alongside
from mqtt_client.store import Store
from mqtt_client.transport import Transport
from mqtt_client.wakeup import WakeUps
from scripts.faults.control import Standing, write_standings
from scripts.faults.ledger import Ledger
from scripts.faults.orders import Desk
from scripts.faults.people import Person, Places, Plan, read_plan
from scripts.faults.sender import Sender
from scripts.faults.viewer import Viewer

_AGAIN_SECONDS = 0.5
_STANDING_SECONDS = 0.1
_SERVER_ERROR = 500
"""The least HTTP status that says so."""


@dataclass
class _Seat:
    person: Person
    profile: Profile
    sender: Sender
    viewer: Viewer


async def run_client(plan: Plan, places: Places) -> None:
    """Send and show for everybody until the run ends."""
    desk = Desk(plan.client, places)
    seats = [
        _Seat(
            person,
            places.profile(person.name, "chat"),
            Sender(person, plan.seed, desk, places),
            Viewer(person, places),
        )
        for person in plan.people
    ]
    ends = Ledger(places.ledger(plan.client, "ended"))
    works = [asyncio.ensure_future(_stay(seat, desk, ends)) for seat in seats]
    works.append(asyncio.ensure_future(_tell(plan.client, seats, places)))
    works.append(asyncio.ensure_future(desk.until(lambda orders: orders.ended)))
    try:
        done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        for work in done:
            work.result()
    finally:
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)


async def _stay(seat: _Seat, desk: Desk, ends: Ledger) -> None:
    """Run the person's commands again whenever they end, as people do.

    Each end is told: `kind_of_end` says which is a fault.
    """
    fresh = True
    while True:
        seat.viewer.has_caught_up = False
        kind, error = "ended", "without a word"
        try:
            await _sit(seat, desk, fresh=fresh)
        except ClientError as raised:
            kind = kind_of_end(raised, has_caught_up=seat.viewer.has_caught_up)
            error = f"{type(raised).__name__}: {raised}"
        except Exception as raised:  # noqa: BLE001  # any is a crash; its traceback is counted too, and the others go on
            traceback.print_exc()
            error = f"{type(raised).__name__}: {raised}"
        _say(seat, f"{kind}: {error}")
        ends.write(kind, seat.person.name, " ".join(error.split()))
        fresh = False
        await asyncio.sleep(_AGAIN_SECONDS)


def kind_of_end(error: ClientError, *, has_caught_up: bool) -> str:
    """Say `not begun` of a command that found the server out of reach or broken at its start.

    Any other end is `ended`, a fault of the client: also one by a request that the server refused.
    """
    is_of_server = isinstance(error, OutOfReachError) or (isinstance(error, ApiError) and error.status >= _SERVER_ERROR)
    return "not begun" if is_of_server and not has_caught_up else "ended"


async def _sit(seat: _Seat, desk: Desk, *, fresh: bool) -> None:
    credentials = seat.profile.load()
    async with Transport(credentials.server) as transport:
        api = Api(transport, seat.profile, credentials, desk.now)
        with Store(seat.profile.store_file(credentials.server, credentials.username), desk.now) as store:
            if fresh:
                seat.viewer.resume(store)
                seat.sender.resume(store)
            async with WakeUps(seat.profile.wakeups) as wakeups:
                session = Session(api, store, wakeups, seat.profile, now=desk.now, watch=seat.viewer.watch)
                follower = Follower(api, store, wakeups)
                try:
                    await session.begin()
                    await alongside(session, seat.viewer.run(follower), seat.sender.run(store, wakeups))
                finally:
                    session.release()


async def _tell(client: str, seats: Sequence[_Seat], places: Places) -> None:
    while True:
        standings = {
            seat.person.name: Standing(
                time.monotonic(),
                seat.sender.count,
                seat.person.quota,
                seat.sender.waiting,
                seat.sender.confirmed_put_at,
                seat.viewer.count,
            )
            for seat in seats
        }
        write_standings(places.standings(client), standings)
        await asyncio.sleep(_STANDING_SECONDS)


def _say(seat: _Seat, what: str) -> None:
    at = time.strftime("%H:%M:%S", time.gmtime())
    print(f"{at} {seat.person.name}: {what}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Run one client process."""
    (path,) = map(Path, arguments)
    asyncio.run(run_client(read_plan(path), Places(path.parent)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
