"""Keys that come all together, as over a slow line: taken in their order, and by what those before them opened."""

from collections.abc import Callable

import pytest
from textual import events
from textual.widgets import Input, OptionList, Static

from mqtt_client.app.nightjar import NightjarApp
from mqtt_client.app.screens.panels import FoundPanel, PasswordPanel, Switcher
from mqtt_client.app.storage import Incoming
from tests.support.waiting import until
from tests.unit.app.conftest import MakeApp
from tests.unit.app.driving import SIZE, chat, press_at_once


def holds(app: NightjarApp, text: str) -> Callable[[], bool]:
    """Say whether what has the focus is a field with a text in it."""
    return lambda: isinstance(app.focused, Input) and app.focused.value == text


async def test_what_is_typed_at_once_after_a_key_is_no_message(make_app: MakeApp, talks: list[Incoming]) -> None:
    """As over a slow line, when keys come all together: they are for what the key opens."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")
        for key, opened in (("ctrl+k", "bob"), ("ctrl+f", "message")):
            for each in (key, *opened):
                app.post_message(events.Key(each, each if len(each) == 1 else None))
            await until(pilot, holds(app, opened))
            assert screen.composer.text == ""
            await pilot.press("escape")
            await until(pilot, lambda: app.focused is screen.composer)


async def test_keys_that_come_all_at_once_are_taken_in_their_order(make_app: MakeApp, talks: list[Incoming]) -> None:
    """A key that edits changes what was typed before it, and nothing that was typed after it."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        press_at_once(app, *"wrong", "ctrl+u", *"righd", "backspace", *"t now", *["left"] * 4, *" away")
        await until(pilot, lambda: chat(app).composer.text == "right away now")


async def test_a_form_is_taken_as_it_was_typed_though_all_came_at_once(
    make_app: MakeApp, talks: list[Incoming]
) -> None:
    """Each word is in its own field, and the last key finds them all."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        app.push_screen(PasswordPanel())
        await until(pilot, lambda: isinstance(app.screen, PasswordPanel) and app.focused is not None)
        first = [*"old", "ctrl+u", *"older", "enter", *"new", "enter"]
        press_at_once(app, *first, *"other", "enter")
        await until(pilot, lambda: "differ" in str(app.screen.query_one("#said", Static).render()))
        assert [field.value for field in app.screen.query(Input)] == ["older", "new", "other"]
        press_at_once(app, "ctrl+u", *"new", "enter")
        await until(pilot, lambda: "differ" not in str(app.screen.query_one("#said", Static).render()))


@pytest.mark.parametrize("keys", [("enter", "enter"), ("enter",) * 3, ("escape", "enter"), ("enter", "escape")])
@pytest.mark.parametrize("found", [False, True])
async def test_what_closes_a_panel_twice_leaves_the_chat_open(
    make_app: MakeApp, talks: list[Incoming], keys: tuple[str, ...], *, found: bool
) -> None:
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")
        panel = FoundPanel(list(screen.messages.viewport.entries), None, {}) if found else Switcher(screen.roster.rows)
        app.push_screen(panel)
        await until(pilot, lambda: bool(panel.focused))
        press_at_once(app, *keys)
        await until(pilot, lambda: app.screen is screen)
        await pilot.pause(0.3)
        assert app.screen is screen


async def test_a_row_that_was_clicked_is_meant_though_the_list_has_changed_since(
    make_app: MakeApp, talks: list[Incoming]
) -> None:
    app = make_app(talks)
    chosen: list[str | None] = []
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")
        panel = Switcher(screen.roster.rows)
        app.push_screen(panel, chosen.append)
        await until(pilot, lambda: bool(panel.focused))
        listed, last = panel.query_one(OptionList), len(screen.roster.rows) - 1
        clicked = OptionList.OptionSelected(listed, listed.get_option_at_index(last), last)
        panel.query_one(Input).value = "nobody"
        await until(pilot, lambda: listed.option_count == 1)
        panel.post_message(clicked)
        await until(pilot, lambda: bool(chosen))
    assert chosen == [screen.roster.rows[last].name]
