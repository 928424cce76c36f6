"""The broker's memory does not grow with connections that come and go.

`NIGHTJAR_TEST_CONNECTS=1000000 pytest -s tests/integration/broker/test_memory.py` takes about half an hour.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.broker import Broker, Realm
from tests.support.raw_mqtt import Will, connect_packet
from tests.support.storm import storm
from tests.support.tokens import KeyPair, mint
from wire.tokens import user_acl

CONNECTS = int(os.environ.get("NIGHTJAR_TEST_CONNECTS", "16000"))
WARM_UP = 4000
"""Connections after which the broker and its libraries have what they keep for good."""
GROWTH_KIB = 1024
"""How much it may grow after that, whatever the number of connections."""
SESSION_EXPIRY = b"\x11\x00\x00\x00\x01"


@pytest.fixture
def realm_in_release(plugin: Path, tmp_path: Path) -> Iterator[Realm]:
    """Run a broker with the plugin as it is delivered: the sanitisers keep freed memory."""
    realm = Realm(Broker(tmp_path, plugin, {"log_type": "error"}))
    yield realm.start()
    realm.close()
    realm.broker.stop()


def _connects(key: KeyPair) -> Sequence[bytes]:
    """Prepare CONNECTs of many clients: good ones of every kind, and bad tokens of three kinds."""
    made: list[bytes] = []
    for number in range(300):
        user = f"user{number}"
        name = f"{user}.aaaaaaaaaa"
        token = mint(key, user, name, user_acl(user), ttl=86000)
        will = Will(f"users/{user}/presence", b"offline", retain=True)
        made += [
            connect_packet(name, user, token),
            connect_packet(name, user, token, version=4),
            connect_packet(name, user, mint(key, user, name, user_acl(user), ttl=85000)),
            connect_packet(f"{user}.b", user, mint(key, user, f"{user}.b", user_acl(user), ttl=86000), will=will),
            connect_packet(name, user, token, clean=False, properties=SESSION_EXPIRY),
            connect_packet(name, user, token[:-4] + "AAAA"),
            connect_packet(name, user, mint(key, user, name, user_acl(user), exp=1)),
            connect_packet(name, user, "no token"),
        ]
    return made


@pytest.mark.timeout(max(120, CONNECTS // 200))
def test_memory_does_not_grow_with_connections(realm_in_release: Realm) -> None:
    """Accepted, refused, with a will, with a session: the broker holds no more after many than after some."""
    broker = realm_in_release.broker
    connects = _connects(realm_in_release.key)
    accepted, refused = storm(broker.port, connects, WARM_UP)
    before, done, steps = broker.resident_kib(), WARM_UP, [10_000, 100_000, CONNECTS]
    for step in sorted({step for step in steps if WARM_UP < step <= CONNECTS}):
        more, less = storm(broker.port, connects, step - done)
        accepted, refused, done = accepted + more, refused + less, step
        print(f"{done} connects: {broker.resident_kib()} KiB")  # noqa: T201  # the figure is what the long run is for
    after = broker.resident_kib()
    assert accepted > refused > 0
    assert accepted + refused == CONNECTS
    assert after - before < GROWTH_KIB, f"{before} KiB after {WARM_UP} connects, {after} KiB after {CONNECTS}"
