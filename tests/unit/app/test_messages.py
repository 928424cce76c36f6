"""What is done with the messages of a conversation: scrolling, choosing, unfolding, sending again."""

import pytest

from mqtt_client.app.storage import Incoming
from mqtt_client.events import ReceiptArrived
from tests.support.waiting import until
from tests.unit.app.conftest import MakeApp
from tests.unit.app.driving import SIZE, chat, shows, take
from tests.unit.app.making import an_incoming
from wire.receipts import Rejected


async def test_scrolling_keys_move_and_nothing_jumps_when_messages_arrive(make_app: MakeApp) -> None:
    """Pages and lines, to the first message and back to the newest; what arrives below leaves the screen as it is."""
    app = make_app([an_incoming(number) for number in range(1, 1001)])
    async with app.run_test(size=SIZE) as pilot:
        view = chat(app).messages
        assert "message 1000" in view.shown_text()[-1]
        await pilot.press("pageup", "shift+up")
        await until(pilot, lambda: "message 1000" not in "\n".join(view.shown_text()))
        before = view.shown_text()
        await app.engine.do(lambda backend: backend.send("direct:bob", "a new one"), logged_in=True)
        await until(pilot, lambda: any(entry.text == "a new one" for entry in view.viewport.entries))
        assert view.shown_text() == before
        assert "newer messages below" in chat(app).status.text
        await pilot.press("pagedown", "shift+down", "ctrl+end")
        await until(pilot, shows(app, "a new one"))
        for _ in range(60):
            await pilot.press("pageup", "pageup", "pageup")
            if shows(app, "message 1")() and view.shown_text()[2].strip() == "message 1":
                break
        assert view.shown_text()[2].strip() == "message 1"
        await pilot.press("ctrl+end", "ctrl+home")
        await until(pilot, lambda: view.viewport.lines()[0][0] == view.viewport.entries[0].arrival)


async def test_a_message_is_chosen_and_copied(
    make_app: MakeApp, talks: list[Incoming], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alt+Up and Alt+Down choose, Alt+C copies the text as it was sent, Escape lets go."""
    copied: list[str] = []
    app = make_app([*talks, an_incoming(12, "raw \x1b[1m text", conversation="direct:carol", sender="carol")])
    async with app.run_test(size=SIZE) as pilot:
        monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
        view = chat(app).messages
        await pilot.press("alt+c")
        await until(pilot, lambda: copied == ["raw \x1b[1m text"])
        await pilot.press("alt+up", "alt+up", "alt+c")
        await until(pilot, lambda: copied[1:] == ["carol is here"])
        await pilot.press("alt+down", "escape")
        await until(pilot, lambda: view.selected is None)


async def test_a_rejected_message_is_sent_again_or_dropped(make_app: MakeApp, talks: list[Incoming]) -> None:
    """Ctrl+R and Alt+X, and the commands of these names; with none there is a line."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "no rejected message" in screen.status.text)
        for key in ("ctrl+r", "alt+x"):
            id_ = await app.engine.do(lambda backend: backend.send("direct:carol", "to be refused"))
            refused = ReceiptArrived(Rejected(id_, "unknown_recipient"))
            await app.engine.do(take(refused))
            await until(pilot, shows(app, "not sent: there is no such user"))
            await pilot.press(key)
            await until(pilot, lambda: not shows(app, "not sent")())
            # The first was sent again, the second was not.
            await until(pilot, lambda: "\n".join(screen.messages.shown_text()).count("to be refused …") == 1)


async def test_a_long_message_is_unfolded_and_folded_again(make_app: MakeApp) -> None:
    """Alt+V, for the one that is on the screen."""
    app = make_app([an_incoming(1, "\n".join(f"row {number}" for number in range(1, 301)))])
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, shows(app, "Alt+V shows all of it"))
        assert shows(app, "row 200")()
        await pilot.press("alt+v")
        await until(pilot, shows(app, "row 300"))
        await pilot.press("alt+v")
        await until(pilot, shows(app, "Alt+V shows all of it"))
