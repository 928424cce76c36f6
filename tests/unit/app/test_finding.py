"""Finding a text: in the conversation that is open, and in all."""

from mqtt_client.app.screens.panels import FoundPanel
from mqtt_client.app.storage import Incoming
from tests.support.waiting import until
from tests.unit.app.conftest import MakeApp
from tests.unit.app.driving import SIZE, chat, typed
from tests.unit.app.making import an_incoming


async def test_a_text_is_found_in_all_that_is_stored(make_app: MakeApp) -> None:
    """Ctrl+F, a text, Enter; Enter again goes on to the older match; Escape closes."""
    app = make_app([an_incoming(number, "a Needle" if number in (7, 500) else "") for number in range(1, 1001)])
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")
        await pilot.press("ctrl+f")
        await until(pilot, lambda: screen.finding.is_open)
        await pilot.press(*"needle", "enter")
        await until(pilot, lambda: "match 1 of 2" in screen.status.text)
        await until(pilot, lambda: screen.messages.chosen is not None and screen.messages.chosen.seq == 500)
        await pilot.press("enter")
        await until(pilot, lambda: screen.messages.chosen is not None and screen.messages.chosen.seq == 7)
        await pilot.press("escape")
        assert not screen.finding.is_open
        await typed(pilot, "/find nowhere at all")
        await until(pilot, lambda: "not found" in screen.status.text)


async def test_a_text_is_found_in_each_conversation_of_its_own(make_app: MakeApp) -> None:
    """Enter in another conversation, with the same text in the bar, finds it there."""
    carols = an_incoming(2, "a needle", conversation="direct:carol", sender="carol")
    app = make_app([an_incoming(1, "a needle"), carols])
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")
        for seq, key in ((2, "ctrl+f"), (1, "ctrl+n")):
            await pilot.press(key)
            await until(pilot, lambda: screen.finding.is_open and app.focused is screen.find_bar)
            await pilot.press(*("needle" if key == "ctrl+f" else ""), "enter")
            await until(pilot, lambda seq=seq: getattr(screen.messages.chosen, "seq", None) == seq)  # type: ignore[misc]


async def test_a_search_goes_through_all_conversations(make_app: MakeApp, talks: list[Incoming]) -> None:
    """/search, Enter on one of them opens its conversation there; nothing found is said."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")
        await typed(pilot, "/search MESSAGE 7")
        await until(pilot, lambda: isinstance(app.screen, FoundPanel))
        await pilot.press("enter")
        await until(pilot, lambda: screen.talk.opened == "direct:bob")
        await until(pilot, lambda: screen.messages.chosen is not None and screen.messages.chosen.seq == 7)
        await typed(pilot, "/search [no such] text")
        await until(pilot, lambda: "is in no conversation" in screen.status.text)
        await typed(pilot, "/search carol")
        await until(pilot, lambda: isinstance(app.screen, FoundPanel))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        assert screen.talk.opened == "direct:bob"
