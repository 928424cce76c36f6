"""Writing in the input: lines, completion, drafts, and text that is none or could do harm."""

from mqtt_client.app.storage import Incoming
from tests.support.waiting import until
from tests.unit.app.conftest import MakeApp
from tests.unit.app.driving import SIZE, chat, shows, typed
from tests.unit.app.making import an_incoming


async def test_half_a_character_is_refused_in_a_line(make_app: MakeApp, talks: list[Incoming]) -> None:
    """It is no text: not sent, not kept, and the app goes on."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")
        await typed(pilot, "half \ud800")
        await until(pilot, lambda: "half a character" in screen.status.text)
        await pilot.press("ctrl+q")
        await until(pilot, lambda: not app.is_running)
    assert app.crash is None


async def test_messages_are_written_in_lines_and_what_was_typed_comes_back(
    make_app: MakeApp, talks: list[Incoming]
) -> None:
    """Alt+Enter begins a line, Enter sends into the outbox; Up calls back; a doubled slash sends one."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")
        await pilot.press("o", "n", "e", "alt+enter", "t", "w", "o", "enter")
        await until(pilot, shows(app, "two …"))
        assert screen.composer.text == ""
        await typed(pilot, "//etc is a path")
        await until(pilot, shows(app, "/etc is a path …"))
        await pilot.press("up")
        assert screen.composer.text == "//etc is a path"
        await pilot.press("up")
        assert screen.composer.text == "one\ntwo"
        await pilot.press("down", "down", "down")
        assert screen.composer.text == ""


async def test_tab_completes_and_offers(make_app: MakeApp, talks: list[Incoming]) -> None:
    """A command, then a name; several are named in the status line."""
    app = make_app([*talks, an_incoming(12, conversation="direct:cara", sender="cara")])
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await pilot.press(*"/ms", "tab")
        await until(pilot, lambda: screen.composer.text == "/msg ")
        await pilot.press("c", "tab")
        await until(pilot, lambda: screen.composer.text == "/msg car")
        await until(pilot, lambda: "carol" in screen.status.text and "cara" in screen.status.text)
        await pilot.press("o", "tab")
        await until(pilot, lambda: screen.composer.text == "/msg carol ")


async def test_drafts_are_kept_for_each_conversation(make_app: MakeApp, talks: list[Incoming]) -> None:
    """Going away and coming back finds what was typed; so does the next start."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")
        await pilot.press(*"draft", "ctrl+n")
        await until(pilot, lambda: screen.talk.opened == "direct:bob")
        assert screen.composer.text == ""
        await until(pilot, lambda: any(row.draft == "draft" for row in screen.roster.rows))
        await pilot.press("ctrl+p")
        await until(pilot, lambda: screen.composer.text == "draft")
        await pilot.press("s", "ctrl+q")
        await until(pilot, lambda: not app.is_running)
    again = make_app()
    async with again.run_test(size=SIZE):
        assert chat(again).composer.text == "drafts"


async def test_the_editor_is_not_opened_where_there_is_no_terminal(make_app: MakeApp, talks: list[Incoming]) -> None:
    """It says so, and keeps what was typed."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press(*"text", "ctrl+e")
        await until(pilot, lambda: "cannot be opened" in chat(app).status.text)
        assert chat(app).composer.text == "text"


async def test_what_is_pasted_cannot_reach_the_terminal(make_app: MakeApp, talks: list[Incoming]) -> None:
    """Control characters in the input are shown by their signs, and sent as they are."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        screen.composer.insert("a\x1b[2Jb\x9bc\u202ed")
        await pilot.pause()
        drawn = "".join(strip.text for strip in app.screen._compositor.render_strips())
        assert "a\u241b[2Jb\u2421c\u2421d" in drawn
        assert "\x1b" not in drawn
        await pilot.press("enter")
        await until(pilot, shows(app, "a\\x1b[2Jb\\x9bc\\u202ed …"))
        assert screen.messages.viewport.entries[-1].text == "a\x1b[2Jb\x9bc\u202ed"
