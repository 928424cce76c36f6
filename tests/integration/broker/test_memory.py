"""The broker's memory does not grow with connections that come and go, nor stay with what waited once.

`NIGHTJAR_TEST_CONNECTS=1000000 pytest -s tests/integration/broker/test_memory.py` takes about half an hour.
"""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.broker import Broker, Realm
from tests.support.raw_mqtt import CONNACK, PUBACK, RawConnection, Will, connect_packet, publish_packet
from tests.support.storm import storm
from tests.support.tokens import KeyPair, mint
from wire.tokens import user_acl
from wire.topics import ARCHIVER_FILTERS, inbox

CONNECTS = int(os.environ.get("NIGHTJAR_TEST_CONNECTS", "16000"))
WARM_UP = 4000
"""Connections after which the broker and its libraries have what they keep for good."""
GROWTH_KIB = 1024
"""How much it may grow after that, whatever the number of connections."""
QUEUED, QUEUED_BYTES = 30_000, 1000
KEPT_KIB = 8 * 1024
"""What may be left of 30 MB that waited."""
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


@pytest.mark.timeout(max(300, CONNECTS // 200))
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


def _kinds(connection: RawConnection, count: int) -> set[int | None]:
    """Read so many packets and say of what types they are."""
    answers = [connection.read() for _ in range(count)]
    return {answer.kind if answer else None for answer in answers}


def _queue(realm: Realm) -> None:
    """Let messages wait for an archiver that is away; meanwhile people come, and stay, whose memory is behind them."""
    with realm.connect("archiver", "archiver.1", clean=False, session_seconds=3600) as archiver:
        for topic_filter in ARCHIVER_FILTERS:
            assert archiver.subscribe(topic_filter) == 1
    packet = publish_packet(inbox("bob", "alice"), bytes(QUEUED_BYTES))
    name = "alice.aaaaaaaaaa"
    with RawConnection(realm.broker.port) as alice:
        alice.send(connect_packet(name, "alice", realm.token("alice", name)))
        assert _kinds(alice, 1) == {CONNACK}
        for number in range(QUEUED // 1000):
            alice.send(packet * 1000)
            assert _kinds(alice, 1000) == {PUBACK}
            realm.connect(f"user{number}")


def test_what_waited_is_given_back_when_it_waits_no_more(realm_in_release: Realm) -> None:
    """The allocator alone would keep nearly all of it, because of the little that was allocated after it."""
    broker = realm_in_release.broker
    before = broker.resident_kib()
    _queue(realm_in_release)
    most = broker.resident_kib()
    assert (most - before) * 1024 > QUEUED * QUEUED_BYTES
    with realm_in_release.connect("archiver", "archiver.1"):  # a clean start: the session is gone
        deadline = time.monotonic() + 60
        while broker.resident_kib() - before > KEPT_KIB and time.monotonic() < deadline:
            time.sleep(0.1)
    after = broker.resident_kib()
    assert after - before < KEPT_KIB, f"{before} KiB before, {most} while it waited, {after} afterwards"
