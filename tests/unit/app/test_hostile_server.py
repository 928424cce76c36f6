"""A server that answers nonsense, too much, too slowly or not at all leaves the app usable."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from mqtt_client.api import Api
from mqtt_client.app.pages import Pages
from mqtt_client.app.storage import Chats, Incoming
from mqtt_client.app.sync import Sync
from mqtt_client.errors import ApiError
from mqtt_client.profile import Profile
from mqtt_client.transport import Transport
from tests.support.waiting import until
from tests.unit.app.conftest import MakeApp
from tests.unit.app.driving import SIZE, chat, shows, typed
from tests.unit.mqtt_client.test_hostile_server import Serve, a_message, http, serve

__all__ = ["serve"]

MANY = json.dumps({"messages": [a_message(body="x" * 60_000, seq=number, id=f"0190a3c4-0000-7000-8000-{number:012d}")
                                for number in range(1, 101)], "has_more": True, "next_after_seq": 0})  # fmt: skip
ANSWERS = {
    "garbage": http("<html>It works</html>", kind="text/html"),
    "broken JSON": http('{"messages": ['),
    "deep JSON": http("[" * 100_000),
    "500": http("oops", "500 Internal Server Error"),
    "401": http('{"detail": "no"}', "403 Forbidden"),
    "escapes": http('{"detail": "\\u001b[2J\\u001b]0;evil\\u0007"}', "500 Internal Server Error"),
    "a megabyte of names": http(
        json.dumps({"conversations": [{"conversation": {"type": "direct", "with": "b" * 1_000_000}, "unread": 1}]})
    ),
    "not what was asked": http('{"messages": 5, "has_more": "maybe"}'),
    "a feed that does not move": http(MANY),
    "cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort",
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "silence": b"",
}


@pytest.fixture(params=list(ANSWERS))
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server that answers everything with the same bytes; silence keeps the connection open."""
    listener = socket.create_server(("127.0.0.1", 0))
    answer = ANSWERS[request.param]
    held: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            held.append(connection)
            with suppress(OSError):
                connection.recv(65536)
                connection.sendall(answer)
                if answer:
                    connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)
    for connection in held:
        connection.close()


@pytest.mark.parametrize("is_primed", [True, False], ids=["known", "first start"])
async def test_the_app_stays_usable(make_app: MakeApp, talks: list[Incoming], is_primed: bool) -> None:
    """What is stored can be read, what is written waits in the outbox, and one safe line says what is wrong."""
    app = make_app(talks, is_primed=is_primed)
    async with app.run_test(size=SIZE) as pilot:
        screen = chat(app)
        await typed(pilot, "into the outbox")
        await until(pilot, shows(app, "into the outbox …"))
        await pilot.press("ctrl+n")
        await until(pilot, shows(app, "message 10"))
        await typed(pilot, "/whois bob")
        await pilot.press("pageup", "pagedown", "f1", "escape")
        assert not any(ord(sign) < 32 for sign in screen.status.text)
        await typed(pilot, "/quit")
        await until(pilot, lambda: not app.is_running)
    assert app.crash is None


async def test_a_history_that_does_not_move_on_is_given_up(serve: Serve, profile: Profile) -> None:
    """A server that ignores from where it was asked is not asked for the same page for ever."""
    answer = json.dumps({"messages": [a_message(seq=number, id=f"0190a3c4-0000-7000-8000-{number:012d}")
                                      for number in range(901, 1001)], "has_more": True})  # fmt: skip
    server = serve(http(answer))
    async with Transport(server) as transport:
        api = Api(transport, profile, profile.load().model_copy(update={"server": server}))
        with Chats(profile.data / "a.chats.db", "alice") as chats:
            chats.begin("direct:bob", "", 1001)
            pages = Pages(chats, Sync(chats, "alice", lambda _: None), lambda: api)
            with pytest.raises(ApiError, match="does not move on"):
                async with asyncio.timeout(60):
                    await pages.fetch_all("direct:bob", lambda _: None)
            assert len(chats.newest("direct:bob", 200).entries) == 100
