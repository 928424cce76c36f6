"""Tokens that were let in before: the signature is not computed again, and nothing else is taken for granted."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from tests.integration.broker.conftest import NewUser, RealmFactory
from tests.support.broker import Broker, Realm
from tests.support.forger import encode
from tests.support.peer import connects, now_ms
from tests.support.raw_mqtt import connect_packet
from tests.support.stack import wait_for
from tests.support.storm import storm
from tests.support.tokens import KeyPair, mint, mqtt_claims
from wire.control import Revocation
from wire.tokens import AclRule, user_acl

CONNECTS = 400
"""How many clients connect, in the comparison of costs."""


def _seen(realm: Realm, user: str, token: str) -> None:
    """Connect twice and go away, so that the broker has seen the token, and has used that."""
    for _ in range(2):
        with realm.connect(user, f"{user}.x", token=token):
            pass


def _accepts(realm: Realm, user: str, token: str, client_id: str | None = None) -> bool:
    return connects(lambda: realm.connect(user, client_id or f"{user}.x", token=token))


def _signed(key: KeyPair, kid: str, user: str) -> str:
    """Sign a token that names a key of one's choice."""
    return jwt.encode(mqtt_claims(user, f"{user}.x", user_acl(user)), key.private, "ES256", headers={"kid": kid})


def _why_refused(realm: Realm, client_id: str) -> str:
    """Say what the log gives as the reason of the last refusal of a client id."""
    return realm.broker.log.rpartition(f"{client_id} from 127.0.0.1 is refused: ")[2].partition("\n")[0]


def _cpu_seconds(broker: Broker) -> float:
    return int(Path(f"/proc/{broker.pid}/schedstat").read_text().split()[0]) / 1e9


@pytest.fixture
def realm_in_release(plugin: Path, tmp_path: Path) -> Iterator[Realm]:
    """Run a broker with the plugin as it is delivered: the sanitisers have costs of their own."""
    realm = Realm(Broker(tmp_path, plugin, {"log_type": "error"}))
    try:
        yield realm.start()
    finally:
        realm.close()
        realm.broker.stop()


def test_a_seen_token_costs_less_than_a_new_one(realm_in_release: Realm) -> None:
    """One check of a signature takes longer than all the rest of a CONNECT, so it shows when it is left out."""
    realm = realm_in_release
    packets = [connect_packet(f"u{n}.x", f"u{n}", realm.token(f"u{n}", f"u{n}.x")) for n in range(CONNECTS)]
    costs = []
    for _ in range(4):
        before = _cpu_seconds(realm.broker)
        assert storm(realm.broker.port, packets, CONNECTS) == (CONNECTS, 0)
        costs.append(_cpu_seconds(realm.broker) - before)
    assert min(costs[1:]) < costs[0] * 0.7


def test_a_seen_token_has_the_rights_that_it_says(realm: Realm, new_user: NewUser) -> None:
    """Those of its own access list, no more and no less."""
    user = new_user("alice")
    token = realm.token(user, f"{user}.x", [AclRule("publish", "a/b"), AclRule("subscribe", "c/#")])
    for _ in range(3):
        with realm.connect(user, f"{user}.x", token=token) as peer:
            assert peer.publish("a/b", b"x") in {0, 0x10}
            assert peer.publish("a/c", b"x") == 0x87
            assert peer.subscribe("c/d") == 1
            assert peer.subscribe("d") == 0x87


def test_a_renewed_token_counts_and_the_one_before_stays_good(realm: Realm, new_user: NewUser) -> None:
    """Two tokens of one device are two tokens: each connection has the rights of its own."""
    user = new_user("alice")
    tokens = {name: realm.token(user, f"{user}.x", [AclRule("subscribe", name)]) for name in ("old", "new")}
    for name in ("old", "new", "new", "old", "old", "new"):
        with realm.connect(user, f"{user}.x", token=tokens[name]) as peer:
            assert [peer.subscribe("old"), peer.subscribe("new")] == [1 if name == n else 0x87 for n in tokens]


def test_a_seen_token_that_has_expired_meanwhile(realm: Realm, new_user: NewUser) -> None:
    """It was good until its expiry."""
    user, expires = new_user("eve"), int(time.time()) + 8
    token = realm.token(user, f"{user}.x", exp=expires)
    _seen(realm, user, token)
    wait_for(lambda: time.time() > expires, "the token's expiry")
    assert not _accepts(realm, user, token)
    assert _why_refused(realm, f"{user}.x") == "the token has expired"


@pytest.mark.parametrize("whole", [True, False], ids=["the user", "the device"])
def test_a_seen_token_that_was_revoked_meanwhile(realm: Realm, new_user: NewUser, whole: bool) -> None:
    """A logout ends it as any other."""
    user = new_user("eve")
    token = realm.token(user, f"{user}.x")
    _seen(realm, user, token)
    assert realm.revoke(Revocation(user, None if whole else f"{user}.x", now_ms() + 1)) == 0
    assert not _accepts(realm, user, token)
    assert _why_refused(realm, f"{user}.x") == "the token is revoked"


def test_a_seen_token_under_another_name(realm: Realm, new_user: NewUser) -> None:
    """Neither another user nor another client id gets in by what was right for the first."""
    eve, alice = new_user("eve"), new_user("alice")
    token = realm.token(eve, f"{eve}.x")
    _seen(realm, eve, token)
    assert not _accepts(realm, alice, token, f"{eve}.x")
    assert _why_refused(realm, f"{eve}.x") == "the token is another user's"
    assert not _accepts(realm, eve, token, f"{eve}.y")
    assert _why_refused(realm, f"{eve}.y") == "the token is for another client id"
    assert _accepts(realm, eve, token)


def test_a_token_that_differs_from_a_seen_one(realm: Realm, new_user: NewUser) -> None:
    """In its signature or in its claims: what was signed is the whole text, and only that was seen."""
    user = new_user("eve")
    token = realm.token(user, f"{user}.x")
    _seen(realm, user, token)
    header, claims, signature = token.split(".")
    more = encode(base64.urlsafe_b64decode(claims + "==").replace(b'"users/+/presence"', b'"users/+/inbox/+"')).decode()
    other = "B" if signature[0] == "A" else "A"
    for forged in (f"{header}.{claims}.{other}{signature[1:]}", f"{header}.{more}.{signature}", f"{header}.{claims}."):
        assert forged != token
        assert not _accepts(realm, user, forged)
        assert _why_refused(realm, f"{user}.x") == "the signature is wrong"
    assert _accepts(realm, user, token)


def test_a_refused_token_is_not_one_that_was_seen(realm: Realm, new_user: NewUser) -> None:
    """However often it is tried."""
    user = new_user("eve")
    forged = _signed(KeyPair.new(), realm.key.kid, user)
    for _ in range(3):
        assert not _accepts(realm, user, forged)


def test_a_seen_token_whose_key_was_removed_meanwhile(new_realm: RealmFactory) -> None:
    """A key is removed when it is not to be trusted; put back, its tokens are good again."""
    realm, second = new_realm().start(), KeyPair.new()
    path = second.write_public(realm.broker.keys)
    token = mint(second, "eve", "eve.x", user_acl("eve"))
    _seen(realm, "eve", token)
    stays = realm.connect("eve", "eve.x", token=token)
    path.unlink()
    stays.wait_closed()
    assert not _accepts(realm, "eve", token)
    assert _why_refused(realm, "eve.x") == "no such key"
    second.write_public(realm.broker.keys)
    wait_for(lambda: _accepts(realm, "eve", token), "the key is found again")


def test_a_seen_token_whose_key_was_replaced_meanwhile(new_realm: RealmFactory) -> None:
    """The file's name stays, but it is another key: what the old one has signed is void, though it was seen."""
    realm, old, new = new_realm().start(), KeyPair.new(), KeyPair.new()
    path = realm.broker.keys / "shared.pem"
    path.write_bytes(old.public_pem)
    token = _signed(old, "shared", "eve")
    _seen(realm, "eve", token)
    stays = realm.connect("eve", "eve.x", token=token)
    path.write_bytes(new.public_pem)
    realm.broker.reload()
    stays.wait_closed()
    assert not _accepts(realm, "eve", token)
    assert _why_refused(realm, "eve.x") == "the signature is wrong"


def test_a_token_that_is_too_long_to_be_remembered(realm: Realm, new_user: NewUser) -> None:
    """It is verified each time."""
    user = new_user("alice")
    token = realm.token(user, f"{user}.x", [AclRule("publish", f"a/long/topic/{number}") for number in range(200)])
    for _ in range(3):
        with realm.connect(user, f"{user}.x", token=token) as peer:
            assert peer.publish("a/long/topic/199", b"x") in {0, 0x10}
