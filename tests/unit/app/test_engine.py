"""The thread behind the screen: it ends with the app, and takes the app with it when it fails."""

import asyncio
import sqlite3
import sys
from pathlib import Path

import pytest

from mqtt_client.app.backend import Backend
from mqtt_client.app.changes import LoginChanged
from mqtt_client.app.engine import Engine
from mqtt_client.app.nightjar import NightjarApp, Told
from mqtt_client.app.start import run_app
from mqtt_client.app.storage import Chats, Incoming
from mqtt_client.errors import ClientError, NotLoggedInError
from mqtt_client.profile import Profile
from tests.support.waiting import until
from tests.unit.app.conftest import MakeApp
from tests.unit.app.driving import SIZE, chat, typed


async def test_an_error_in_the_thread_ends_the_app_and_is_not_lost(
    make_app: MakeApp, talks: list[Incoming], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is raised again where the app was started."""

    async def broken(_: Backend) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(Backend, "run", broken)
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: not app.is_running)
    assert isinstance(app.crash, RuntimeError)


async def test_a_disk_without_room_leaves_the_app_open(make_app: MakeApp, talks: list[Incoming]) -> None:
    """What cannot be written is said, and stands in the input again."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await until(pilot, lambda: screen.status.link.state == "offline")

        async def fill(backend: Backend) -> None:
            database: sqlite3.Connection = backend.opened.store._db
            database.execute("PRAGMA query_only = ON")

        await app.engine.do(fill, logged_in=True)
        await typed(pilot, "no room")
        await until(pilot, lambda: "cannot be used" in screen.status.text)
        assert screen.composer.text == "no room"
        await pilot.press("ctrl+n")
        await until(pilot, lambda: screen.talk.opened == "direct:bob")


async def test_what_is_loaded_for_good_is_no_garbage_to_look_through(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the backend has been loaded, too: looking through all of it would hold up a key."""
    loaded: list[bool] = []
    monkeypatch.setattr(NightjarApp, "is_headless", False)
    monkeypatch.setattr("gc.freeze", lambda: loaded.append("mqtt_client.app.backend" in sys.modules))
    app = make_app()
    app._keep_what_is_loaded()
    engine = app.engine
    engine.start()
    await engine.do(lambda backend: backend.typed())
    engine.stop()
    assert loaded == [True, True]


async def test_what_is_asked_of_a_thread_that_has_failed_is_refused(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error that ended it is the one to be told."""

    async def broken(_: Backend) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(Backend, "run", broken)
    engine = Engine(profile, lambda _: None, None)
    engine.start()
    await asyncio.to_thread(engine._thread.join, 10)
    with pytest.raises(NotLoggedInError, match="is ending"):
        await engine.do(lambda backend: backend.typed())


def test_one_that_has_never_begun_ends_too(profile: Profile) -> None:
    """And does nothing afterwards."""
    engine = Engine(profile, lambda _: None, None)
    engine.stop()
    engine.start()
    engine.stop()


async def test_nothing_is_done_after_the_end(make_app: MakeApp, talks: list[Incoming]) -> None:
    """It says so."""
    app = make_app(talks)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: chat(app).status.link.state == "offline")
    with pytest.raises(NotLoggedInError, match="is ending"):
        await app.engine.do(lambda backend: backend.typed())


async def test_what_was_opened_for_the_first_screen_is_not_written_to_for_somebody_else(profile: Profile) -> None:
    """The login was another's, and has been replaced while the app began."""
    others = profile.chats_file("http://127.0.0.1:9", "mallory")
    backend = Backend(profile, lambda _: None, Chats(others, "mallory"))
    running = asyncio.create_task(backend.run())
    await backend.ready()
    await backend.send("direct:bob", "from alice")
    assert backend.opened.chats.path == profile.chats_file(*(profile.who() or ("", "")))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    with Chats(others, "mallory") as chats:
        assert chats.rows() == []


def test_a_screen_that_fails_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual writes what went wrong and goes on; the exit status tells scripts."""

    def fail(app: NightjarApp) -> None:
        app._return_code = 1
        app.engine.stop()

    monkeypatch.setattr(NightjarApp, "run", fail)
    with pytest.raises(ClientError, match="has failed"):
        run_app(Profile("default", tmp_path / "data", tmp_path / "config" / "d.json"), None, "http://127.0.0.1:9", None)


@pytest.mark.parametrize("change", [LoginChanged("alice", "http://127.0.0.1:9"), LoginChanged(None)])
def test_what_is_told_after_the_screens_have_gone_is_too_late(make_app: MakeApp, change: LoginChanged) -> None:
    """The backend may still log in while the app ends."""
    app = make_app()
    app._told(Told((change,)))
    assert app.crash is None
    app.engine.stop()
