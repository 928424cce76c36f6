"""Every command, typed into the app, and the help that names them and the keys."""

import pytest

from mqtt_client.app.commands import COMMANDS
from mqtt_client.app.keys import KEYS
from mqtt_client.app.screens.panels import HelpPanel, PasswordPanel
from mqtt_client.app.storage import Incoming
from tests.support.waiting import until
from tests.unit.app.conftest import MakeApp
from tests.unit.app.driving import SIZE, chat, shows, typed


async def test_help_names_every_key_and_command(make_app: MakeApp, talks: list[Incoming]) -> None:
    """F1 and /help; Escape closes."""
    app = make_app(talks)
    async with app.run_test(size=(120, 60)) as pilot:
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(app.screen, HelpPanel))
        assert isinstance(app.screen, HelpPanel)
        said = "\n".join(app.screen.lines)
        assert all(key.does in said for key in KEYS)
        assert all(command.usage in said for command in COMMANDS)
        await pilot.press("escape")
        await typed(pilot, "/help")
        await until(pilot, lambda: isinstance(app.screen, HelpPanel))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/nonsense", "/nonsense is no command"),
        ("/msg", "who is it for?"),
        ("/msg NOBODY", "is no username"),
        ("/search", "what?"),
        ("/whois", "out of reach"),
        ("/whois bob", "out of reach"),
        ("/sessions", "out of reach"),
        ("/sessions end nonsense", "/sessions lists the devices"),
        ("/join", "which one?"),
        ("/join the garden", "out of reach"),
        ("/leave", "is no group"),
        ("/reply", "what?"),
        ("/react", "which one?"),
        ("/react " + "x" * 65, "at most 64 bytes"),
        ("/correct", "what should it say?"),
        ("/correct something", "no message of yours"),
        ("/retract", "no message of yours"),
        ("/block", "out of reach"),
        ("/block ../me", "is no username"),
        ("/unblock", "out of reach"),
        ("/unblock bob", "out of reach"),
        ("/privacy", "markers on, presence on, typing on"),
        ("/privacy typing off", "typing off"),
        ("/privacy nonsense on", "/privacy [markers"),
        ("/export", "into which file?"),
        ("/export /no/such/directory/file", "cannot be made"),
        ("/mute", "muted"),
        ("/unmute", "no longer muted"),
        ("/theme", "there are"),
        ("/theme nonsense", "there is no theme"),
        ("/resend", "no rejected message"),
        ("/discard", "no rejected message"),
    ],
)
async def test_a_command_says_what_came_of_it(make_app: MakeApp, talks: list[Incoming], line: str, said: str) -> None:
    """In the status line; nothing of it is sent."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")
        await typed(pilot, line)
        await until(pilot, lambda: said in screen.status.text)
        assert not any(line in text for text in screen.messages.shown_text())


async def test_commands_that_open_something(make_app: MakeApp, talks: list[Incoming]) -> None:
    """/msg goes to a conversation that is not there yet, /password asks, /theme changes the colours, /history loads."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")
        await typed(pilot, "/msg erin hello erin")
        await until(pilot, shows(app, "hello erin …"))
        assert screen.talk.opened == "direct:erin"
        await typed(pilot, "/theme nightjar-light")
        await until(pilot, lambda: app.theme == "nightjar-light")
        await typed(pilot, "/password")
        await until(pilot, lambda: isinstance(app.screen, PasswordPanel))
        await pilot.press(*"old", "enter", *"new", "enter", *"neu", "enter")
        await until(pilot, lambda: "differ" in str(app.screen.query_one("#said").render()))
        await pilot.press("escape")
        await typed(pilot, "/msg bob")
        await until(pilot, lambda: screen.talk.opened == "direct:bob")
        await typed(pilot, "/history")
        await until(pilot, shows(app, "message 1"))
        await typed(pilot, "/quit")
        await until(pilot, lambda: not app.is_running)
