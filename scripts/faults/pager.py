"""`python -m scripts.faults.pager PLAN`: pages the archive over REST while the run goes on, and notes all it reads.

Of each conversation every other person reads the history, and those between their feed, each from the beginning with
`after_seq`.
"""

import asyncio
import base64
import sys
from collections.abc import Sequence
from pathlib import Path

from mqtt_client.api import Api
from mqtt_client.errors import ApiError, OutOfReachError
from mqtt_client.reading import messages_path
from mqtt_client.transport import Transport
from scripts.faults.ledger import Ledger, digest
from scripts.faults.orders import Desk
from scripts.faults.people import Person, Places, Plan, circles_of, read_plan

PROFILE = "pager"
_LIMIT = 200
_PAUSE_SECONDS = 2.0


async def run_pager(plan: Plan, places: Places) -> None:
    """Read for everybody until the run is ending and nothing is left."""
    desk = Desk(plan.client, places)
    watching = asyncio.ensure_future(desk.until(lambda orders: orders.ended))
    try:
        async with asyncio.TaskGroup() as readers:
            for circle in circles_of(plan.people):
                for number, person in enumerate(circle):
                    readers.create_task(_read_all(person, desk, places, history=number % 2 == 0))
    finally:
        watching.cancel()


async def _read_all(person: Person, desk: Desk, places: Places, *, history: bool) -> None:
    profile = places.profile(person.name, PROFILE)
    credentials = profile.load()
    path = messages_path(person.conversation) if history else "/v1/messages"
    ledger = Ledger(places.ledger(person.name, "paged"))
    after = 0
    async with Transport(credentials.server) as transport:
        api = Api(transport, profile, credentials)
        while True:
            ending = desk.orders.ending
            try:
                after, has_more = await _read_page(api, path, after, ledger)
            except (ApiError, OutOfReachError):
                has_more, ending = False, False  # it is down; the same page is asked for again
            if ending and not has_more:
                break
            if not has_more:
                await asyncio.sleep(_PAUSE_SECONDS)
    ledger.close()


async def _read_page(api: Api, path: str, after: int, ledger: Ledger) -> tuple[int, bool]:
    answer = await api.call("GET", path, query={"after_seq": after, "limit": _LIMIT})
    page = answer.json()
    if not isinstance(page, dict):
        raise ApiError("the answer is no page", answer.status)
    for message in page["messages"]:
        body = message["body"].encode() if message.get("body") is not None else base64.b64decode(message["body_base64"])
        ledger.write("paged", message["seq"], message["sender"], message["id"], digest(body))
        after = max(after, message["seq"])
    return max(after, page.get("next_after_seq") or 0), page["has_more"]


def main(arguments: Sequence[str]) -> int:
    """Run the paging readers."""
    (path,) = map(Path, arguments)
    asyncio.run(run_pager(read_plan(path), Places(path.parent)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
