"""Markers: watermarks that never move back, and are told to the user's own devices."""

from contextlib import ExitStack
from uuid import uuid4

import pytest
from mqtt5 import PublishPacket, QoS

from archiver.delivery import Delivery, Origin
from archiver.letters import Item, read_delivery
from archiver.markings import Moved
from archiver.plan import Archived
from archiver.storage import Storage
from scripts.stack.postgres import EmbeddedPostgres
from tests.integration.archiver.conftest import WorldFactory, start_over
from tests.integration.archiver.deliveries import (
    LOBBY,
    ORIGIN,
    US,
    add_member,
    change,
    in_group,
    item,
    numbers,
    remove_member,
    rows,
)
from tests.integration.archiver.world import World, message, receipts, wait_receipts, watermarks
from tests.support.stack import wait_for
from wire.conversations import Conversation, direct, group
from wire.markers import Marker, encode_marker
from wire.receipts import Watermark
from wire.topics import marker_topic

WITH_USER1 = direct("user1")


def marker(
    delivered: int | None = None,
    read: int | None = None,
    *,
    of: int = 0,
    to: Conversation = WITH_USER1,
    number: int = 1,
) -> Item:
    """Make a marker of a user."""
    payload = encode_marker(Marker(delivered, read))
    return read_delivery(Delivery(number, number, False, marker_topic(to, f"user{of}"), payload, None, [], US), uuid4)


def published_marker(to: str, user: str, payload: bytes, packet_id: int) -> bytes:
    """Write a PUBLISH of a marker."""
    topic = marker_topic(direct(to), user)
    return PublishPacket(topic, payload, qos=QoS.AT_LEAST_ONCE, packet_id=packet_id).write()


def seqs(url: str) -> list[tuple[str, int, int]]:
    """Return the watermarks of everybody who has any."""
    return rows(
        url,
        "SELECT username, delivered_seq, read_seq FROM participants JOIN users u ON u.id = user_id"
        " WHERE delivered_seq > 0 ORDER BY username",
    )


@pytest.fixture
def conversation(storage: Storage) -> None:
    """Store five messages from user0 to user1, and one to another."""
    storage.store(ORIGIN, [item(b"x") for _ in range(5)])
    storage.store(ORIGIN, [item(b"x", to=2)])


def moved(to: Conversation, delivered: int, read: int, user: str = "user0") -> Moved:
    """Say what is told of a watermark."""
    return Moved(user, Watermark(to, delivered, read))


@pytest.mark.usefixtures("conversation")
def test_a_watermark_moves_only_forward_and_not_past_the_newest_message(storage: Storage, url: str) -> None:
    assert storage.store(ORIGIN, [marker(3)]) == [moved(WITH_USER1, 3, 0)]
    assert storage.store(ORIGIN, [marker(2)]) == []
    assert storage.store(ORIGIN, [marker(3)]) == []
    assert storage.store(ORIGIN, [marker(read=2)]) == [moved(WITH_USER1, 3, 2)]
    assert storage.store(ORIGIN, [marker(1, 4)]) == [moved(WITH_USER1, 4, 4)], "what is read was delivered"
    assert storage.store(ORIGIN, [marker(2**63 - 1)]) == [moved(WITH_USER1, 5, 4)], "the newest of this conversation"
    assert storage.store(ORIGIN, [marker(read=1, of=1, to=direct("user0"))]) == [moved(direct("user0"), 1, 1, "user1")]
    assert seqs(url) == [("user0", 5, 4), ("user1", 1, 1)]


@pytest.mark.usefixtures("conversation")
def test_markers_where_there_is_no_conversation_or_membership_move_nothing(storage: Storage, url: str) -> None:
    add_member(url, "user3")
    storage.store(ORIGIN, [in_group(b"x", sender=3)])
    nowhere = [
        marker(1, of=0, to=direct("user9")),
        marker(1, of=0, to=direct("stranger")),
        marker(1, of=9, to=direct("user0")),
        marker(1, of=77),
        marker(1, to=group(LOBBY)),
        marker(1, to=group("gabcdefghijkl")),
        marker(1, to=direct(LOBBY)),
    ]
    assert storage.store(ORIGIN, nowhere) == []
    assert storage.store(ORIGIN, [*nowhere, item(b"with messages")])[1:] == []
    assert seqs(url) == []
    assert rows(url, "SELECT count(*) FROM dead_letters") == [(0,)]
    assert rows(url, "SELECT count(*) FROM conversations") == [(3,)]
    in_lobby = marker(read=99, of=3, to=group(LOBBY))
    remove_member(url, "user3")
    assert storage.store(ORIGIN, [in_lobby]) == []
    add_member(url, "user3")
    assert storage.store(ORIGIN, [in_lobby]) == [moved(group(LOBBY), 7, 7, "user3")]
    change(url, "UPDATE groups SET deleted_at = now(); UPDATE participants SET read_seq = 0")
    assert storage.store(ORIGIN, [in_lobby]) == []


@pytest.mark.parametrize("ids", [True, False], ids=["the quick way", "the long way"])
@pytest.mark.usefixtures("conversation")
def test_markers_among_messages_are_put_together_and_disturb_neither_order_nor_numbers(
    storage: Storage, url: str, ids: bool
) -> None:
    many = [
        marker(seq % 4 + 1, seq % 3 or None, of=of, to=direct(f"user{1 - of}")) for seq in range(20) for of in (0, 1)
    ]
    messages = [item(b"%d" % number, ids=ids, number=number) for number in range(1, 4)]
    outcomes = storage.store(ORIGIN, [*many, messages[0], *many, *messages[1:], many[0]])
    assert numbers(outcomes[:3]) == [7, 8, 9]
    assert sorted(outcomes[3:], key=str) == [moved(WITH_USER1, 4, 2), moved(direct("user0"), 4, 2, "user1")]
    again = storage.store(ORIGIN, [*many, *messages])
    assert [outcome for outcome in again if isinstance(outcome, Archived)] == outcomes[:3], "stored already"
    assert again[3:] == []
    assert seqs(url) == [("user0", 4, 2), ("user1", 4, 2)]


@pytest.mark.usefixtures("conversation")
def test_a_marker_that_comes_again_or_alone_clears_what_is_known_of_packet_ids(storage: Storage, url: str) -> None:
    storage.store(ORIGIN, [item(b"x", ids=False, number=1)])
    assert rows(url, "SELECT count(*) FROM unacknowledged") == [(1,)]
    storage.store(Origin("archiver.1", 2, resumed=True), [marker(1)])
    assert rows(url, "SELECT count(*) FROM unacknowledged") == [(0,)]


def test_a_users_devices_hear_how_far_it_is_and_nobody_else(world: World) -> None:
    at_alice, at_bob = world.listener("alice"), world.listener("bob")
    with world.connect("alice") as alice, world.connect("bob") as bob, world.connect("carol") as carol:
        carol.subscribe("users/carol/#", 1)
        for _ in range(3):
            alice.publish("users/bob/inbox/alice", b"hello")
        world.wait_stored(3)
        for payload in (
            b"",
            b"{}",
            b"no JSON",
            b'{"read": 0}',
            b'{"read": -1}',
            b'{"read": "3"}',
            b"[" * 5000,
            b"\xff",
        ):
            bob.publish("users/alice/markers/bob", payload)
        bob.publish("users/alice/markers/bob", b'{"delivered": 3, "read": 2}')
        wait_for(lambda: bool(watermarks(at_bob)), "bob's devices are told")
        bob.publish("users/alice/markers/bob", b'{"delivered": 1, "read": 1}')
        bob.publish("users/alice/markers/bob", b'{"read": 3}')
        wait_for(lambda: len(watermarks(at_bob)) == 2, "bob's devices are told again")
    assert watermarks(at_bob) == [Watermark(direct("alice"), 3, 2), Watermark(direct("alice"), 3, 3)]
    assert watermarks(at_alice) == []
    assert len(receipts(at_alice)) == 3
    assert world.dead_letters() == []
    assert world.stored() == 3
    assert "Traceback" not in world.log


def test_markers_wait_for_the_database_and_are_acknowledged_after_the_commit(
    world_factory: WorldFactory, own_postgres: EmbeddedPostgres
) -> None:
    world = start_over(world_factory, own_postgres)
    at_bob = world.listener("bob")
    with world.connect("alice") as alice, world.connect("bob") as bob:
        alice.publish("users/bob/inbox/alice", b"one")
        world.wait_stored(1)
        wait_receipts(at_bob, 1)
        own_postgres.stop()
        bob.publish("users/alice/markers/bob", b'{"read": 1}')
        alice.publish("users/bob/inbox/alice", b"two")
        bob.publish("users/alice/markers/bob", b'{"read": 2}')
        world.wait_state("database away")
        own_postgres.start()
        world.wait_stored(2)
    wait_for(lambda: bool(watermarks(at_bob)), "the markers are stored")
    assert watermarks(at_bob)[-1].read >= 1
    assert world.bodies() == [b"one", b"two"]
    world.stop()
    world.start()
    assert world.stored() == 2


def test_a_flood_of_markers_does_not_keep_messages_from_being_stored(world_factory: WorldFactory) -> None:
    world = world_factory()
    world.start()
    world.publish_many("alice", [message("bob", "alice", b"first", 1)])
    world.wait_stored(1)
    world.stop()
    flood = [published_marker("alice", "bob", b'{"read": 1}', number) for number in range(1, 5001)]
    with ExitStack() as ends:
        at_bob = ends.enter_context(world.listener("bob"))
        world.publish_many("bob", flood)
        world.publish_many("alice", [message("bob", "alice", b"last", 1)])
        world.start()
        world.wait_stored(2)
        wait_receipts(at_bob, 1)
    assert watermarks(at_bob) == [Watermark(direct("alice"), 1, 1)], "put together, however many there are"
