"""Why a login has ended, whoever asks."""

import pytest

from mqtt_client.errors import NotLoggedInError
from tests.unit.mqtt_client.following import Begin, begin
from tests.unit.mqtt_client.test_hostile_server import http, serve

__all__ = ["begin", "serve"]


async def test_whoever_meets_the_end_first_all_are_told_the_reason(begin: Begin) -> None:
    """An action of a screen, say, before the connection does; the profile's file is gone by then."""
    async with begin(http("{}", "401 Unauthorized")) as scene:
        with pytest.raises(NotLoggedInError) as first:
            await scene.api.call("GET", "/v1/sessions")
        with pytest.raises(NotLoggedInError) as second:
            scene.api.check_login()
    assert first.value.reason == second.value.reason == "the session of alice has ended"
