"""Attacks with tokens that were good once: expired, revoked, replayed; each works on a broker without the plugin."""

import time
from contextlib import suppress

import pytest

from tests.integration.broker.conftest import Arena, NewUser, RealmFactory
from tests.support.broker import Realm
from tests.support.peer import Peer, RefusedError, connects, now_ms
from tests.support.raw_mqtt import DISCONNECT, RawConnection, connect_packet, publish_packet
from tests.support.stack import wait_for
from wire.control import Revocation

ADMINISTRATIVE_ACTION = 0x98
both_versions = pytest.mark.parametrize("version", [4, 5], ids=["3.1.1", "5"])


def _revoke(arena: Arena, user: str, client_id: str | None = None) -> None:
    """End what a user has, as far as the broker lets anybody do that."""
    if arena.realm:
        assert arena.realm.revoke(Revocation(user, client_id, now_ms() + 1)) == 0


def test_an_expired_token(arena: Arena, new_user: NewUser) -> None:
    """A token is good until its expiry and not a second longer."""
    eve = new_user("eve")
    arena.verdict(connects(lambda: arena.connect(eve, claims={"ttl": -1})))


@both_versions
def test_a_connection_kept_open_past_its_tokens_expiry(arena: Arena, new_user: NewUser, version: int) -> None:
    """Eve connects just before her token expires and never disconnects."""
    eve = new_user("eve")
    expires = int(time.time()) + 2
    peer = arena.connect(eve, claims={"exp": expires}, version=version)
    if arena.guarded:
        peer.wait_closed()
        assert expires <= time.time() < expires + 1.5
    wait_for(lambda: time.time() > expires + 1, "the token's expiry")
    arena.verdict(peer.connected)


def test_expiry_is_told_to_an_mqtt_5_client(realm: Realm, new_user: NewUser) -> None:
    """The DISCONNECT says administrative action; the next connection needs a new token."""
    eve = new_user("eve")
    token = realm.token(eve, f"{eve}.x", ttl=2)
    with RawConnection(realm.broker.port) as connection:
        connection.send(connect_packet(f"{eve}.x", eve, token))
        last = connection.read_until(DISCONNECT)
        assert last
        assert last.body[0] == ADMINISTRATIVE_ACTION
    assert not connects(lambda: realm.connect(eve, f"{eve}.x", token=token))
    assert connects(lambda: realm.connect(eve, f"{eve}.x"))


def test_the_will_of_a_client_whose_token_expires_is_published(realm: Realm, new_user: NewUser) -> None:
    """Who lets a token expire has gone away, and those who look at the presence should see it."""
    alice, bob = new_user("alice"), new_user("bob")
    reader = realm.connect(bob)
    reader.subscribe("users/+/presence")
    realm.connect(alice, claims={"ttl": 1}, will=(f"users/{alice}/presence", b"gone", True))
    assert reader.wait_for(b"gone").topic == f"users/{alice}/presence"
    realm.close()


@both_versions
def test_a_connection_whose_token_is_revoked(arena: Arena, new_user: NewUser, version: int) -> None:
    """After the logout has been confirmed nothing goes in or out, however open the connection was."""
    eve, bob = new_user("eve"), new_user("bob")
    reader, peer = arena.connect(bob), arena.connect(eve, version=version)
    reader.subscribe(f"users/{bob}/inbox/+")
    peer.subscribe(f"users/{eve}/inbox/+")

    _revoke(arena, eve)

    if arena.guarded:
        code = peer.wait_closed()
        assert version == 4 or code == ADMINISTRATIVE_ACTION
    else:
        peer.publish(f"users/{bob}/inbox/{eve}", b"after the logout")
        reader.wait_for(b"after the logout")
    arena.verdict(peer.connected)


def test_what_is_sent_after_the_confirmation_is_not_delivered(realm: Realm, new_user: NewUser) -> None:
    """Eve goes on sending while she is logged out; nothing that she sends after the answer arrives."""
    bob, carol, eve = new_user("bob"), new_user("carol"), new_user("eve")
    reader = realm.connect(bob)
    reader.subscribe(f"users/{bob}/#")
    with RawConnection(realm.broker.port) as sender:
        sender.send(connect_packet(f"{eve}.x", eve, realm.token(eve, f"{eve}.x")))
        sender.read()
        sender.send(publish_packet(f"users/{bob}/inbox/{eve}", b"before", qos=0))
        assert realm.revoke(Revocation(eve, None, now_ms() + 1)) == 0
        with suppress(ConnectionError):
            for _ in range(100):
                sender.send(publish_packet(f"users/{bob}/inbox/{eve}", b"too late", qos=0))
    realm.connect(carol).publish(f"users/{bob}/inbox/{carol}", b"in time")
    reader.wait_for(b"in time")
    assert reader.received(b"before")
    assert not reader.received(b"too late")
    realm.close()


def test_a_token_replayed_after_logout(arena: Arena, new_user: NewUser) -> None:
    """Eve copied alice's token before she logged out."""
    alice = new_user("alice")
    client_id = f"{alice}.x"
    token = arena.realm.token(alice, client_id) if arena.realm else "password"
    assert connects(lambda: arena.connect(alice, client_id, token=token))
    _revoke(arena, alice, client_id)
    arena.verdict(connects(lambda: arena.connect(alice, client_id, token=token)))


def test_the_will_of_a_revoked_client(arena: Arena, new_user: NewUser) -> None:
    """A logout must not be answered with a last message in the name of who was logged out."""
    bob, eve = new_user("bob"), new_user("eve")
    reader = arena.connect(bob)
    reader.subscribe(f"users/{bob}/inbox/+")
    peer = arena.connect(eve, will=(f"users/{bob}/inbox/{eve}", b"the last word", False))

    _revoke(arena, eve)
    if arena.guarded:
        peer.wait_closed()
    peer.drop()
    arena.connect(eve, f"{eve}.again").publish(f"users/{bob}/inbox/{eve}", b"a new session")

    reader.wait_for(b"a new session")
    if not arena.guarded:
        reader.wait_for(b"the last word")
    arena.verdict(reader.received(b"the last word"))


@pytest.mark.parametrize("session_seconds", [0, 60])
def test_the_delayed_will_of_a_client_that_is_revoked_meanwhile(
    arena: Arena, new_user: NewUser, session_seconds: int
) -> None:
    """The connection is lost before the logout, the delay ends after it."""
    bob, eve = new_user("bob"), new_user("eve")
    reader = arena.connect(bob)
    reader.subscribe(f"users/{bob}/inbox/+")
    will = (f"users/{bob}/inbox/{eve}", b"the last word", False)
    arena.connect(eve, will=will, will_delay=2, session_seconds=session_seconds).drop()
    _revoke(arena, eve)
    again = (f"users/{bob}/inbox/{eve}", b"another will", False)
    arena.connect(eve, f"{eve}.again", will=again, will_delay=3, session_seconds=60).drop()

    reader.wait_for(b"another will")
    arena.verdict(reader.received(b"the last word"))


def test_a_session_kept_for_a_revoked_client(arena: Arena, new_user: NewUser) -> None:
    """The session outlives the connection, but its subscriptions do not outlive the revocation."""
    alice, eve = new_user("alice"), new_user("eve")
    peer = arena.connect(eve, session_seconds=60)
    peer.subscribe(f"users/{eve}/inbox/+")
    _revoke(arena, eve)
    if arena.guarded:
        peer.wait_closed()
    peer.drop()
    arena.connect(alice).publish(f"users/{eve}/inbox/{alice}", b"after the logout")

    back = arena.connect(eve, clean=False, session_seconds=60)
    back.subscribe(f"users/{eve}/typing/+")
    arena.connect(alice, f"{alice}.2").publish(f"users/{eve}/typing/{alice}", b"now")
    back.wait_for(b"now")
    arena.verdict(back.received(b"after the logout"))


def test_only_older_tokens_are_revoked(realm: Realm, new_user: NewUser) -> None:
    """A device that logged in after the moment of the revocation stays connected; the order of arrival is no matter."""
    alice = new_user("alice")
    moment = now_ms()
    old = realm.connect(alice, f"{alice}.old", claims={"iat_ms": moment - 1})
    new = realm.connect(alice, f"{alice}.new", claims={"iat_ms": moment})
    assert realm.revoke(Revocation(alice, None, moment)) == 0
    old.wait_closed()
    assert new.connected
    assert new.subscribe(f"users/{alice}/#") == 1
    assert realm.revoke(Revocation(alice, None, moment - 1000)) == 0, "an older one does not weaken it"
    assert not connects(lambda: realm.connect(alice, f"{alice}.old", claims={"iat_ms": moment - 1}))
    realm.close()


def test_one_device_is_revoked_and_the_others_stay(realm: Realm, new_user: NewUser) -> None:
    """A revocation with a client id is about that one; other users with the same device id are other clients."""
    alice, bob = new_user("alice"), new_user("bob")
    one, two = realm.connect(alice, f"{alice}.one"), realm.connect(alice, f"{alice}.two")
    other = realm.connect(bob, f"{bob}.one")
    assert realm.revoke(Revocation(alice, f"{alice}.one", now_ms() + 1)) == 0
    one.wait_closed()
    assert two.subscribe(f"users/{alice}/#") == 1
    assert other.subscribe(f"users/{bob}/#") == 1
    with pytest.raises(RefusedError):
        realm.connect(alice, f"{alice}.one", claims={"iat_ms": now_ms() - 60_000})
    realm.close()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_revoked_token_after_the_broker_has_restarted(new_realm: RealmFactory, end: str) -> None:
    """A revocation that was confirmed holds after an orderly stop, and after a kill -9 at once."""
    realm = new_realm().start()
    token = realm.token("eve", "eve.x")
    assert realm.revoke(Revocation("eve", None, now_ms() + 1)) == 0
    realm.close()

    getattr(realm.broker, end)()
    realm.start()

    assert not connects(lambda: realm.connect("eve", "eve.x", token=token))
    assert "eve.x from 127.0.0.1 is refused: the token is revoked" in realm.broker.log
    assert connects(lambda: realm.connect("alice"))


def test_hundreds_of_connections_are_cut_at_once(realm: Realm, new_user: NewUser) -> None:
    """One message ends all devices of all users it names, and only those."""
    users = [new_user("crowd") for _ in range(100)]
    stays = realm.connect(new_user("alice"))
    connections = []
    for user in users:
        for device in ("a", "b"):
            connection = RawConnection(realm.broker.port)
            connection.send(connect_packet(f"{user}.{device}", user, realm.token(user, f"{user}.{device}")))
            answer = connection.read()
            assert answer
            assert answer.body[1] == 0
            connections.append(connection)
    assert realm.revoke(*(Revocation(user, None, now_ms() + 1) for user in users)) == 0
    for connection in connections:
        assert connection.read_until(DISCONNECT)
        assert connection.read() is None
        connection.close()
    assert stays.connected
    realm.close()


def test_nobody_is_cut_by_a_revocation_of_nobody(realm: Realm, new_user: NewUser) -> None:
    """Somebody the broker has never seen can be revoked like anybody else."""
    peer: Peer = realm.connect(new_user("alice"))
    assert realm.revoke(Revocation("nobody", None, now_ms()), Revocation("nobody", "nobody.x", now_ms())) == 0
    assert peer.connected
    realm.close()
