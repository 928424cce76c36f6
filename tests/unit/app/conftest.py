"""The app without a terminal: its screens are real, its store is real, its server is out of reach."""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC
from pathlib import Path

import pytest

from mqtt_client.app.config import Config
from mqtt_client.app.nightjar import NightjarApp, Start
from mqtt_client.app.start import snapshot
from mqtt_client.app.storage import Chats, Incoming
from mqtt_client.credentials import Credentials
from mqtt_client.profile import Profile
from scripts.stack.ports import free_port
from tests.unit.app.making import an_incoming

MakeApp = Callable[..., NightjarApp]


@pytest.fixture
def server() -> str:
    """A server that is away."""
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def profile(tmp_path: Path, server: str) -> Profile:
    """A profile with a login at the server."""
    found = Profile("default", tmp_path / "data", tmp_path / "config" / "default.json")
    mqtt = {"host": "127.0.0.1", "port": free_port(), "tls": False, "username": "alice", "password": "x",
            "client_id": "alice.abcdefghij", "expires_at": "2026-01-31T12:00:00Z",
            "ends_at": time.time() + 1000}  # fmt: skip
    login = {"server": server, "username": "alice", "device_id": "abcdefghij", "device_name": None,
             "access_token": "a", "access_ends_at": time.time() + 1000, "refresh_token": "r", "mqtt": mqtt}  # fmt: skip
    found.save(Credentials.model_validate(login))
    return found


@pytest.fixture
def make_app(profile: Profile) -> MakeApp:
    """Return a function that makes the app, with messages in its copy and conversations that are whole."""

    def make(
        messages: Iterable[Incoming] = (),
        *,
        news: Iterable[Incoming] = (),
        config: Config | None = None,
        wanted: str | None = None,
        theme: str | None = None,
        is_primed: bool = True,
        environment: Mapping[str, str] | None = None,
    ) -> NightjarApp:
        known = profile.who()
        assert known
        chats = Chats(profile.chats_file(*known), known[1])
        old, new = list(messages), list(news)
        for name in {message.conversation for message in [*old, *new]}:
            chats.begin(name, "", 1, is_whole=True)
        chats.keep(old, news=False)
        chats.keep(new, news=True)
        if is_primed and "*" not in chats.cursors():
            chats.move_cursor("*", 1_000_000)
        start = Start(profile, known[0], known[1], wanted, config or Config(), chats, snapshot(chats, wanted), theme)
        return NightjarApp(start, UTC, environment or {})

    return make


@pytest.fixture
def talks() -> list[Incoming]:
    """Two conversations: ten messages with bob, the newest of all with carol."""
    bobs = [an_incoming(number, sender="bob" if number % 2 else "alice") for number in range(1, 11)]
    return [*bobs, an_incoming(11, "carol is here", conversation="direct:carol", sender="carol")]
