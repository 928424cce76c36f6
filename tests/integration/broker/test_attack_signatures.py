"""Forged signatures and headers: near a right one, each accepted by a broker without the plugin."""

import base64
import json
from collections.abc import Callable

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.integration.broker.conftest import Arena, NewUser
from tests.support.broker import Realm
from tests.support.forger import Forger, encode
from tests.support.peer import connects
from tests.support.tokens import KeyPair, mqtt_claims
from wire.tokens import user_acl

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def _signature(change: Callable[[bytes], bytes]) -> Callable[[Forger], str]:
    """Alter the bytes of a right signature."""

    def forge(forger: Forger) -> str:
        head, _, signature = forger.good().rpartition(".")
        return f"{head}.{encode(change(base64.urlsafe_b64decode(signature + '=='))).decode()}"

    return forge


def _number(which: int, number: int) -> Callable[[Forger], str]:
    """Put a number in the place of r (0) or s (1)."""
    content = number.to_bytes(32, "big")
    return _signature(lambda right: content + right[32:] if which == 0 else right[:32] + content)


def _as_der(signature: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))


def _spelled(change: Callable[[str], str]) -> Callable[[Forger], str]:
    """Write the same signature in another way."""

    def forge(forger: Forger) -> str:
        head, _, signature = forger.good().rpartition(".")
        return f"{head}.{change(signature)}"

    return forge


def _with_loose_bits(encoded: str) -> str:
    """Set bits of the last digit that belong to no byte; a lenient decoder overlooks them."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return encoded[:-1] + digits[digits.index(encoded[-1]) + 1]


def _in_the_other_alphabet(forger: Forger) -> str:
    """Write `+` and `/` for `-` and `_` in a signature that has some."""
    token = next(token for token in iter(forger.good, "") if set(token.rpartition(".")[2]) & set("-_"))
    head, _, signature = token.rpartition(".")
    return f"{head}.{signature.replace('-', '+').replace('_', '/')}"


def _loose_bits_in_the_claims(forger: Forger) -> str:
    """Sign claims whose last digit has bits that belong to no byte."""
    text = json.dumps(forger.claims).encode()
    head, claims = encode(json.dumps(forger.header).encode()), encode(text + b" " * ((1 - len(text)) % 3))
    message = f"{head.decode()}.{_with_loose_bits(claims.decode())}".encode()
    return (message + b"." + encode(_es256(forger, message))).decode()


def _es256(forger: Forger, message: bytes) -> bytes:
    return jwt.get_algorithm_by_name("ES256").sign(message, forger.key.private)


def _header(**changes: object) -> Callable[[Forger], str]:
    """Sign another header with the right key."""
    return lambda forger: forger.sign({**forger.header, **changes}, lambda message: _es256(forger, message))


def _algorithm_twice(forger: Forger) -> str:
    text = json.dumps(forger.header)
    message = b".".join(
        encode(part) for part in (f'{{"alg": "none", {text[1:]}'.encode(), json.dumps(forger.claims).encode())
    )
    return (message + b"." + encode(_es256(forger, message))).decode()


FORGERIES: dict[str, Callable[[Forger], str]] = {
    "a signature with its last bit altered": _signature(lambda right: right[:-1] + bytes([right[-1] ^ 1])),
    "r and s in each other's place": _signature(lambda right: right[32:] + right[:32]),
    "a signature one byte short": _signature(lambda right: right[:-1]),
    "a signature one byte long": _signature(lambda right: right + b"\0"),
    "a signature with a zero before each number": _signature(lambda right: b"\0" + right[:32] + b"\0" + right[32:]),
    "half a signature": _signature(lambda right: right[:32]),
    "a signature twice": _signature(lambda right: right * 2),
    "a signature in DER": _signature(_as_der),
    "an r of zero": _number(0, 0),
    "an s of zero": _number(1, 0),
    "an r of the order": _number(0, P256_ORDER),
    "an s of the order": _number(1, P256_ORDER),
    "an r of all ones": _number(0, 2**256 - 1),
    "an s of all ones": _number(1, 2**256 - 1),
    "a signature with loose bits": _spelled(_with_loose_bits),
    "a padded signature": _spelled(lambda encoded: encoded + "=="),
    "a signature in base64's other alphabet": _in_the_other_alphabet,
    "a signature and a line end": _spelled(lambda encoded: encoded + "\n"),
    "a signature and a letter more": _spelled(lambda encoded: encoded + "A"),
    "a space within the signature": _spelled(lambda encoded: encoded[:40] + " " + encoded[40:]),
    "claims with loose bits": _loose_bits_in_the_claims,
    "es256 in small letters": _header(alg="es256"),
    "ES256 and a space": _header(alg="ES256 "),
    "ES256K": _header(alg="ES256K"),
    "a right signature called ES384": _header(alg="ES384"),
    "a right signature called HS256": _header(alg="HS256"),
    "a right signature called none": _header(alg="none"),
    "a list of algorithms": _header(alg=["ES256"]),
    "an algorithm of null": _header(alg=None),
    "two algorithms": _algorithm_twice,
    "another type of token": _header(typ="at+jwt"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_signature(arena: Arena, new_user: NewUser, forgery: str) -> None:
    """Whatever is not a right signature in its one spelling, under a header that says so, opens no connection."""
    user = new_user("eve")
    claims = mqtt_claims(user, f"{user}.x", user_acl(user))
    token = FORGERIES[forgery](Forger(claims, arena.realm.key if arena.realm else KeyPair.new()))
    arena.verdict(connects(lambda: arena.connect(user, f"{user}.x", token=token)))


@pytest.mark.parametrize("header", [{"typ": "jwt"}, {"typ": None}, {"x": [1]}], ids=["jwt", "no type", "more"])
def test_a_good_header_is_accepted(realm: Realm, new_user: NewUser, header: dict[str, object]) -> None:
    """The refusals of headers above are not for the wrong reason either."""
    user = new_user("alice")
    forger = Forger(mqtt_claims(user, f"{user}.x", user_acl(user)), realm.key)
    assert connects(lambda: realm.connect(user, f"{user}.x", token=_header(**header)(forger)))


def test_every_good_signature_is_accepted(realm: Realm, new_user: NewUser) -> None:
    """Numbers that begin with zeros, or with ones, are numbers as well: none of many signatures is refused."""
    user = new_user("alice")
    forger = Forger(mqtt_claims(user, f"{user}.x", user_acl(user)), realm.key)
    assert all(connects(lambda: realm.connect(user, f"{user}.x", token=forger.good())) for _ in range(100))
