"""Which conversation is open: at the start, and by the keys that go to others."""

from mqtt_client.app.config import Config
from mqtt_client.app.screens.chat import ChatScreen
from mqtt_client.app.screens.panels import Switcher
from mqtt_client.app.storage import Incoming
from tests.support.waiting import until
from tests.unit.app.conftest import MakeApp
from tests.unit.app.driving import SIZE, chat, shows
from tests.unit.app.making import an_incoming


async def test_the_last_screen_is_there_before_the_backend(make_app: MakeApp, talks: list[Incoming]) -> None:
    """The newest conversation is open, the list is whole."""
    app = make_app(talks)
    async with app.run_test(size=SIZE):
        assert shows(app, "carol is here")()
        assert [row.who for row in chat(app).roster.rows] == ["carol", "bob"]


async def test_the_keys_go_from_conversation_to_conversation(make_app: MakeApp, talks: list[Incoming]) -> None:
    """Ctrl+N, Ctrl+P, Alt and a number; the keys of config.toml in their place."""
    app = make_app(talks, config=Config(keys={"next": ("f6",)}))
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await pilot.press("f6")
        await until(pilot, shows(app, "message 10"))
        assert screen.talk.opened == "direct:bob"
        await pilot.press("ctrl+p")
        await until(pilot, shows(app, "carol is here"))
        await pilot.press("ctrl+n")
        assert screen.talk.opened == "direct:carol"
        await pilot.press("alt+2")
        await until(pilot, shows(app, "message 10"))
        await pilot.press("alt+9")
        assert screen.talk.opened == "direct:bob"


async def test_the_next_unread_conversation_is_found_and_then_read(make_app: MakeApp, talks: list[Incoming]) -> None:
    """Alt+A opens it with a line above the first unread message; it counts as read then."""
    news = [an_incoming(number, conversation="direct:dave", sender="dave") for number in (2001, 2002)]
    app = make_app([*talks, an_incoming(2003, conversation="direct:carol", sender="carol")], news=news)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.roster.unread == 2)
        await pilot.press("alt+a")
        await until(pilot, shows(app, " new "))
        await until(pilot, lambda: screen.roster.unread == 0)
        assert screen.talk.opened == "direct:dave"


async def test_the_switcher_goes_to_a_conversation_by_its_letters(make_app: MakeApp, talks: list[Incoming]) -> None:
    """Ctrl+K, some letters, Enter; Escape goes nowhere."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+k")
        await until(pilot, lambda: isinstance(app.screen, Switcher))
        await pilot.press("b", "b", "enter")
        await until(pilot, lambda: chat(app).talk.opened == "direct:bob")
        await pilot.press("ctrl+k")
        await until(pilot, lambda: isinstance(app.screen, Switcher))
        await pilot.press("down", "up", "escape")
        await until(pilot, lambda: isinstance(app.screen, ChatScreen))
        assert chat(app).talk.opened == "direct:bob"
