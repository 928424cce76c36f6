"""The picture of the app in the README: two people have talked to it on a real server."""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC
from pathlib import Path

from textual.pilot import Pilot

from mqtt_client.app.nightjar import NightjarApp, Start
from mqtt_client.app.screens.chat import ChatScreen
from mqtt_client.profile import Profile
from scripts.stack.errors import StackError

_SIZE = (100, 30)
_PATIENCE = 30.0
_PASSWORD = "two owls and a moth"  # noqa: S105  # of people who exist for a minute
_SAID = (
    ("{carol}", "{alice}", "The walk is at eight, see https://example.org/moths?night=3"),
    ("{dave}", "{alice}", "Thanks for the lamp!"),
    ("{bob}", "{alice}", "Did you hear it last night?"),
    ("{alice}", "{bob}", "The nightjar? *Till two in the morning!*"),
    ("{bob}", "{alice}", "Tomorrow at dusk, by the old gate? I can bring:\n- the lamp\n- `moths.txt`, the list"),
    ("{alice}", "{bob}", "I bring the tea. \U0001f375"),
)


def picture(server: str, directory: Path, names: Sequence[str] = ("alice", "bob", "carol", "dave")) -> str:
    """Have people register, write to each other, and return the app of the first one as SVG. Raises StackError."""
    people = dict(zip(("alice", "bob", "carol", "dave"), names, strict=True))
    for name in names:
        _nightjar(directory, server, name, "register", name, "--password-stdin", said=f"{_PASSWORD}\n")
    alice = people["alice"]
    # The first start of the app: what comes after it is unread.
    asyncio.run(_app(server, directory, alice, [], ""))
    for sender, receiver, text in _SAID:
        to = receiver.format(**people)
        _nightjar(directory, server, sender.format(**people), "send", to, said=text)
    return asyncio.run(_app(server, directory, alice, ["ctrl+k", *people["bob"], "enter"], "See you there"))


async def _app(server: str, directory: Path, name: str, keys: Sequence[str], typed: str) -> str:
    data = directory / name / "data" / "nightjar" / "default"
    profile = Profile("default", data, directory / name / "config" / "nightjar" / "default.json")
    app = NightjarApp(Start(profile, server, name), UTC, {})
    async with app.run_test(size=_SIZE) as pilot:
        await _until(pilot, lambda: _chat(app).status.link.state == "online")
        if keys:
            await _until(pilot, lambda: len(_chat(app).roster.rows) == 3)
            await pilot.press(*keys[:1])
            await _until(pilot, lambda: len(app.screen_stack) == 3)
            await pilot.press(*keys[1:])
            await _until(pilot, lambda: any("the tea" in line for line in _chat(app).messages.shown_text()))
        _chat(app).composer.cursor_blink = False
        _chat(app).composer.insert(typed)
        _chat(app).status.show_notice("")
        await pilot.pause(0.5)
        # The number in the names of the styles is of the content; the pictures would differ in every line.
        return re.sub(r"terminal-\d+", "terminal", app.export_screenshot(title="nightjar"))


def _chat(app: NightjarApp) -> ChatScreen:
    return next(screen for screen in app.screen_stack if isinstance(screen, ChatScreen))


async def _until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise StackError("the app does not show what was said")
        await pilot.pause(0.05)


def _nightjar(directory: Path, server: str, name: str, *arguments: str, said: str) -> None:
    homes = {f"XDG_{kind}_HOME": str(directory / name / kind.lower()) for kind in ("DATA", "CONFIG", "STATE", "CACHE")}
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("NIGHTJAR_", "XDG_"))}
    done = subprocess.run(
        [sys.executable, "-m", "mqtt_client", *arguments],
        input=said,
        env={**kept, **homes, "NIGHTJAR_SERVER": server},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode:
        raise StackError(f"nightjar {arguments[0]} failed: {done.stderr.strip()}")
