"""What asks for attention: bell and notifications, the line above unread messages, what is out of sight."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from textual import events

from mqtt_client.app.backend import Backend
from mqtt_client.app.config import Config
from mqtt_client.app.nightjar import NightjarApp
from mqtt_client.app.storage import Incoming
from mqtt_client.events import Message, MessageArrived
from tests.support.waiting import until
from tests.unit.app.conftest import MakeApp
from tests.unit.app.driving import SIZE, chat, shows
from wire.conversations import direct


def arrival(who: str, text: str, number: int) -> Callable[[Backend], Awaitable[None]]:
    """Have a message arrive, as from the connection."""

    async def arrived(backend: Backend) -> None:
        message = Message(
            direct(who), who, f"11111111-0000-7000-8000-{number:012d}", "text/plain", text.encode(), datetime.now(UTC)
        )
        backend.opened.sync.take(MessageArrived(message))

    return arrived


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was written to the terminal beside the screen."""
    found: list[str] = []
    monkeypatch.setattr(NightjarApp, "write_to_terminal", lambda _, sequence: found.append(sequence))
    return found


async def test_a_message_elsewhere_rings_once_and_counts_as_unread(
    make_app: MakeApp, talks: list[Incoming], written: list[str]
) -> None:
    """Not one in the conversation that is open, before one's eyes; and not in a muted one."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await app.engine.do(arrival("carol", "seen at once", 1), logged_in=True)
        await until(pilot, shows(app, "seen at once"))
        assert written == []
        await app.engine.do(arrival("bob", "elsewhere", 2))
        await until(pilot, lambda: len(written) == 1)
        assert "]777;notify;bob;elsewhere" in written[0]
        await until(pilot, lambda: "1 unread" in screen.status.text or screen.roster.unread == 1)
        await app.engine.do(lambda backend: backend.mute("direct:dave", muted=True))
        await app.engine.do(arrival("bob", "again within a second", 3))
        await until(pilot, lambda: screen.roster.unread == 2)
        assert len(written) == 1


async def test_previews_bell_and_notifications_can_be_turned_off(
    make_app: MakeApp, talks: list[Incoming], written: list[str]
) -> None:
    """As config.toml says."""
    app = make_app(talks, config=Config(bell=False, previews=False))
    async with app.run_test(size=SIZE) as pilot:
        await app.engine.do(arrival("bob", "a secret", 1), logged_in=True)
        await until(pilot, lambda: len(written) == 1)
        assert "new message" in written[0]
        assert "secret" not in written[0]
        assert "\x07" not in written[0]


async def test_without_the_focus_messages_stay_unread_and_ring(
    make_app: MakeApp, talks: list[Incoming], written: list[str]
) -> None:
    """A line stands above the first of them; coming back reads them."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")
        app.post_message(events.AppBlur())
        await until(pilot, lambda: not app.app_focus)
        await app.engine.do(arrival("carol", "while away", 1))
        await until(pilot, lambda: len(written) == 1)
        await until(pilot, lambda: screen.roster.unread == 1)
        assert shows(app, " new ")()
        app.post_message(events.AppFocus())
        await until(pilot, lambda: screen.roster.unread == 0)
        assert shows(app, " new ")()
