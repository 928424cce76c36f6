"""Leaving while a screen is put together: the app ends, and no error is printed over the terminal."""

import asyncio
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from textual.screen import Screen

from mqtt_client.app.nightjar import NightjarApp
from mqtt_client.app.screens.login import LoginScreen
from mqtt_client.app.screens.panels import FoundPanel, PasswordPanel, Switcher, TextPanel
from mqtt_client.app.storage import Incoming
from tests.support.waiting import until
from tests.unit.app.conftest import MakeApp
from tests.unit.app.driving import SIZE, chat
from tests.unit.app.test_login_screen import app_at

NewScreen = Callable[[], Screen[Any]]
SCREENS: list[NewScreen] = [
    lambda: LoginScreen("http://127.0.0.1:9", "alice"),
    lambda: Switcher(()),
    lambda: FoundPanel([], UTC, {}),
    PasswordPanel,
    lambda: TextPanel("Title", ["a line"]),
]
NAMES = ["login", "switcher", "found", "password", "text"]


async def turn(times: int) -> None:
    """Let everything else go on, some times."""
    for _ in range(times):
        await asyncio.sleep(0)


@pytest.mark.parametrize("new_screen", SCREENS, ids=NAMES)
@pytest.mark.parametrize("turns", range(3))
async def test_leaving_as_something_opens(
    make_app: MakeApp, talks: list[Incoming], new_screen: NewScreen, turns: int
) -> None:
    """Whatever opens, and however far it is."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: chat(app).status.link.state == "offline")
        app.push_screen(new_screen())
        await turn(turns)
        app.exit()


@pytest.mark.parametrize("has_login", [True, False], ids=["chat", "login"])
async def test_leaving_as_the_app_starts(
    make_app: MakeApp, talks: list[Incoming], tmp_path: Path, *, has_login: bool
) -> None:
    """With a login and without, and however far it is."""
    for turns in range(30):
        app: NightjarApp = make_app(talks) if has_login else app_at("http://127.0.0.1:9", tmp_path)
        running = asyncio.create_task(app.run_async(headless=True, size=SIZE))
        await turn(turns)
        app.exit()
        await running
        assert app.return_code == 0
