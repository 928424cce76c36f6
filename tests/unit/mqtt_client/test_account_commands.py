"""What the commands around the account say of messages that were not sent."""

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from mqtt_client.api import Api
from mqtt_client.profile import chats_beside, open_profile
from mqtt_client.store import Store
from tests.unit.mqtt_client.test_hostile_server import Run, Serve, log_in, run, serve
from tests.unit.mqtt_client.test_login_store import LOGIN, newest, outgoing

__all__ = ["run", "serve"]
SERVER = "http://127.0.0.1:1"


@pytest.fixture
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"pass word\n")))


@pytest.mark.usefixtures("_password")
@pytest.mark.parametrize("posted", [0, 2])
def test_what_another_command_posts_while_the_account_is_deleted_is_not_lost_without_a_word(
    run: Run, monkeypatch: pytest.MonkeyPatch, posted: int
) -> None:
    log_in(SERVER)
    path = open_profile("default").store_file(SERVER, "alice")

    async def delete(*_: object, **__: Any) -> None:
        with Store(path) as store:
            store.post(*(outgoing(str(number)) for number in range(posted)))

    monkeypatch.setattr(Api, "call", delete)
    status, out, errors = run("delete-account", "--yes", "--password-stdin")
    assert (status, out) == (0, "alice is deleted\n")
    assert errors == (f"nightjar: {posted} unsent in the outbox: lost with the account\n" if posted else "")
    assert not path.exists()


def leave(path: Path, count: int) -> None:
    """Make a store with so many messages in its outbox."""
    with Store(path) as store:
        store.post(*(outgoing(str(number)) for number in range(count)))


@pytest.mark.usefixtures("_password")
def test_a_login_names_what_waits_under_other_urls(serve: Serve, run: Run) -> None:
    """Neither a damaged file nor one of a newer client is in the way, and what waits for others is not counted."""
    server = serve(LOGIN, newest(400))
    profile = open_profile("default")
    profile.prepare()
    one, two, empty, newer, damaged, directory = (profile.store_file(f"http://{n}", "alice") for n in range(6))
    for path, count in ((one, 1), (two, 2), (empty, 0), (newer, 5), (profile.store_file("http://1", "alice-2"), 5)):
        leave(path, count)
    with Store(newer) as store:
        store._db.execute("PRAGMA user_version = 99")
    damaged.write_bytes(b"this is no database, whatever it is" * 100)
    directory.mkdir()
    leave(chats_beside(one), 5)
    status, _, errors = run("login", "alice", "--password-stdin", "--server", server)
    said = "for another server URL: sent when alice logs in with that --server again"
    assert (status, errors) == (0, f"nightjar: 3 unsent by alice in this profile, {said}\n")


@pytest.mark.usefixtures("_password")
def test_a_login_says_nothing_when_nothing_waits_under_other_urls(serve: Serve, run: Run) -> None:
    profile = open_profile("default")
    profile.prepare()
    leave(profile.store_file(SERVER, "alice"), 0)
    assert run("login", "alice", "--password-stdin", "--server", serve(LOGIN, newest(400)))[::2] == (0, "")
