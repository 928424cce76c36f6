"""Reading on in the app, against the real servers: older pages, back to the first message, and what others do."""

import asyncio
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from textual.widgets import Input, Label

from mqtt_client.app.config import Config
from mqtt_client.app.lines import plain
from mqtt_client.app.nightjar import NightjarApp, Start
from mqtt_client.app.screens.chat import ChatScreen
from mqtt_client.app.screens.panels import FoundPanel
from mqtt_client.profile import Profile
from mqtt_client.text import visible_lines
from tests.integration.app.conftest import NewPerson
from tests.support.nightjar import Person
from tests.support.waiting import until


def app_of(person: Person) -> NightjarApp:
    """Make the app of somebody who is logged in and has never opened it."""
    profile = Profile("default", person.directory, Path(person.environment["XDG_CONFIG_HOME"]) / "x.json")
    known = profile.who()
    assert known
    return NightjarApp(Start(profile, known[0], known[1], config=Config()), UTC, {})


def chat(app: NightjarApp) -> ChatScreen:
    """Return the chat that is on the screen."""
    return next(screen for screen in app.screen_stack if isinstance(screen, ChatScreen))


def texts(app: NightjarApp) -> list[str]:
    """List what the window holds."""
    return [entry.text for entry in chat(app).messages.viewport.entries]


def online(app: NightjarApp) -> Callable[[], bool]:
    """Say whether the app has caught up."""
    return lambda: chat(app).status.link.state == "online"


async def send_all(app: NightjarApp, to: Person, count: int) -> None:
    """Send numbered messages through the app, and wait until all are stored."""
    for number in range(count):
        await app.engine.do(lambda backend, text=f"number {number}": backend.send(f"direct:{to.name}", text))  # type: ignore[misc]  # a default is typed by its use


async def test_scrolling_up_reaches_the_first_message_and_then_says_so(registered: NewPerson, tmp_path: Path) -> None:
    """250 messages that the second device has never seen come page by page; then there is nothing older."""
    alice, bob = registered(), registered()
    app = app_of(alice)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, online(app))
        await send_all(app, bob, 250)
        await until(pilot, lambda: texts(app)[-1:] == ["number 249"])
        view = chat(app).messages
        await until(pilot, lambda: all(entry.seq for entry in view.viewport.entries))
        assert len(view.viewport.entries) == 250
    second = app_of(bob.elsewhere(tmp_path / "second"))
    async with second.run_test(size=(100, 30)) as pilot:
        await until(pilot, online(second))
        view = chat(second).messages
        await until(pilot, lambda: texts(second)[-1:] == ["number 249"])
        for _ in range(100):
            await pilot.press("pageup")
            await pilot.pause(0.02)
            if view.viewport.at_start and not view.viewport.wants_older and "number 0" in view.shown_text()[2]:
                break
        assert "number 0" in view.shown_text()[2]
        assert texts(second) == [f"number {number}" for number in range(250)]
        assert chat(second).roster.unread == 0


async def test_history_loads_all_at_once(registered: NewPerson, tmp_path: Path) -> None:
    """/history goes to the first message."""
    alice, bob = registered(), registered()
    app = app_of(alice)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, online(app))
        await send_all(app, bob, 230)
        await until(pilot, lambda: len(texts(app)) == 230)
        await until(pilot, lambda: all(entry.seq for entry in chat(app).messages.viewport.entries))
    second = app_of(bob.elsewhere(tmp_path / "second"))
    async with second.run_test(size=(100, 30)) as pilot:
        await until(pilot, online(second))
        await until(pilot, lambda: texts(second)[-1:] == ["number 229"])
        chat(second).composer.insert("/history")
        await pilot.press("enter")
        await until(pilot, lambda: any("number 0" in line for line in chat(second).messages.shown_text()))


async def test_what_the_command_line_does_is_in_the_app(alice: Person, bob: Person) -> None:
    """What `send` sends, what `tail` showed before, and what came while no app ran."""
    app = app_of(bob)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, online(app))
        await asyncio.to_thread(alice.run, "send", bob.name, "from the command line")
        await until(pilot, lambda: texts(app) == ["from the command line"])
        await asyncio.to_thread(bob.run, "send", alice.name, "an answer from the command line")
        await until(pilot, lambda: texts(app)[1:] == ["an answer from the command line"])
        await until(pilot, lambda: all(entry.seq for entry in chat(app).messages.viewport.entries))
    with bob.running("tail") as tail:
        alice.run("send", bob.name, "seen by tail")
        tail.wait_for_line("seen by tail")
        tail.end()
    again = app_of(bob)
    async with again.run_test(size=(100, 30)) as pilot:
        await until(pilot, online(again))
        # What comes is shown at once, what was there before a moment later.
        await until(pilot, lambda: len(texts(again)) == 3)
        assert texts(again)[-1] == "seen by tail"


@settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(said=st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=200), min_size=5, max_size=15))
async def test_any_text_is_stored_received_shown_and_copied_as_it_was_sent(
    registered: NewPerson, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    """Whatever Unicode it is; on the screen its control characters are shown as text."""
    alice, bob = registered(), registered()
    alices, bobs = app_of(alice), app_of(bob)
    copied: list[str] = []
    async with alices.run_test(size=(100, 30)) as pilot:
        await until(pilot, online(alices))
        for text in said:
            await alices.engine.do(lambda backend, text=text: backend.send(f"direct:{bob.name}", text), logged_in=True)  # type: ignore[misc]  # a default is typed by its use
        await until(pilot, lambda: texts(alices) == said)
        await until(pilot, lambda: all(entry.seq for entry in chat(alices).messages.viewport.entries))
    async with bobs.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: texts(bobs) == said)
        stored = await asyncio.to_thread(alice.objects, "history", bob.name)
        assert [message["body"] for message in stored] == said
        monkeypatch.setattr(bobs, "copy_to_clipboard", copied.append)
        view = chat(bobs).messages
        for entry, text in zip(view.viewport.entries, said, strict=True):
            view.selected = entry.arrival
            view.viewport.reveal(entry.arrival)
            chat(bobs).keys.copy_chosen()
            shown = [plain(line)[2:] for arrival, line in view.viewport.lines() if arrival == entry.arrival]
            assert not any(ord(sign) < 32 or 127 <= ord(sign) < 160 for line in shown for sign in line)
            assert "".join(visible_lines(text.removesuffix("\n")))[:20] in "".join(shown)
        assert copied == said


async def test_whois_sessions_and_password_ask_the_server(alice: Person, bob: Person) -> None:
    """/whois says who it is, /sessions lists this one, a wrong password is told in the box."""
    app = app_of(alice)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, online(app))
        screen = chat(app)

        async def say(text: str) -> None:
            screen.composer.insert(text)
            await pilot.press("enter")

        await say(f"/whois {bob.name}")
        await until(pilot, lambda: f"{bob.name}, registered" in screen.status.text)
        await say("/msg nobody-of-that-name hello")
        await until(pilot, lambda: "nobody-of-that-name" in screen.status.text)
        assert screen.roster.rows == ()
        await until(pilot, lambda: screen.composer.text == "hello")
        screen.composer.fill("")
        await say("/sessions")
        await until(pilot, lambda: "(this one)" in str(getattr(app.screen, "lines", "")))
        await pilot.press("escape")
        await say("/password")
        await until(pilot, lambda: app.screen is not screen)
        await pilot.press(*"wrong-one", "enter", *"a new passphrase", "enter", *"a new passphrase", "enter")
        await until(pilot, lambda: "password" in str(app.screen.query_one("#said").render()).lower())
        await pilot.press("escape")


async def test_a_login_that_ends_elsewhere_leads_to_the_login_screen(alice: Person) -> None:
    """It says why, with the name filled in."""
    app = app_of(alice)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, online(app))
        await asyncio.to_thread(alice.run, "logout")
        await until(pilot, lambda: not any(isinstance(screen, ChatScreen) for screen in app.screen_stack))
        await until(pilot, lambda: alice.name in [field.value for field in app.screen.query(Input)])
        said = [str(label.render()) for label in app.screen.query("#said").results(Label)]
        # The server may say it first, or the profile's file may have gone by then.
        assert said[0] in {f"the session of {alice.name} has ended", "not logged in"}


@pytest.mark.parametrize("typed", ["/search owl", "/find owl"])
async def test_a_search_finds_what_the_device_has_never_seen(registered: NewPerson, tmp_path: Path, typed: str) -> None:
    """The server looks for it: in all conversations, and in the one that is open. It is opened where it stands."""
    alice, bob = registered(), registered()
    app = app_of(alice)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, online(app))
        await app.engine.do(lambda backend: backend.send(f"direct:{bob.name}", "the owl sings at dusk"))
        await send_all(app, bob, 250)
        await until(pilot, lambda: len(texts(app)) == 251)
        await until(pilot, lambda: all(entry.seq for entry in chat(app).messages.viewport.entries))
    second = app_of(bob.elsewhere(tmp_path / "second"))
    async with second.run_test(size=(100, 30)) as pilot:
        screen = chat(second)
        await until(pilot, online(second))
        await until(pilot, lambda: texts(second)[-1:] == ["number 249"])
        screen.composer.insert(typed)
        await pilot.press("enter")
        if typed.startswith("/search"):
            await until(pilot, lambda: isinstance(second.screen, FoundPanel))
            await pilot.press("enter")
        await until(pilot, lambda: screen.messages.chosen is not None)
        assert texts(second)[:3] == ["the owl sings at dusk", "number 0", "number 1"]
