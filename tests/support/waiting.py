"""Waiting for an app that runs in the test's own event loop."""

import time
from collections.abc import Callable

from textual.pilot import Pilot

_SECONDS = 60.0


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Let the app go on until a condition holds; fail with its screen when it does not."""
    deadline = time.monotonic() + _SECONDS
    while not condition():
        if time.monotonic() > deadline:
            text = "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())
            raise AssertionError(f"after {_SECONDS:.0f} s the screen is\n{text}")
        await pilot.pause(0.02)
