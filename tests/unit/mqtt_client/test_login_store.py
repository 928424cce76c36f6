"""What a login makes of the store that an earlier one has left."""

import json
from pathlib import Path
from typing import Any

import pytest

from mqtt_client.account import EVERYTHING, log_in
from mqtt_client.profile import Profile, chats_beside
from mqtt_client.store import Outgoing, Result, Store
from tests.unit.mqtt_client.test_hostile_server import Serve, a_message, http, serve
from wire.conversations import direct

__all__ = ["serve"]
LOGIN = http(
    json.dumps(
        {
            "access_token": "a", "token_type": "Bearer", "expires_in": 900, "refresh_token": "r",
            "device": {"id": "abcdefghij", "name": None}, "user": {"username": "alice"},
            "mqtt": {"host": "127.0.0.1", "port": 1, "tls": False, "username": "alice", "password": "p",
                     "client_id": "alice.abcdefghij", "expires_at": "2030-01-31T12:00:00Z"},
        }
    )
)  # fmt: skip


def newest(seq: int) -> bytes:
    """Make a list of conversations whose newest message has that number."""
    conversation = {"conversation": {"type": "direct", "with": "bob"}, "last_message": a_message(seq=seq),
                    "unread": 0, "last_read_seq": 0}  # fmt: skip
    return http(json.dumps({"conversations": [conversation], "next_cursor": None}))


def feed(next_after_seq: int, *messages: dict[str, Any]) -> bytes:
    """Make the last page of a feed."""
    return http(json.dumps({"messages": messages, "has_more": False, "next_after_seq": next_after_seq}))


def outgoing(id_: str) -> Outgoing:
    """Make a message that waits."""
    return Outgoing(id_, direct("bob"), "text/plain; charset=utf-8", "2026-01-31T12:00:00.000Z", b"body")


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    """Make a profile without anything."""
    made = Profile("default", tmp_path / "data" / "default", tmp_path / "config" / "default.json")
    made.prepare()
    return made


def left_by_an_earlier_login(profile: Profile, server: str) -> Path:
    """Make a store that has seen numbers up to 500, and a copy of the app's."""
    path = profile.store_file(server, "alice")
    chats_beside(path).write_bytes(b"the app's copy")
    with Store(path) as store:
        store.move_cursor(EVERYTHING, 500, [("bob", "shown")])
        store.move_cursor("direct:bob", 500)
        store.mark("direct:bob", read=500)
    return path


async def test_a_cursor_beyond_the_newest_message_stays_if_the_feed_knows_of_nothing_up_to_there(
    serve: Serve, profile: Profile
) -> None:
    """So it is for somebody who blocks somebody: what is hidden has numbers too."""
    server = serve(LOGIN, newest(400), feed(500))
    path = left_by_an_earlier_login(profile, server)
    await log_in(profile, server, "alice", "password")
    with Store(path) as store:
        assert store.cursors() == {EVERYTHING: 500, "direct:bob": 500}
        assert not store.mark("direct:bob", read=400)
    assert chats_beside(path).exists()


@pytest.mark.parametrize("page", [feed(400), feed(401, a_message(seq=401))], ids=["nothing came", "one came"])
async def test_with_numbers_that_were_set_back_what_is_there_already_is_history(
    serve: Serve, profile: Profile, page: bytes
) -> None:
    server = serve(LOGIN, newest(400), page)
    path = left_by_an_earlier_login(profile, server)
    await log_in(profile, server, "alice", "password")
    with Store(path) as store:
        assert store.cursors() == {EVERYTHING: 400}
        assert store.mark("direct:bob", read=400)
    assert not chats_beside(path).exists()


async def test_a_feed_that_cannot_be_asked_leaves_everything_as_it_is(serve: Serve, profile: Profile) -> None:
    server = serve(LOGIN, newest(400), http("oops", "500 Internal Server Error"))
    path = left_by_an_earlier_login(profile, server)
    await log_in(profile, server, "alice", "password")
    with Store(path) as store:
        assert store.cursors() == {EVERYTHING: 500, "direct:bob": 500}
    assert chats_beside(path).exists()


async def test_a_registration_keeps_the_outbox_alone_of_a_former_account(serve: Serve, profile: Profile) -> None:
    server = serve(LOGIN)
    path = left_by_an_earlier_login(profile, server)
    with Store(path) as store:
        store.post(outgoing("1"), outgoing("2"), outgoing("3"))
        store.settle([Result("1", 7, None)])
        store.log([("message", b"before")])
        store.watch(["bob"])
        store.block("carol")
        store.type("direct:bob", active=True)
    await log_in(profile, server, "alice", "password", is_new=True)
    with Store(path) as store:
        assert store.outbox() == [("2", "direct:bob"), ("3", "direct:bob")]
        assert store.outgoing("2") == outgoing("2")
        assert store.cursors() == {EVERYTHING: 0}
        assert (store.shown(), store.result("1"), store.log_after(0)) == ([], None, [])
        assert (store.unsent_markers(), store.watched_after(0), store.take_typing()) == ([], [], [])
        assert store.blocked() == frozenset()
    assert not chats_beside(path).exists()
