"""Attacks with forged, altered and borrowed tokens, each accepted by a broker without the plugin."""

import base64
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.integration.broker.conftest import Arena, NewUser
from tests.support.broker import Realm
from tests.support.forger import Forger, encode
from tests.support.peer import connects
from tests.support.raw_mqtt import CONNACK, RawConnection, connect_packet, text
from tests.support.tokens import REMOVE, KeyPair, mint, mqtt_claims
from wire.tokens import user_acl

NOT_AUTHORIZED = 0x87


def _without_algorithm(forger: Forger) -> str:
    return forger.sign({**forger.header, "alg": "none"}, lambda _: b"")


def _none_with_a_stolen_signature(forger: Forger) -> str:
    return _without_algorithm(forger) + forger.good().rpartition(".")[2]


def _public_key_as_secret(forger: Forger) -> str:
    secret = forger.key.public_pem
    return forger.sign({**forger.header, "alg": "HS256"}, lambda message: hmac.digest(secret, message, "sha256"))


def _es256_header_over_hmac(forger: Forger) -> str:
    return forger.sign(forger.header, lambda message: hmac.digest(forger.key.public_pem, message, "sha256") * 2)


def _es384(forger: Forger) -> str:
    key = ec.generate_private_key(ec.SECP384R1())
    return jwt.encode(forger.claims, key, "ES384", headers={"kid": forger.key.kid})


def _rs256(forger: Forger) -> str:
    key = rsa.generate_private_key(65537, 2048)
    return jwt.encode(forger.claims, key, "RS256", headers={"kid": forger.key.kid})


def _another_key(forger: Forger) -> str:
    return jwt.encode(forger.claims, KeyPair.new().private, "ES256", headers={"kid": forger.key.kid})


def _unknown_key(forger: Forger) -> str:
    other = KeyPair.new()
    return jwt.encode(forger.claims, other.private, "ES256", headers={"kid": other.kid})


def _no_key_id(forger: Forger) -> str:
    return jwt.encode(forger.claims, forger.key.private, "ES256")


def _key_id(kid: object) -> Callable[[Forger], str]:
    def forge(forger: Forger) -> str:
        header = {**forger.header, "kid": kid}
        return forger.sign(header, lambda _: base64.urlsafe_b64decode(forger.good().rpartition(".")[2] + "=="))

    return forge


def _own_key_in_the_header(forger: Forger) -> str:
    own = KeyPair.new()
    jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(own.private.public_key()))
    return jwt.encode(forger.claims, own.private, "ES256", headers={"kid": forger.key.kid, "jwk": jwk})


def _critical(forger: Forger) -> str:
    return jwt.encode(
        forger.claims, forger.key.private, "ES256", headers={"kid": forger.key.kid, "crit": ["b64"], "b64": True}
    )


def _altered_claims(forger: Forger) -> str:
    header, _, signature = forger.good().split(".")
    claims = encode(json.dumps({**forger.claims, "exp": int(time.time()) + 86000}).encode()).decode()
    return f"{header}.{claims}.{signature}"


def _altered_signature(forger: Forger) -> str:
    head, _, signature = forger.good().rpartition(".")
    return f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def _empty_signature(forger: Forger) -> str:
    return forger.good().rpartition(".")[0] + "."


def _zero_signature(forger: Forger) -> str:
    return forger.good().rpartition(".")[0] + "." + encode(bytes(64)).decode()


def _two_parts(forger: Forger) -> str:
    return forger.good().rpartition(".")[0]


def _a_part_more(forger: Forger) -> str:
    return forger.good() + ".e30"


def _padding(forger: Forger) -> str:
    header, claims, signature = forger.good().split(".")
    return f"{header}==.{claims}.{signature}"


def _access_token(forger: Forger) -> str:
    return forger.good(aud="api")


def _twice(forger: Forger) -> str:
    text = json.dumps(forger.claims)
    return forger.raw_claims(f'{{"client_id": "x", {text[1:]}'.encode())


FORGERIES: dict[str, Callable[[Forger], str]] = {
    "no algorithm": _without_algorithm,
    "no algorithm and a stolen signature": _none_with_a_stolen_signature,
    "no algorithm, spelled otherwise": lambda forger: forger.sign({**forger.header, "alg": "None"}, lambda _: b""),
    "HS256 with the public key as secret": _public_key_as_secret,
    "an HMAC under a header that says ES256": _es256_header_over_hmac,
    "ES384": _es384,
    "RS256": _rs256,
    "signed by another key under a known id": _another_key,
    "signed by an unknown key": _unknown_key,
    "no key id": _no_key_id,
    "a key id that is a path": _key_id("../keys/key"),
    "a key id that is empty": _key_id(""),
    "a key id that is a number": _key_id(1),
    "a key id that is too long": _key_id("a" * 1000),
    "a key of one's own in the header": _own_key_in_the_header,
    "a critical extension": _critical,
    "altered claims": _altered_claims,
    "an altered signature": _altered_signature,
    "an empty signature": _empty_signature,
    "a signature of zeros": _zero_signature,
    "two parts": _two_parts,
    "four parts": _a_part_more,
    "padded base64": _padding,
    "no token but a word": lambda _: "password",
    "dots": lambda _: "..",
    "an access token for REST": _access_token,
    "claims that are no JSON": lambda forger: forger.raw_claims(b'{"sub": '),
    "claims that are a list": lambda forger: forger.raw_claims(b"[]"),
    "claims that are no UTF-8": lambda forger: forger.raw_claims(b'{"sub": "\xff"}'),
    "claims nested without end": lambda forger: forger.raw_claims(b'{"acl":' + b"[" * 30000),
    "a claim that stands there twice": _twice,
}


def _no_claim(name: str) -> Callable[[int], dict[str, Any]]:
    return lambda _: {name: REMOVE}


CHANGED_CLAIMS: dict[str, Callable[[int], dict[str, Any]]] = {
    **{f"no {name}": _no_claim(name) for name in ("iss", "aud", "sub", "client_id", "iat_ms", "exp", "acl")},
    "another issuer": lambda _: {"iss": "nightjar2"},
    "an issuer that is a list": lambda _: {"iss": ["nightjar"]},
    "another audience": lambda _: {"aud": "mqtts"},
    "a list of other audiences": lambda _: {"aud": ["api", "mqtt2"]},
    "an empty list of audiences": lambda _: {"aud": []},
    "an audience that is a number": lambda _: {"aud": ["mqtt", 1]},
    "an empty subject": lambda _: {"sub": ""},
    "a subject that is a number": lambda _: {"sub": 1},
    "an expiry in the past": lambda now: {"exp": now - 1},
    "an expiry right now": lambda now: {"exp": now},
    "an expiry at the beginning of time": lambda _: {"exp": 0},
    "a negative expiry": lambda _: {"exp": -1},
    "a huge expiry": lambda _: {"exp": 2**63 - 1},
    "an expiry past all integers": lambda _: {"exp": 2**70},
    "an expiry with a fraction": lambda now: {"exp": now + 60.5},
    "an expiry as text": lambda now: {"exp": str(now + 60)},
    "an expiry of true": lambda _: {"exp": True},
    "issued in a minute": lambda now: {"iat": now + 60},
    "issued at a negative time": lambda _: {"iat": -1},
    "issued at no time": lambda _: {"iat": "now"},
    "not valid before a minute has passed": lambda now: {"nbf": now + 60},
    "not valid before null": lambda _: {"nbf": None},
    "milliseconds of issue with a fraction": lambda now: {"iat_ms": now * 1000 + 0.5},
    "milliseconds of issue to come": lambda now: {"iat_ms": (now + 60) * 1000},
    "negative milliseconds of issue": lambda _: {"iat_ms": -1},
    "milliseconds of issue past all integers": lambda _: {"iat_ms": 2**64},
    "a life of more than a day": lambda now: {"exp": now + 86400 + 60},
    "a life of more than a day, issued long ago": lambda now: {"iat_ms": (now - 86400) * 1000, "exp": now + 60},
    "an acl that is an object": lambda _: {"acl": {}},
    "an acl that is null": lambda _: {"acl": None},
}
RULE = {"permission": "allow", "action": "publish", "topic": "a/b"}
BAD_RULES: dict[str, object] = {
    "no object": "allow",
    "no permission": {"action": "publish", "topic": "a/b"},
    "a denial": {**RULE, "permission": "deny"},
    "no action": {"permission": "allow", "topic": "a/b"},
    "an unknown action": {**RULE, "action": "pub"},
    "no topic": {"permission": "allow", "action": "publish"},
    "an empty topic": {**RULE, "topic": ""},
    "a topic that is a list": {**RULE, "topic": ["a/b"]},
    "a hash inside": {**RULE, "topic": "a/#/b"},
    "a hash within a level": {**RULE, "topic": "a/b#"},
    "a plus within a level": {**RULE, "topic": "a/b+"},
    "a share without a filter": {**RULE, "topic": "$share/x"},
    "a share with a wildcard name": {**RULE, "topic": "$share/+/a"},
    "a NUL in the topic": {**RULE, "topic": "a\0b"},
    "retain as text": {**RULE, "retain": "false"},
    "retain as a number": {**RULE, "retain": 1},
    "a condition that is not known": {**RULE, "qos": [0]},
}


def _forger(arena: Arena, user: str, client_id: str) -> Forger:
    claims = mqtt_claims(user, client_id, user_acl(user))
    return Forger(claims, arena.realm.key if arena.realm else KeyPair.new())


def _accepted(arena: Arena, user: str, client_id: str, token: str, version: int = 5) -> bool:
    return connects(lambda: arena.connect(user, client_id, token=token, version=version))


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token(arena: Arena, new_user: NewUser, forgery: str) -> None:
    """A token that nobody issued opens no connection."""
    user = new_user("eve")
    token = FORGERIES[forgery](_forger(arena, user, f"{user}.x"))
    arena.verdict(_accepted(arena, user, f"{user}.x", token))


@pytest.mark.parametrize(("version", "connack"), [(4, b"\x00\x05"), (5, b"\x00\x87")], ids=["3.1.1", "5"])
def test_a_refusal_says_not_authorized(realm: Realm, version: int, connack: bytes) -> None:
    """Whatever is wrong, the CONNACK says the same: it is no help in guessing."""
    with RawConnection(realm.broker.port) as connection:
        connection.send(connect_packet("eve.x", "eve", "password", version=version))
        answer = connection.read()
        assert answer
        assert answer.kind == CONNACK
        assert answer.body[:2] == connack
        assert connection.read() is None


@pytest.mark.parametrize("version", [4, 5], ids=["3.1.1", "5"])
def test_a_forged_token_over_either_protocol(arena: Arena, new_user: NewUser, version: int) -> None:
    """The protocol makes no difference but in the code of the refusal."""
    user = new_user("eve")
    token = _public_key_as_secret(_forger(arena, user, f"{user}.x"))
    arena.verdict(_accepted(arena, user, f"{user}.x", token, version))


@pytest.mark.parametrize("change", CHANGED_CLAIMS)
def test_a_token_with_wrong_claims(arena: Arena, new_user: NewUser, change: str) -> None:
    """A good signature does not make up for claims that are missing, wrong, or not yet or no longer true."""
    user = new_user("eve")
    forger = _forger(arena, user, f"{user}.x")
    token = forger.good(**CHANGED_CLAIMS[change](int(time.time())))
    arena.verdict(_accepted(arena, user, f"{user}.x", token))


@pytest.mark.parametrize("rule", BAD_RULES)
def test_a_token_with_a_malformed_rule(arena: Arena, new_user: NewUser, rule: str) -> None:
    """One rule that cannot be understood refuses the token: it might have been meant as a restriction."""
    user = new_user("eve")
    forger = _forger(arena, user, f"{user}.x")
    token = forger.good(acl=[*forger.claims["acl"], BAD_RULES[rule]])
    arena.verdict(_accepted(arena, user, f"{user}.x", token))


def test_someone_elses_token(arena: Arena, new_user: NewUser) -> None:
    """A user name is good only with a token of its own, and so is a client id."""
    alice, eve = new_user("alice"), new_user("eve")
    token = arena.realm.token(eve, f"{eve}.x") if arena.realm else "password"
    arena.verdict(_accepted(arena, alice, f"{eve}.x", token))
    arena.verdict(_accepted(arena, eve, f"{eve}.y", token))
    arena.verdict(_accepted(arena, eve.upper(), f"{eve}.x", token))


def test_no_password_at_all(arena: Arena, new_user: NewUser) -> None:
    """Nor is a user name alone enough."""
    user = new_user("eve")
    arena.verdict(_accepted(arena, user, f"{user}.x", ""))


def test_another_way_to_authenticate(realm: Realm, new_user: NewUser) -> None:
    """MQTT 5 lets a client name a method of its own instead; none but the token is known here."""
    user = new_user("eve")
    method = b"\x15" + text("token")
    with RawConnection(realm.broker.port) as connection:
        connection.send(connect_packet(f"{user}.x", user, realm.token(user, f"{user}.x"), properties=method))
        answer = connection.read()
        assert answer is None or (answer.kind == CONNACK and answer.body[1] >= 0x80)
        assert connection.read() is None


def test_a_second_connect(realm: Realm, new_user: NewUser) -> None:
    """Nobody becomes somebody else on a connection that is open already."""
    alice, eve = new_user("alice"), new_user("eve")
    with RawConnection(realm.broker.port) as connection:
        connection.send(connect_packet(f"{eve}.x", eve, realm.token(eve, f"{eve}.x")))
        assert connection.read_until(CONNACK)
        connection.send(connect_packet(f"{alice}.x", alice, realm.token(alice, f"{alice}.x")))
        assert connection.read_until(CONNACK) is None


GOOD_CLAIMS: dict[str, Callable[[int], dict[str, Any]]] = {
    "nothing special": lambda _: {},
    "a list of audiences": lambda _: {"aud": ["api", "mqtt"]},
    "no iat": lambda _: {"iat": REMOVE},
    "a clock that is a little ahead": lambda now: {"iat": now + 20, "nbf": now + 20, "iat_ms": (now + 20) * 1000},
    "a life of a day": lambda now: {"iat_ms": now * 1000, "exp": now + 86400},
    "an unknown claim": lambda _: {"jti": "1", "device": {"name": "x"}},
}


@pytest.mark.parametrize("change", GOOD_CLAIMS)
def test_a_good_token_is_accepted(realm: Realm, new_user: NewUser, change: str) -> None:
    """The refusals above are not for the wrong reason: close to each stands a token that is accepted."""
    user = new_user("alice")
    claims = GOOD_CLAIMS[change](int(time.time()))
    assert connects(lambda: realm.connect(user, claims=claims))


def test_a_token_may_permit_nothing(realm: Realm, new_user: NewUser) -> None:
    """An empty acl is a well-formed one."""
    user = new_user("alice")
    with realm.connect(user, acl=[]) as peer:
        assert peer.subscribe(f"users/{user}/#") == NOT_AUTHORIZED


def test_a_service_lives_longer_than_users(realm: Realm) -> None:
    """The archiver's token is good for a year; the same life is refused to a user above."""
    assert connects(lambda: realm.connect("archiver", "archiver.9", claims={"ttl": 365 * 86400}))


def test_a_token_of_many_rules_is_accepted(realm: Realm, new_user: NewUser) -> None:
    """Somebody in many groups has a large token; what is in its last rule counts as well."""
    user = new_user("alice")
    groups = [rule for number in range(100) for rule in user_acl(f"group{number:04}")[:2]]
    with realm.connect(user, acl=[*groups, *user_acl(user)]) as peer:
        assert peer.subscribe("users/group0099/#") == 1
        assert peer.subscribe("users/group0100/#") == 0x87
        assert peer.publish(f"users/bob/inbox/{user}", b"hello") in {0, 0x10}


def test_a_token_is_not_in_the_log(realm: Realm, new_user: NewUser) -> None:
    """Refused or not, a token stays between the client and the broker."""
    user = new_user("eve")
    good, bad = realm.token(user, f"{user}.x"), mint(KeyPair.new(), user, f"{user}.x", [])
    assert connects(lambda: realm.connect(user, f"{user}.x", token=good))
    assert not connects(lambda: realm.connect(user, f"{user}.x", token=bad))
    assert f"{user}.x from 127.0.0.1 is refused: no such key" in realm.broker.log
    assert good not in realm.broker.log
    assert bad not in realm.broker.log
