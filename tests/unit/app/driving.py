"""What tests of the app do with its screen: look at it, type, press keys, and have things happen."""

from collections.abc import Awaitable, Callable

from textual import events
from textual.pilot import Pilot

from mqtt_client.app.backend import Backend
from mqtt_client.app.nightjar import NightjarApp
from mqtt_client.app.screens.chat import ChatScreen
from mqtt_client.events import Event

SIZE = (80, 24)
Screen = Pilot[None]


def chat(app: NightjarApp) -> ChatScreen:
    """Return the chat that is on the screen."""
    return next(screen for screen in app.screen_stack if isinstance(screen, ChatScreen))


def shows(app: NightjarApp, text: str) -> Callable[[], bool]:
    """Say whether the conversation that is open shows a text."""
    return lambda: any(text in line for line in chat(app).messages.shown_text())


def take(event: Event) -> Callable[[Backend], Awaitable[None]]:
    """Have the backend learn of something, as from the connection."""

    async def taken(backend: Backend) -> None:
        backend.opened.sync.take(event)

    return taken


def press_at_once(app: NightjarApp, *keys: str) -> None:
    """Press keys as a terminal hands them over that has many: none waits for what the one before has done."""
    for key in keys:
        name = "space" if key == " " else key
        app.post_message(events.Key(name, key if len(key) == 1 else None))


async def typed(pilot: Screen, text: str) -> None:
    """Type a line and press Enter."""
    app = pilot.app
    assert isinstance(app, NightjarApp)
    chat(app).composer.insert(text)
    await pilot.press("enter")
