"""Attacks on other people's topics, each shown to succeed on a broker without the plugin."""

from collections.abc import Iterator

import pytest

from tests.integration.broker.conftest import Arena, NewUser
from tests.support.broker import Broker
from tests.support.peer import Peer
from tests.support.raw_mqtt import SUBACK, RawConnection, connect_packet, subscribe_packet
from wire.topics import CONTROL

NOT_AUTHORIZED = 0x87
both_versions = pytest.mark.parametrize("version", [4, 5], ids=["3.1.1", "5"])


@both_versions
def test_publishing_as_someone_else(arena: Arena, new_user: NewUser, version: int) -> None:
    """Eve writes to bob's inbox in alice's name."""
    alice, bob, eve = new_user("alice"), new_user("bob"), new_user("eve")
    reader, writer = arena.connect(bob), arena.connect(eve, version=version)
    assert reader.subscribe(f"users/{bob}/inbox/+") == 1

    code = writer.publish(f"users/{bob}/inbox/{alice}", b"in alice's name")
    writer.publish(f"users/{bob}/inbox/{eve}", b"in her own")

    reader.wait_for(b"in her own")
    arena.verdict(reader.received(b"in alice's name"))
    if arena.guarded and version == 5:
        assert code == NOT_AUTHORIZED


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_publishing_as_someone_else_at_any_qos(arena: Arena, new_user: NewUser, qos: int) -> None:
    """The level of service makes no difference."""
    alice, bob, eve = new_user("alice"), new_user("bob"), new_user("eve")
    reader, writer = arena.connect(bob), arena.connect(eve)
    reader.subscribe(f"users/{bob}/inbox/+")

    writer.publish(f"users/{bob}/inbox/{alice}", b"in alice's name", qos=qos)
    writer.publish(f"users/{bob}/inbox/{eve}", b"in her own", qos=qos)

    reader.wait_for(b"in her own")
    arena.verdict(reader.received(b"in alice's name"))


@pytest.mark.parametrize(
    "topic",
    ["users/{bob}/archived", "users/{bob}/events", "users/{bob}/presence", "users/{bob}/inbox/{eve}/x", "users/{bob}"],
)
def test_publishing_what_only_others_may(arena: Arena, new_user: NewUser, topic: str) -> None:
    """Eve forges a receipt, an event, bob's presence, and topics that nobody has."""
    bob, eve = new_user("bob"), new_user("eve")
    reader, writer = arena.connect(bob), arena.connect(eve)
    reader.subscribe(f"users/{bob}/#")

    writer.publish(topic.format(bob=bob, eve=eve), b"forged")
    writer.publish(f"users/{bob}/inbox/{eve}", b"allowed")

    reader.wait_for(b"allowed")
    arena.verdict(reader.received(b"forged"))


@both_versions
@pytest.mark.parametrize(
    "topic_filter",
    [
        "users/{bob}/inbox/{alice}",
        "users/{bob}/inbox/+",
        "users/{bob}/#",
        "users/+/inbox/{alice}",
        "users/+/inbox/+",
        "users/+/inbox/#",
        "users/+/+/{alice}",
        "users/#",
        "+/{bob}/inbox/{alice}",
        "+/+/+/+",
        "+/#",
        "#",
        "$share/archiver/users/+/inbox/+",
        "$share/x/users/{bob}/inbox/{alice}",
        "$share/x/#",
    ],
)
def test_reading_someone_elses_inbox(arena: Arena, new_user: NewUser, topic_filter: str, version: int) -> None:
    """Eve subscribes to what alice writes to bob: by name, by wildcard, by shared subscription."""
    alice, bob, eve = new_user("alice"), new_user("bob"), new_user("eve")
    reader, writer = arena.connect(eve, version=version), arena.connect(alice)
    reader.subscribe(f"users/{eve}/#")

    code = reader.subscribe(topic_filter.format(alice=alice, bob=bob))
    writer.publish(f"users/{bob}/inbox/{alice}", b"for bob")
    writer.publish(f"users/{eve}/inbox/{alice}", b"for eve")

    reader.wait_for(b"for eve")
    arena.verdict(reader.received(b"for bob"))
    assert (code >= 0x80) is arena.guarded
    if arena.guarded and version == 5:
        assert code == NOT_AUTHORIZED


def test_a_shared_subscription_to_ones_own_topics(arena: Arena, new_user: NewUser) -> None:
    """Users have no shared subscriptions at all: two devices would each miss half of the messages."""
    eve = new_user("eve")
    arena.verdict(arena.connect(eve).subscribe(f"$share/x/users/{eve}/#") < 0x80)


def test_many_filters_in_one_subscribe(arena: Arena, new_user: NewUser) -> None:
    """Each filter of a SUBSCRIBE is answered for itself: a good one does not carry a bad one through."""
    eve = new_user("eve")
    password = arena.realm.token(eve, f"{eve}.x") if arena.realm else None
    with RawConnection(arena.port) as connection:
        connection.send(connect_packet(f"{eve}.x", eve, password))
        connection.send(subscribe_packet([f"users/{eve}/#", "#", "$share/x/#", "users/+/presence"]))
        answer = connection.read_until(SUBACK)
    assert answer
    assert answer.body[-4:] == (b"\x01\x87\x87\x01" if arena.guarded else b"\x01\x01\x01\x01")


@both_versions
def test_a_retained_message_in_someone_elses_inbox(arena: Arena, new_user: NewUser, version: int) -> None:
    """Eve, who may write to bob, leaves a message that he finds at every connect."""
    bob, eve = new_user("bob"), new_user("eve")
    arena.connect(eve, version=version).publish(f"users/{bob}/inbox/{eve}", b"for ever", retain=True)

    reader = arena.connect(bob)
    reader.subscribe(f"users/{bob}/inbox/+")
    arena.connect(eve, "eve.second" if not arena.guarded else f"{eve}.second").publish(
        f"users/{bob}/inbox/{eve}", b"once"
    )

    reader.wait_for(b"once")
    arena.verdict(reader.received(b"for ever"))


@both_versions
@pytest.mark.parametrize("topic", ["users/{bob}/inbox/{alice}", "users/{bob}/presence"])
def test_a_will_in_someone_elses_name(arena: Arena, new_user: NewUser, topic: str, version: int) -> None:
    """Eve lets the broker publish for her, when her connection is lost, what she may not publish herself."""
    alice, bob, eve = new_user("alice"), new_user("bob"), new_user("eve")
    reader = arena.connect(bob)
    reader.subscribe(f"users/{bob}/#")

    will = (topic.format(alice=alice, bob=bob), b"the will", False)
    arena.connect(eve, version=version, will=will).drop()
    arena.connect(alice, will=(f"users/{bob}/inbox/{alice}", b"a good will", False)).drop()

    reader.wait_for(b"a good will")
    arena.verdict(reader.received(b"the will"))


def test_a_retained_will_in_someone_elses_inbox(arena: Arena, new_user: NewUser) -> None:
    """A will is held to the same rule about retaining as a PUBLISH."""
    bob, eve = new_user("bob"), new_user("eve")
    watcher = arena.connect(bob, f"{bob}.watcher")
    watcher.subscribe("users/+/presence")
    arena.connect(eve, will=(f"users/{bob}/inbox/{eve}", b"for ever", True)).drop()
    arena.connect(eve, f"{eve}.second", will=(f"users/{eve}/presence", b"offline", True)).drop()
    watcher.wait_for(b"offline")

    reader = arena.connect(bob)
    reader.subscribe(f"users/{bob}/inbox/+")
    reader.subscribe("users/+/presence")

    assert reader.wait_for(b"offline").retain
    arena.verdict(reader.received(b"for ever"))


def test_a_will_published_when_the_session_is_taken_over(arena: Arena, new_user: NewUser) -> None:
    """The broker asks about such a will at another moment than about one of a lost connection."""
    alice, bob, eve = new_user("alice"), new_user("bob"), new_user("eve")
    reader = arena.connect(bob)
    reader.subscribe(f"users/{bob}/inbox/+")

    arena.connect(eve, will=(f"users/{bob}/inbox/{alice}", b"the will", False))
    arena.connect(eve, will=(f"users/{bob}/inbox/{eve}", b"a good will", False))
    arena.connect(eve)

    reader.wait_for(b"a good will")
    arena.verdict(reader.received(b"the will"))


def test_a_delayed_will_in_someone_elses_name(arena: Arena, new_user: NewUser) -> None:
    """The broker asks about a delayed will when the client is long gone."""
    alice, bob, eve = new_user("alice"), new_user("bob"), new_user("eve")
    reader = arena.connect(bob)
    reader.subscribe(f"users/{bob}/inbox/+")

    will = (f"users/{bob}/inbox/{alice}", b"the will", False)
    arena.connect(eve, will=will, will_delay=1, session_seconds=60).drop()
    good = (f"users/{bob}/inbox/{eve}", b"a good will", False)
    arena.connect(eve, f"{eve}.second", will=good, will_delay=2, session_seconds=60).drop()

    reader.wait_for(b"a good will")
    arena.verdict(reader.received(b"the will"))


@pytest.mark.parametrize("topic_filter", ["$SYS/#", "$SYS/broker/clients/connected", "$CONTROL/#", CONTROL])
def test_subscribing_to_the_brokers_own_topics(arena: Arena, new_user: NewUser, topic_filter: str) -> None:
    """What the broker says of itself, and what it is told, is none of a user's business."""
    arena.verdict(arena.connect(new_user("eve")).subscribe(topic_filter) < 0x80)


def test_publishing_on_sys(arena: Arena, new_user: NewUser) -> None:
    """The state of bridges is the one topic below $SYS on which Mosquitto lets clients publish."""
    reader = arena.connect(new_user("bob")) if not arena.guarded else None
    if reader:
        reader.subscribe("$SYS/broker/connection/#")
    code = arena.connect(new_user("eve")).publish("$SYS/broker/connection/eve/state", b"1")
    if reader:
        reader.wait_for(b"1")
    arena.verdict(code != NOT_AUTHORIZED)


@pytest.mark.parametrize("topic", [CONTROL, "$CONTROL/dynamic-security/v1", "$CONTROL/nightjar/v2"])
def test_publishing_on_control(arena: Arena, new_user: NewUser, topic: str) -> None:
    """A user who could revoke would cut everybody off."""
    arena.verdict(arena.connect(new_user("eve")).publish(topic, b'{"commands": []}') != NOT_AUTHORIZED)


@pytest.mark.parametrize("whose", ["alice", "archiver"])
def test_taking_over_a_client_id(arena: Arena, new_user: NewUser, whose: str) -> None:
    """Eve connects with the client id of somebody connected, who would lose connection, session and messages."""
    victim = new_user("alice") if whose == "alice" else "archiver"
    client_id = f"{victim}.1"
    connected = arena.connect(victim, client_id)

    eve = new_user("eve")
    token = arena.realm.token(eve, f"{eve}.x") if arena.realm else None
    if arena.guarded:
        with pytest.raises(Exception, match="0x87"):
            arena.connect(eve, client_id, token=token)
    else:
        arena.connect(eve, client_id)
        connected.wait_closed()

    arena.verdict(not connected.connected)


@pytest.fixture(scope="module")
def acl_file_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Run a broker as people set it up without a plugin: an acl_file with patterns."""
    acl = "pattern write users/+/inbox/%u\npattern read users/%u/#\nuser archiver\ntopic read users/+/inbox/+\n"
    settings = {"allow_anonymous": "true", "acl_file": "./acl"}
    broker = Broker(tmp_path_factory.mktemp("acl_file"), None, settings, {"acl": acl})
    yield broker.start()
    broker.stop()


def test_an_acl_file_does_stop_reading(acl_file_broker: Broker) -> None:
    """The set-up of the next two tests is a fair one: reading somebody else's inbox fails on it."""
    with Peer(acl_file_broker.port, "eve.x", "eve") as eve, Peer(acl_file_broker.port, "alice.x", "alice") as alice:
        eve.subscribe("#")
        alice.publish("users/bob/inbox/alice", b"for bob")
        alice.publish("users/eve/inbox/alice", b"for eve")
        eve.wait_for(b"for eve")
        assert not eve.received(b"for bob")


def test_an_acl_file_lets_a_user_steal_from_the_archiver(acl_file_broker: Broker) -> None:
    """SUBSCRIBE is not checked, so a user joins the archiver's shared subscription: half of all messages vanish."""
    port, shared = acl_file_broker.port, "$share/archiver/users/+/inbox/+"
    with Peer(port, "archiver.1", "archiver") as archiver, Peer(port, "eve.x", "eve") as eve:
        assert archiver.subscribe(shared) == 1
        assert eve.subscribe(shared) == 1
        with Peer(port, "alice.x", "alice") as alice:
            for number in range(10):
                alice.publish("users/bob/inbox/alice", f"message {number}".encode())
        archiver.unsubscribe("nothing/at/all")  # answered after all that waits
        assert len(archiver.messages) == 5


def test_an_acl_file_lets_a_user_take_over_the_archivers_session(acl_file_broker: Broker) -> None:
    """The client id belongs to whoever comes last."""
    port = acl_file_broker.port
    with Peer(port, "archiver.1", "archiver") as archiver, Peer(port, "archiver.1", "eve"):
        archiver.wait_closed()
