"""What is stored, and who is told of it."""

from uuid import UUID, uuid4

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.integration.archiver.conftest import WorldFactory
from tests.integration.archiver.world import World, numbered, numbers, receipts, wait_receipts
from tests.support.stack import wait_for
from wire.conversations import direct
from wire.receipts import Rejected, Stored


def described(**named: str) -> Properties:
    """Write MQTT 5 properties; underscores stand for hyphens."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's own
    content_type = named.pop("content_type", None)
    if content_type:
        properties.ContentType = content_type
    properties.UserProperty = [(name.replace("_", "-"), value) for name, value in named.items()]
    return properties


def test_a_message_is_stored_whole_and_both_sides_get_a_receipt_named_from_their_side(world: World) -> None:
    message_id = uuid4()
    at_alice, at_bob = world.listener("alice"), world.listener("bob")
    with world.connect("alice") as alice:
        properties = described(id=str(message_id), sent_at="2026-01-31T12:00:00.123Z", content_type="text/markdown")
        assert alice.publish("users/bob/inbox/alice", b"*hello*", properties=properties) == 0
    [told_alice], [told_bob] = wait_receipts(at_alice, 1), wait_receipts(at_bob, 1)
    assert told_alice == Stored(str(message_id), 1, direct("bob"), "alice")
    assert told_bob == Stored(str(message_id), 1, direct("alice"), "alice")
    [row] = world.query(
        "SELECT message_id, sent_at::text, received_at > now() - interval '1 minute', content_type, body, s.username,"
        " relation, relates_to_seq, low.username, high.username, last_seq"
        " FROM messages JOIN users s ON s.id = sender_id JOIN conversations c ON c.id = conversation_id"
        " JOIN users low ON low.id = user_low JOIN users high ON high.id = user_high"
    )
    expected = (str(message_id), "2026-01-31 12:00:00.123+00", True, "text/markdown", b"*hello*", "alice")
    assert (*row[:4], bytes(row[4]), *row[5:]) == (*expected, None, None, "alice", "bob", 1)
    assert world.query("SELECT user_id, read_seq FROM participants ORDER BY 1") == [(1, 0), (2, 0)]


def test_a_client_of_mqtt_3_1_1_needs_no_properties(world: World) -> None:
    at_alice = world.listener("alice")
    with world.connect("alice", version=4) as alice:
        alice.publish("users/bob/inbox/alice", "grüß dich".encode())
        alice.publish("users/bob/inbox/alice", b"\xff\xfe")
    told = wait_receipts(at_alice, 2)
    assert [UUID(receipt.id).version for receipt in told] == [4, 4]
    assert world.query("SELECT content_type, sent_at FROM messages ORDER BY seq") == [
        (None, None),
        ("application/octet-stream", None),
    ]


def test_a_message_published_at_most_once_is_archived_all_the_same(world: World) -> None:
    with world.connect("alice") as alice:
        alice.publish("users/bob/inbox/alice", b"cheap", qos=0)
        world.wait_stored(1)
    assert world.bodies() == [b"cheap"]


def test_a_note_to_oneself_gets_one_receipt(world: World) -> None:
    at_alice = world.listener("alice")
    with world.connect("alice") as alice:
        alice.publish("users/alice/inbox/alice", b"milk")
        wait_receipts(at_alice, 1)
        alice.publish("users/bob/inbox/alice", b"hello")
    told = wait_receipts(at_alice, 2)
    assert [receipt.conversation for receipt in told if isinstance(receipt, Stored)] == [direct("alice"), direct("bob")]
    at_bob = world.listener("bob")
    with world.connect("alice") as alice:
        alice.publish("users/bob/inbox/alice", b"to wait for receipts that are gathered")
        wait_receipts(at_bob, 1)
    assert len(receipts(at_alice)) == 3
    assert world.query("SELECT count(*) FROM participants WHERE user_id = 1 AND conversation_id = 2") == [(1,)]


def test_the_same_id_and_body_is_stored_once_and_receipted_again(world: World) -> None:
    properties = described(id=str(uuid4()))
    at_alice = world.listener("alice")
    with world.connect("alice") as alice:
        for _ in range(3):
            alice.publish("users/bob/inbox/alice", b"once", properties=properties)
    told = wait_receipts(at_alice, 3)
    assert len(set(told)) == 1
    assert world.stored() == 1


@pytest.mark.parametrize(("to", "body"), [("bob", b"another body"), ("carol", b"once"), ("alice", b"once")])
def test_the_same_id_with_anything_else_is_an_id_conflict(world: World, to: str, body: bytes) -> None:
    message_id = str(uuid4())
    at_alice = world.listener("alice")
    with world.connect("alice") as alice:
        alice.publish("users/bob/inbox/alice", b"once", properties=described(id=message_id))
        alice.publish(f"users/{to}/inbox/alice", body, properties=described(id=message_id))
    told = wait_receipts(at_alice, 2)
    assert told[1] == Rejected(message_id, "id_conflict")
    assert world.bodies() == [b"once"]


def test_two_senders_may_use_the_same_id(world: World) -> None:
    properties = described(id=str(uuid4()))
    with world.connect("alice") as alice, world.connect("bob") as bob:
        alice.publish("users/bob/inbox/alice", b"mine", properties=properties)
        bob.publish("users/alice/inbox/bob", b"mine too", properties=properties)
        world.wait_stored(2)
    assert sorted(world.bodies()) == [b"mine", b"mine too"]


def test_a_reply_names_its_target_by_number_and_the_lowest_if_two_share_the_id(world: World) -> None:
    shared = str(uuid4())
    with world.connect("alice") as alice, world.connect("bob") as bob:
        alice.publish("users/bob/inbox/alice", b"first", properties=described(id=shared))
        world.wait_stored(1)
        bob.publish("users/alice/inbox/bob", b"second", properties=described(id=shared))
        world.wait_stored(2)
        bob.publish("users/alice/inbox/bob", b"re", properties=described(relation="reply", relates_to=shared))
        world.wait_stored(3)
    assert world.query("SELECT seq, relation, relates_to_seq FROM messages ORDER BY seq") == [
        (1, None, None),
        (2, None, None),
        (3, "reply", 1),
    ]


@pytest.mark.parametrize(
    ("relation", "author", "body", "kept"),
    [
        ("edit", "alice", b"better", True),
        ("edit", "bob", b"worse", False),
        ("retract", "alice", b"", True),
        ("retract", "bob", b"", False),
        ("reaction", "bob", "👍".encode(), True),
        ("thread", "bob", b"by the way", True),
    ],
)
def test_only_the_author_edits_and_retracts(world: World, relation: str, author: str, body: bytes, kept: bool) -> None:
    target = str(uuid4())
    other = {"alice": "bob", "bob": "alice"}[author]
    at_author = world.listener(author)
    with world.connect("alice") as alice, world.connect("bob") as bob:
        alice.publish("users/bob/inbox/alice", b"first", properties=described(id=target))
        world.wait_stored(1)
        sender = {"alice": alice, "bob": bob}[author]
        properties = described(id=str(uuid4()), relation=relation, relates_to=target)
        sender.publish(f"users/{other}/inbox/{author}", body, properties=properties)
        wait_for(lambda: world.stored() + len(world.dead_letters()) == 2, "it is decided")
    assert world.stored() == (2 if kept else 1)
    if not kept:
        wait_for(lambda: any(isinstance(receipt, Rejected) for receipt in receipts(at_author)), "a refusal")
        assert world.dead_letters() == [("bad_relation", "the message it changes is by another author")]


def test_a_target_in_another_conversation_is_a_bad_relation(world: World) -> None:
    target = str(uuid4())
    with world.connect("alice") as alice:
        alice.publish("users/carol/inbox/alice", b"secret", properties=described(id=target))
        alice.publish("users/bob/inbox/alice", b"re", properties=described(relation="reply", relates_to=target))
        wait_for(lambda: bool(world.dead_letters()), "a dead letter")
    assert world.dead_letters() == [
        ("bad_relation", "what it relates to is not in this conversation, or not for its sender")
    ]


def test_an_account_that_is_gone_receives_nothing_more_but_what_it_sent_is_kept(world: World) -> None:
    world.query("UPDATE users SET deleted_at = now() WHERE username = 'bob'")
    at_alice = world.listener("alice")
    with world.connect("alice") as alice, world.connect("bob") as bob:
        alice.publish("users/bob/inbox/alice", b"are you there?", properties=described(id=str(uuid4())))
        bob.publish("users/alice/inbox/bob", b"sent before I left")
        world.wait_stored(1)
        wait_receipts(at_alice, 2)
    assert world.bodies() == [b"sent before I left"]
    assert world.dead_letters() == [("unknown_recipient", "the recipient's account is deleted")]


def test_batches_may_be_of_one_message(world_factory: WorldFactory) -> None:
    """The least that can be set: there is room for the next one all the same."""
    world = world_factory(NIGHTJAR_ARCHIVER_BATCH_ROWS="1")
    world.start()
    world.publish_many("alice", numbered("bob", "alice", 50))
    world.wait_stored(50)
    assert numbers(world.bodies()) == list(range(50))
