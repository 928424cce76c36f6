"""What everybody may do, the guarded broker lets them do: delivery, presence, sessions, over both protocols."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from tests.integration.broker.conftest import NewUser
from tests.support.broker import Broker, Realm
from tests.support.peer import connects, now_ms
from tests.support.stack import wait_for
from wire.control import Revocation
from wire.tokens import AclRule
from wire.topics import ARCHIVER_FILTERS, own_inbox_filter, sent_filter

both_versions = pytest.mark.parametrize("version", [4, 5], ids=["3.1.1", "5"])
NO_SUBSCRIBER = 0x10


@pytest.mark.parametrize(("sends", "reads"), list(itertools.product([4, 5], [4, 5])))
def test_a_message_between_two_users(realm: Realm, new_user: NewUser, sends: int, reads: int) -> None:
    """From any protocol to any other, and to the sender's other devices."""
    alice, bob = new_user("alice"), new_user("bob")
    reader, writer = realm.connect(bob, version=reads), realm.connect(alice, version=sends)
    second = realm.connect(alice, f"{alice}.second", version=reads)
    assert reader.subscribe(own_inbox_filter(bob)) == 1
    assert second.subscribe(sent_filter(alice)) == 1

    assert writer.publish(f"users/{bob}/inbox/{alice}", b"hello") == 0

    assert reader.wait_for(b"hello").topic == f"users/{bob}/inbox/{alice}"
    assert second.wait_for(b"hello").qos == 1
    realm.close()


@pytest.mark.parametrize(
    "topic_filter",
    ["users/{me}/#", "users/{me}/inbox/+", "users/{me}/inbox/bob", "users/{me}/archived", "users/{me}/+/bob",
     "users/{me}/events", "users/+/inbox/{me}", "users/bob/inbox/{me}", "users/+/presence", "users/bob/presence",
     "users/{me}", "users/{me}/inbox/#"],
)  # fmt: skip
@both_versions
def test_a_user_may_subscribe_to(realm: Realm, new_user: NewUser, topic_filter: str, version: int) -> None:
    """The filters of the contract, and whatever covers no more than one of them."""
    me = new_user("alice")
    with realm.connect(me, version=version) as peer:
        assert peer.subscribe(topic_filter.format(me=me)) == 1


def test_the_archiver_may_subscribe(realm: Realm) -> None:
    """To all that is archived."""
    with realm.connect("archiver", "archiver.rights") as archiver:
        assert [archiver.subscribe(topic_filter) for topic_filter in ARCHIVER_FILTERS] == [1] * len(ARCHIVER_FILTERS)


def test_presence_is_seen_by_who_comes_later(realm: Realm, new_user: NewUser) -> None:
    """Retained, and shown although its publisher is offline by then and its token gone."""
    alice, bob = new_user("alice"), new_user("bob")
    with realm.connect(alice) as peer:
        peer.publish(f"users/{alice}/presence", b"away for lunch", retain=True)
    with realm.connect(bob) as reader:
        reader.subscribe("users/+/presence")
        assert reader.wait_for(b"away for lunch").retain


def test_a_shared_subscription_that_the_token_names(realm: Realm, new_user: NewUser) -> None:
    """Only the very same text, and what comes through it can be read."""
    worker, alice = new_user("worker"), new_user("alice")
    acl = [AclRule("subscribe", "$share/pool/users/+/inbox/+")]
    with realm.connect(worker, acl=acl) as reader, realm.connect(alice) as writer:
        assert reader.subscribe("$share/pool/users/bob/inbox/+") == 0x87
        assert reader.subscribe("users/+/inbox/+") == 0x87
        assert reader.subscribe("$share/pool/users/+/inbox/+") == 1
        writer.publish(f"users/bob/inbox/{alice}", b"a job")
        reader.wait_for(b"a job")


@both_versions
def test_a_session_holds_messages_while_its_client_is_away(realm: Realm, new_user: NewUser, version: int) -> None:
    """The archiver's is such a one. What came at QoS 0 is kept and acknowledged as well."""
    alice, bob = new_user("alice"), new_user("bob")
    session: dict[str, Any] = {"clean": False, "session_seconds": 300, "version": version}
    with realm.connect(bob, **session) as reader:
        reader.subscribe(f"users/{bob}/#")
    with realm.connect(alice) as writer:
        writer.publish(f"users/{bob}/inbox/{alice}", b"one")
        writer.publish(f"users/{bob}/inbox/{alice}", b"two", qos=0)
    with realm.connect(bob, **session) as back:
        assert back.wait_for(b"one").qos == 1
        assert back.wait_for(b"two").qos == 1


def test_a_session_is_read_with_the_rights_of_the_new_token(realm: Realm, new_user: NewUser) -> None:
    """Messages that waited, and subscriptions that were made, under rights that the new token no longer has."""
    alice, bob = new_user("alice"), new_user("bob")
    session: dict[str, Any] = {"clean": False, "session_seconds": 300}
    groups = [AclRule("subscribe", "groups/g1/#"), AclRule("subscribe", f"users/{bob}/#")]
    writer = realm.connect(alice, acl=[AclRule("publish", "groups/g1/#"), AclRule("publish", "users/#")])
    with realm.connect(bob, acl=groups, **session) as reader:
        assert reader.subscribe("groups/g1/#") == 1
        assert reader.subscribe(f"users/{bob}/#") == 1
    writer.publish("groups/g1/messages/x", b"while away")
    back = realm.connect(bob, acl=groups[1:], **session)
    writer.publish("groups/g1/messages/x", b"when back")
    writer.publish(f"users/{bob}/x", b"still allowed")
    back.wait_for(b"still allowed")
    assert not back.received(b"while away")
    assert not back.received(b"when back")
    realm.close()


def test_what_one_reader_may_read_is_not_another_s(realm: Realm, new_user: NewUser) -> None:
    """The same topic again and again, as a group's is: one member has left, and comes right after another."""
    alice, bob, carol = new_user("alice"), new_user("bob"), new_user("carol")
    session: dict[str, Any] = {"clean": False, "session_seconds": 300}
    group = [AclRule("subscribe", "groups/g2/#")]
    own = [AclRule("subscribe", f"users/{bob}/#")]
    writer = realm.connect(alice, acl=[AclRule("publish", "groups/g2/#"), AclRule("publish", "users/#")])
    stays = realm.connect(carol, acl=group)
    assert stays.subscribe("groups/g2/#") == 1
    with realm.connect(bob, acl=[*group, *own], **session) as leaves:
        assert leaves.subscribe("groups/g2/#") == 1
        assert leaves.subscribe(f"users/{bob}/#") == 1
        for number in range(3):
            writer.publish("groups/g2/messages/x", b"before %d" % number)
        leaves.wait_for(b"before 2")
    left = realm.connect(bob, acl=own, **session)
    for number in range(3):
        writer.publish("groups/g2/messages/x", b"after %d" % number)
    writer.publish(f"users/{bob}/x", b"still allowed")
    stays.wait_for(b"after 2")
    left.wait_for(b"still allowed")
    assert not [number for number in range(3) if left.received(b"after %d" % number)]
    realm.close()


def test_a_session_survives_a_restart_and_users_wait_for_the_archiver(tmp_path: Path, plugin: Path) -> None:
    """What waits for the archiver is saved when the broker stops. Its shared subscription is not, so nobody may

    publish before it has subscribed again.
    """
    realm = Realm(Broker(tmp_path / "broker", plugin, waits_for_archiver=True)).start()
    session: dict[str, Any] = {"clean": False, "session_seconds": 86400}
    with realm.connect("archiver", "archiver.1", **session) as archiver:
        archiver.subscribe(ARCHIVER_FILTERS[0])
    with realm.connect("alice") as alice:
        alice.publish("users/bob/inbox/alice", b"hello")
    realm.close()
    realm.broker.stop()
    realm.start()
    assert not connects(lambda: realm.connect("alice"))
    assert "alice.aaaaaaaaaa from 127.0.0.1 is refused: not before the archive has subscribed" in realm.broker.log
    with realm.connect("archiver", "archiver.1", **session) as archiver:
        archiver.wait_for(b"hello")
        assert not connects(lambda: realm.connect("alice"))
        archiver.subscribe(ARCHIVER_FILTERS[0])
    with realm.connect("alice") as alice:
        alice.publish("users/bob/inbox/alice", b"hello again")
    with realm.connect("archiver", "archiver.1", **session) as archiver:
        archiver.wait_for(b"hello again")
    realm.close()
    realm.broker.stop()


def test_users_do_not_wait_for_ever_for_the_archiver(tmp_path: Path, plugin: Path) -> None:
    """Chat goes on without it after a while, and where none ever was it does so at once."""
    settings = {"plugin_opt_wait_for_subscriber_seconds": "2"}
    realm = Realm(Broker(tmp_path / "broker", plugin, settings, waits_for_archiver=True)).start()
    assert connects(lambda: realm.connect("alice"))
    with realm.connect("archiver", "archiver.1") as archiver:
        archiver.subscribe(ARCHIVER_FILTERS[0])
    realm.close()
    realm.broker.kill()
    realm.start()
    assert not connects(lambda: realm.connect("alice"))
    wait_for(lambda: connects(lambda: realm.connect("alice")), "alice is let in")
    assert realm.broker.log.count("nightjar: archiver has not subscribed, all may connect") == 1
    realm.close()
    realm.broker.stop()


def test_the_archivers_session_outlives_its_tokens_expiry(realm: Realm, new_user: NewUser) -> None:
    """It is disconnected, subscribed still, and finds with a new token what came meanwhile."""
    alice = new_user("alice")
    session: dict[str, Any] = {"clean": False, "session_seconds": 300}
    archiver = realm.connect("archiver", "archiver.expiry", claims={"ttl": 1}, **session)
    archiver.subscribe(ARCHIVER_FILTERS[0])
    archiver.wait_closed()
    with realm.connect(alice) as writer:
        writer.publish(f"users/bob/inbox/{alice}", b"meanwhile")
    with realm.connect("archiver", "archiver.expiry", **session) as back:
        back.wait_for(b"meanwhile")


def test_a_user_without_rights_to_a_topic_can_still_unsubscribe(realm: Realm, new_user: NewUser) -> None:
    """To leave is always allowed; a publication nobody reads is acknowledged as such."""
    alice = new_user("alice")
    with realm.connect(alice) as peer:
        assert peer.unsubscribe("users/bob/#") in {0, 0x11}
        assert peer.publish(f"users/bob/typing/{alice}", b"1") == NO_SUBSCRIBER


def test_a_new_token_takes_over_the_connection_of_the_old(realm: Realm, new_user: NewUser) -> None:
    """As programs do before their token expires; revoking the old one does not touch the new connection."""
    alice = new_user("alice")
    moment = now_ms()
    old = realm.connect(alice, claims={"iat_ms": moment - 1000})
    new = realm.connect(alice, claims={"iat_ms": moment})
    old.wait_closed()
    assert realm.revoke(Revocation(alice, None, moment)) == 0
    assert new.subscribe(f"users/{alice}/#") == 1
    assert not connects(lambda: realm.connect(alice, claims={"iat_ms": moment - 1}))
    assert new.connected
    realm.close()
