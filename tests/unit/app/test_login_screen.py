"""The first start: a form whose errors stand beside the field that they are about."""

import asyncio
import json
import socket
from datetime import UTC
from pathlib import Path

import pytest
from textual import events
from textual.widgets import Input, Label

from mqtt_client.app.nightjar import NightjarApp, Start
from mqtt_client.app.screens.chat import ChatScreen
from mqtt_client.app.screens.login import LoginScreen
from mqtt_client.profile import Profile
from tests.support.waiting import until
from tests.unit.mqtt_client.test_hostile_server import Serve, http, serve

__all__ = ["serve"]
PROBLEM = "application/problem+json"


def app_at(server: str, directory: Path) -> NightjarApp:
    """Make the app of a profile without a login."""
    profile = Profile("default", directory / "data", directory / "config" / "default.json")
    profile.prepare()
    return NightjarApp(Start(profile, server), UTC, {})


def problem(status: str, **content: object) -> bytes:
    """Make an answer that says what is wrong."""
    return http(json.dumps(content), status, kind=PROBLEM)


@pytest.fixture(params=["log in", "register"])
def is_new(request: pytest.FixtureRequest) -> bool:
    """Logging in, and registering."""
    return bool(request.param == "register")


@pytest.mark.parametrize(
    ("answer", "field", "said"),
    [
        (problem("409 Conflict", title="Taken", errors=[{"field": "username", "message": "is taken"}]),
         "username", "is taken"),
        (problem("422 Unprocessable", errors=[{"field": "password", "message": "is too common"}]),
         "password", "is too common"),
        (problem("401 Unauthorized", detail="The username or the password is wrong"), "password", "is wrong"),
        (problem("429 Too Many", detail="Too many tries \u001b[2J"), "server", "Too many tries \\x1b[2J"),
        (http("<html>", kind="text/html"), "server", "is no JSON"),
    ],
)  # fmt: skip
async def test_an_answer_that_refuses_stands_below_its_field(
    serve: Serve, tmp_path: Path, *, is_new: bool, answer: bytes, field: str, said: str
) -> None:
    """The cursor goes there, and one can try again."""
    app = app_at(serve(answer), tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = app.screen
        assert isinstance(screen, LoginScreen)
        await until(pilot, lambda: screen.focused is not None and screen.focused.id == "username")
        assert screen.query_one("#server", Input).value.startswith("http://127.0.0.1:")
        await pilot.press(*"alice", "enter", *"secret words", "tab")
        if is_new:
            await pilot.press(*"secret words", "enter")
        else:
            await pilot.press("shift+tab", "enter")
        await until(pilot, lambda: said in str(screen.query_one(f"#{field}-error", Label).render()))
        assert screen.focused is not None
        assert screen.focused.id == field


async def test_what_can_be_seen_to_be_wrong_is_not_asked(tmp_path: Path) -> None:
    """Two passwords that differ, a name that is none, an address that is none; nobody is asked."""
    app = app_at("nonsense", tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = app.screen

        def error(field: str) -> str:
            return str(screen.query_one(f"#{field}-error", Label).render())

        await until(pilot, lambda: screen.focused is not None and screen.focused.id == "username")
        await pilot.press(*"NO NAME", "enter", *"one", "tab", *"two", "enter")
        await until(pilot, lambda: "differ" in error("again"))
        for field, value in (("again", "one"), ("password", "one")):
            screen.query_one(f"#{field}", Input).value = value
        await pilot.press("enter")
        await until(pilot, lambda: "http" in error("server"))
        screen.query_one("#server", Input).value = "http://127.0.0.1:9"
        screen.query_one("#password", Input).focus()
        await pilot.press("enter")
        await until(pilot, lambda: "is no username" in error("username"))
        await pilot.press("ctrl+q")
        await until(pilot, lambda: not app.is_running)


async def test_a_login_leads_to_the_chat(serve: Serve, tmp_path: Path) -> None:
    """As the one who logged in; what the server cannot do afterwards is said there."""
    mqtt = {"host": "127.0.0.1", "port": 9, "tls": False, "username": "alice", "password": "x",
            "client_id": "alice.abcdefghij", "expires_at": "2099-01-31T12:00:00Z"}  # fmt: skip
    login = {"access_token": "a", "token_type": "Bearer", "expires_in": 900, "refresh_token": "r",
             "device": {"id": "abcdefghij", "name": None}, "user": {"username": "alice"}, "mqtt": mqtt}  # fmt: skip
    app = app_at(serve(http(json.dumps(login), "201 Created"), http("oops", "500 Oops")), tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = app.screen
        await until(pilot, lambda: screen.focused is not None and screen.focused.id == "username")
        await pilot.press(*"alice", "enter", *"secret words", "enter")
        await until(pilot, lambda: isinstance(app.screen, ChatScreen))
        chat = app.screen
        assert isinstance(chat, ChatScreen)
        await until(pilot, lambda: chat.status.link.state == "offline")
        assert chat.me == "alice"
        assert app.focused is chat.composer


async def test_a_form_that_comes_all_at_once_is_taken_as_it_was_typed(tmp_path: Path) -> None:
    """A slow line, or a paste: the button finds both passwords."""
    app = app_at("nonsense", tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = app.screen
        await until(pilot, lambda: screen.focused is not None and screen.focused.id == "username")
        keys = [*"x", "ctrl+u", *"alice", "enter", "ctrl+u", *"secret", "tab", *"so", "ctrl+u", *"secret"]
        for key in [*keys, "tab", "tab", "enter"]:
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: "http" in str(screen.query_one("#server-error", Label).render()))
        values = [screen.query_one(f"#{field}", Input).value for field in ("username", "password", "again")]
        assert values == ["alice", "secret", "secret"]


async def test_a_second_enter_does_not_register_twice(tmp_path: Path) -> None:
    """The server is slow, and the key is pressed again: one question, which Escape stops."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = app_at(f"http://127.0.0.1:{listener.getsockname()[1]}", tmp_path)
        async with app.run_test(size=(80, 24)) as pilot:
            screen = app.screen

            def said() -> str:
                return str(screen.query_one("#said", Label).render())

            await until(pilot, lambda: screen.focused is not None and screen.focused.id == "username")
            await pilot.press(*"alice", "enter", *"secret words", "tab", *"secret words", "enter")
            await until(pilot, lambda: "asking" in said())
            listener.settimeout(10)
            asked, _ = await asyncio.to_thread(listener.accept)
            with asked:
                await pilot.press("enter", "enter")
                listener.settimeout(0.5)
                with pytest.raises(TimeoutError):
                    await asyncio.to_thread(listener.accept)
                await pilot.press("escape")
                await until(pilot, lambda: said() == "")
