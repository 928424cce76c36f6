"""The limits of bytes in mosquitto.conf, each divided by 64: what one client may make the broker hold."""

import struct
from contextlib import suppress
from pathlib import Path

from tests.integration.broker.conftest import RealmFactory
from tests.support.broker import Realm
from tests.support.raw_mqtt import (
    PUBACK,
    PUBLISH,
    SUBACK,
    RawConnection,
    connect_packet,
    puback_packet,
    publish_packet,
    subscribe_packet,
)
from tests.support.stack import wait_for
from wire.topics import ARCHIVER_FILTERS

CONFIGURATION = Path(__file__).resolve().parents[3] / "mosquitto" / "mosquitto.conf"
BODY = bytes(128 * 1024)
TOPIC = "users/bob/inbox/alice"
SESSION = b"\x11\x00\x00\x0e\x10"
"""A session expiry interval of an hour."""
RECEIVE_MAXIMUM = b"\x21" + struct.pack(">H", 4000)
NO_KEEPALIVE = 0


def scaled(*names: str) -> dict[str, str]:
    """Return settings of mosquitto.conf, divided by 64; one that is not there is an error."""
    lines = dict(line.partition(" ")[::2] for line in CONFIGURATION.read_text().splitlines())
    return {name: str(int(lines[name]) // 64) for name in names}


BYTES = scaled("max_inflight_bytes", "max_queued_bytes")


def connect(realm: Realm, user: str, client_id: str, *, clean: bool = True, properties: bytes = b"") -> RawConnection:
    """Connect by hand, so that nothing is read or acknowledged unasked."""
    made = RawConnection(realm.broker.port)
    token = realm.token(user, client_id)
    made.send(connect_packet(client_id, user, token, clean=clean, keepalive=NO_KEEPALIVE, properties=properties))
    answer = made.read()
    assert answer
    assert answer.body[1] == 0
    return made


def subscribe(reader: RawConnection, topic_filter: str) -> None:
    """Subscribe."""
    reader.send(subscribe_packet([topic_filter]))
    assert reader.read_until(SUBACK)


def publish(realm: Realm, count: int) -> None:
    """Publish so many bodies of 128 KiB to bob, each numbered, one after the other."""
    with connect(realm, "alice", "alice.writer") as writer:
        for number in range(count):
            writer.send(publish_packet(TOPIC, struct.pack(">I", number) + BODY, packet_id=number + 1))
            assert writer.read_until(PUBACK)


def next_message(reader: RawConnection) -> tuple[int, int]:
    """Read the next message; returns its packet id and number."""
    found = reader.read_until(PUBLISH)
    assert found
    start = 2 + len(TOPIC)
    return struct.unpack_from(">H", found.body, start)[0], struct.unpack_from(">I", found.body, start + 3)[0]


def test_what_one_client_leaves_unacknowledged_is_bounded_in_bytes(new_realm: RealmFactory) -> None:
    """By both limits together: 2.0.11 fills what is in flight from the queue, whatever the bytes."""
    realm = new_realm(**BYTES).start()
    reader = connect(realm, "archiver", "archiver.1", properties=RECEIVE_MAXIMUM)
    subscribe(reader, ARCHIVER_FILTERS[0])
    bound = sum(map(int, BYTES.values())) // len(BODY) + 1
    publish(realm, 2 * bound)
    received = 0
    reader.limit(1.0)
    with suppress(TimeoutError):
        while True:
            next_message(reader)
            received += 1
    assert 0 < received <= bound
    wait_for(lambda: "Outgoing messages are being dropped for client archiver.1" in realm.broker.log, "the line")
    reader.close()


def test_more_than_may_be_in_flight_reaches_who_comes_back_in_order(new_realm: RealmFactory) -> None:
    """What waits in the queue, above the bytes in flight, follows as the first is acknowledged."""
    realm = new_realm(**BYTES).start()
    count = int(BYTES["max_queued_bytes"]) // len(BODY) - 1
    assert count * len(BODY) > 4 * int(BYTES["max_inflight_bytes"])
    away = connect(realm, "archiver", "archiver.1", clean=False, properties=SESSION + RECEIVE_MAXIMUM)
    subscribe(away, ARCHIVER_FILTERS[0])
    away.close()
    publish(realm, count)
    back = connect(realm, "archiver", "archiver.1", clean=False, properties=SESSION + RECEIVE_MAXIMUM)
    for expected in range(count):
        packet_id, number = next_message(back)
        assert number == expected
        back.send(puback_packet(packet_id))
    back.close()
