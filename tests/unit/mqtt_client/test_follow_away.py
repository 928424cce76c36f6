"""Following while the archive is away: it begins all the same, says so once, and says when it is back."""

import asyncio
import json
import time
from pathlib import Path

from mqtt_client.api import Api
from mqtt_client.credentials import Credentials
from mqtt_client.events import CaughtUp, ConnectionChanged, Event
from mqtt_client.follow import EVERYTHING, Follower
from mqtt_client.profile import Profile
from mqtt_client.store import Store
from mqtt_client.transport import Transport
from mqtt_client.wakeup import WakeUps
from tests.unit.mqtt_client.test_hostile_server import Serve, http, serve

__all__ = ["serve"]
EMPTY = http(json.dumps({"messages": [], "has_more": False, "next_after_seq": 7, "blocked": []}))
"""Both of the feed and of the list of those who are blocked."""


async def test_a_patient_follower_begins_without_the_archive_and_says_when_it_is_back(
    serve: Serve, tmp_path: Path
) -> None:
    """The broker's connection has not changed meanwhile, so nothing else would say it."""
    server = serve(http("oops", "500 Internal Server Error"), http("oops", "500 Internal Server Error"), EMPTY)
    profile = Profile("default", tmp_path / "data", tmp_path / "config.json")
    mqtt = {"host": "127.0.0.1", "port": 1, "tls": False, "username": "alice", "password": "x",
            "client_id": "alice.abcdefghij", "expires_at": "2026-01-31T12:00:00Z",
            "ends_at": time.time() + 1000}  # fmt: skip
    credentials = Credentials.model_validate(
        {"server": server, "username": "alice", "device_id": "abcdefghij", "device_name": None, "access_token": "a",
         "access_ends_at": time.time() + 1000, "refresh_token": "r", "mqtt": mqtt}
    )  # fmt: skip
    profile.save(credentials)
    told: list[Event] = []
    async with Transport(server) as transport, WakeUps(profile.wakeups) as wakeups:
        with Store(tmp_path / "data" / "alice.db") as store:
            store.move_cursor(EVERYTHING, 7)
            follower = Follower(Api(transport, profile, credentials), store, wakeups, patient=True)
            async with asyncio.timeout(60):
                async for event in follower.events():
                    told.append(event)
                    if event == ConnectionChanged(True):
                        break
    assert [type(event) for event in told] == [ConnectionChanged, CaughtUp, ConnectionChanged]
    assert isinstance(told[0], ConnectionChanged)
    assert not told[0].connected
