"""Whose messages are not shown: the server's list, and what changes while it is on its way."""

import json

import pytest

from mqtt_client.api import Api
from mqtt_client.blocks import fetch_blocks
from mqtt_client.transport import Answer
from tests.unit.mqtt_client.following import EMPTY, Begin, begin
from tests.unit.mqtt_client.test_hostile_server import serve

__all__ = ["begin", "serve"]


async def test_whom_one_blocks_while_the_list_is_on_its_way_stays_blocked(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process of the profile asked before the block, and is answered after it."""
    answers = [["carol"], ["carol", "bob"]]

    async def call(*_: object) -> Answer:
        scene.store.block("bob")
        return Answer(200, json.dumps({"blocked": answers.pop(0)}).encode(), clock_ahead=0.0)

    async with begin(EMPTY) as scene:
        monkeypatch.setattr(Api, "call", call)
        assert await fetch_blocks(scene.api, scene.store) == ["carol", "bob"]
        assert scene.store.blocked() == {"bob", "carol"}
