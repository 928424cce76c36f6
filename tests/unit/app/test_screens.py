"""Every key and every command, pressed and typed in the app without a terminal."""

from collections.abc import Awaitable, Callable

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, Static

from mqtt_client.app.backend import Backend
from mqtt_client.app.changes import LoginChanged
from mqtt_client.app.commands import COMMANDS
from mqtt_client.app.config import Config
from mqtt_client.app.keys import KEYS
from mqtt_client.app.nightjar import NightjarApp, Told
from mqtt_client.app.screens.chat import ChatScreen
from mqtt_client.app.screens.panels import FoundPanel, HelpPanel, PasswordPanel, Switcher
from mqtt_client.app.storage import Incoming
from mqtt_client.events import Event, ReceiptArrived
from tests.support.waiting import until
from tests.unit.app.conftest import MakeApp
from tests.unit.app.making import an_incoming
from wire.receipts import Rejected

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


def holds(app: NightjarApp, text: str) -> Callable[[], bool]:
    """Say whether what has the focus is a field with a text in it."""
    return lambda: isinstance(app.focused, Input) and app.focused.value == text


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
            entry = await app.engine.do(lambda backend: backend.send("direct:carol", "to be refused"))
            refused = ReceiptArrived(Rejected(entry.id, "unknown_recipient"))
            await app.engine.do(take(refused))
            await until(pilot, shows(app, "not sent: there is no such user"))
            await pilot.press(key)
            await until(pilot, lambda: not shows(app, "not sent")())
            # The first was sent again, the second was not.
            await until(pilot, lambda: "\n".join(screen.messages.shown_text()).count("to be refused …") == 1)


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


async def test_what_cannot_be_sent_is_in_the_input_again(make_app: MakeApp, talks: list[Incoming]) -> None:
    """A message that is too large, with the reason."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await typed(pilot, "x" * 70_000)
        await until(pilot, lambda: "too_large" in screen.status.text)
        assert screen.composer.text == "x" * 70_000


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


async def test_lines_that_come_all_at_once_are_sent_one_by_one(make_app: MakeApp, talks: list[Incoming]) -> None:
    """Nothing of what is typed while one is sent is lost, and what is no command stands in the input again."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")
        for each in ("one", "two", "/nonsense"):
            for sign in each:
                app.post_message(events.Key("slash" if sign == "/" else sign, sign))
            app.post_message(events.Key("enter", "\r"))
        app.post_message(events.Key("x", "x"))
        await until(pilot, lambda: screen.composer.text == "/nonsensex")
        await until(pilot, shows(app, "two …"))
        assert [entry.text for entry in screen.messages.viewport.entries][-2:] == ["one", "two"]


async def test_a_message_goes_to_the_conversation_that_it_was_typed_in(
    make_app: MakeApp, talks: list[Incoming]
) -> None:
    """However soon after Enter one goes to another."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")
        for key in ("h", "i", "enter", "ctrl+n", "y", "o", "enter", "ctrl+p"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        wanted = {"carol": "you: hi", "bob": "you: yo"}
        await until(pilot, lambda: {row.who: row.preview for row in screen.roster.rows} == wanted)
        await until(pilot, lambda: screen.talk.opened == "direct:carol")
        await until(pilot, shows(app, "hi …"))
        assert screen.composer.text == ""


async def test_what_was_typed_before_anything_was_open_comes_along(make_app: MakeApp) -> None:
    """Without a conversation nothing is sent; a draft is dropped as soon as it has been sent."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")
        await typed(pilot, "hello?")
        await until(pilot, lambda: "nobody is chosen" in screen.status.text)
        assert screen.composer.text == "hello?"
        await app.engine.do(lambda backend: backend.begin("erin"), logged_in=True)
        await until(pilot, lambda: screen.talk.opened == "direct:erin")
        assert screen.composer.text == "hello?"
        screen.talk.keep_draft()
        await until(pilot, lambda: screen.roster.rows[0].draft == "hello?")
        await pilot.press("enter")
        await until(pilot, shows(app, "hello? …"))
        await until(pilot, lambda: screen.roster.rows[0].draft == "")


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


@pytest.mark.parametrize("change", [LoginChanged("alice", "http://127.0.0.1:9"), LoginChanged(None)])
def test_what_is_told_after_the_screens_have_gone_is_too_late(make_app: MakeApp, change: LoginChanged) -> None:
    """The backend may still log in while the app ends."""
    app = make_app()
    app._told(Told((change,)))
    assert app.crash is None
    app.engine.stop()
