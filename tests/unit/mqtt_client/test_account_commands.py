"""What the commands around the account say of messages that were not sent."""

import io
import sys
from typing import Any

import pytest

from mqtt_client.api import Api
from mqtt_client.profile import open_profile
from mqtt_client.store import Store
from tests.unit.mqtt_client.test_hostile_server import Run, log_in, run
from tests.unit.mqtt_client.test_login_store import outgoing

__all__ = ["run"]
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
