"""No packet that a client gets past the broker can be one that the archiver's parser refuses.

If there were one, the archiver would lose its connection over it, get it again, and never get past it.
"""

import random
import struct
from collections.abc import Iterator

import mqtt5
import pytest

from tests.integration.broker.conftest import NewUser
from tests.support.broker import Realm
from tests.support.raw_mqtt import (
    CONNACK,
    PUBACK,
    PUBLISH,
    SUBACK,
    Packet,
    RawConnection,
    Will,
    connect_packet,
    packet,
    puback_packet,
    publish_packet,
    subscribe_packet,
    text,
    varint,
)
from wire.topics import ARCHIVER_FILTERS

PAYLOAD_FORMAT, EXPIRY, CONTENT_TYPE, RESPONSE_TOPIC, CORRELATION, SUBSCRIPTION, ALIAS, USER = 1, 2, 3, 8, 9, 11, 35, 38
ODD_STRINGS: dict[str, bytes] = {
    "empty": b"",
    "NUL": b"a\0b",
    "a control character": b"a\x01b",
    "a line feed": b"a\nb",
    "delete": b"a\x7fb",
    "a C1 control character": "a\x85b".encode(),
    "a lone continuation byte": b"a\x80b",
    "a byte that UTF-8 never has": b"a\xffb",
    "an overlong slash": b"a\xc0\xafb",
    "an overlong NUL": b"a\xc0\x80b",
    "an overlong three byte sequence": b"a\xe0\x80\xafb",
    "a high surrogate": b"a\xed\xa0\x80b",
    "a pair of surrogates": b"a\xed\xa0\xbd\xed\xb8\x80b",
    "past the last character": b"a\xf4\x90\x80\x80b",
    "half a character of two bytes": b"a\xc3",
    "half a character of three bytes": b"a\xe2\x82",
    "a third of a character": b"a\xe2",
    "half a character of four bytes": b"a\xf0\x9f",
    "most of a character of four bytes": b"a\xf0\x9f\x98",
    "a noncharacter": "a\ufffeb".encode(),
    "another noncharacter": "a\U0010ffffb".encode(),
    "a byte order mark": "\ufeffa".encode(),
    "an emoji": "😀".encode(),
    "the last character": "\U0010fffd".encode(),
    "wildcards": b"a/+/#",
    "the longest string": b"a" * 65535,
}


def _user(name: bytes, value: bytes) -> bytes:
    return bytes([USER]) + text(name) + text(value)


def _string_places(odd: bytes) -> Iterator[bytes]:
    yield bytes([CONTENT_TYPE]) + text(odd)
    yield bytes([RESPONSE_TOPIC]) + text(odd)
    yield bytes([CORRELATION]) + text(odd)
    yield _user(odd, b"value")
    yield _user(b"name", odd)


ODD_PROPERTIES: dict[str, bytes] = {
    **{f"payload format {value}": bytes([PAYLOAD_FORMAT, value]) for value in (0, 1, 2, 255)},
    "payload format twice": bytes([PAYLOAD_FORMAT, 1, PAYLOAD_FORMAT, 1]),
    "content type twice": (bytes([CONTENT_TYPE]) + text("a/b")) * 2,
    "expiry of nothing": bytes([EXPIRY]) + struct.pack(">I", 0),
    "expiry of a century": bytes([EXPIRY]) + struct.pack(">I", 2**32 - 1),
    "expiry twice": (bytes([EXPIRY]) + struct.pack(">I", 60)) * 2,
    "a subscription id": bytes([SUBSCRIPTION, 1]),
    "subscription id 0": bytes([SUBSCRIPTION, 0]),
    "a long subscription id": bytes([SUBSCRIPTION, 0xFF, 0xFF, 0xFF, 0x7F]),
    "topic alias 0": bytes([ALIAS, 0, 0]),
    "topic alias 1": bytes([ALIAS, 0, 1]),
    "topic alias 65535": bytes([ALIAS, 255, 255]),
    "a reason string": bytes([31]) + text("a"),
    "a property that does not exist": bytes([127, 0]),
    "a property id of two bytes": bytes([0x80 | USER, 0]) + text("a") + text("b"),
    "a hundred user properties": _user(b"id", b"x") * 100,
    "all properties": b"".join(
        [bytes([PAYLOAD_FORMAT, 1, CONTENT_TYPE]) + text("a/b"), bytes([RESPONSE_TOPIC]) + text("a/b"),
         bytes([CORRELATION]) + text(b"\0\xff"), _user(b"", b""), _user(b"a", b"b") * 2]
    ),
}  # fmt: skip


class Reader:
    """Somebody with the archiver's subscription, who reads as the archiver does."""

    def __init__(self, realm: Realm) -> None:
        self._connection = RawConnection(realm.broker.port)
        self._connection.send(connect_packet("archiver.raw", "archiver", realm.token("archiver", "archiver.raw")))
        assert self._connection.read_until(CONNACK)
        self._connection.send(subscribe_packet([ARCHIVER_FILTERS[0]]))
        assert self._connection.read_until(SUBACK)

    def read_until(self, payload: bytes) -> int:
        """Parse all messages up to the one with this payload; returns how many there were."""
        count = 0
        while True:
            found = self._connection.read_until(PUBLISH)
            assert found, "the archiver's connection has been closed"
            message, size = self._parse(found)
            assert size == len(found.raw)
            assert message.packet_id is not None
            self._connection.send(puback_packet(message.packet_id))
            count += 1
            if message.payload == payload:
                return count

    def _parse(self, found: Packet) -> tuple[mqtt5.PublishPacket, int]:
        try:
            message, size = mqtt5.read(memoryview(found.raw))
        except (ValueError, IndexError) as error:
            pytest.fail(f"the archiver cannot read {found.raw[:200]!r}: {error}")
        assert isinstance(message, mqtt5.PublishPacket)
        for name, value in message.user_properties:
            assert name.encode() is not None
            assert value.encode() is not None
        return message, size

    def close(self) -> None:
        """Leave."""
        self._connection.close()


@pytest.fixture
def reader(realm: Realm) -> Iterator[Reader]:
    """Connect the reader."""
    made = Reader(realm)
    yield made
    made.close()


def _connect(realm: Realm, user: str, will: Will | None = None) -> RawConnection:
    connection = RawConnection(realm.broker.port)
    connection.send(connect_packet(f"{user}.raw", user, realm.token(user, f"{user}.raw"), will=will))
    return connection


def _finish(realm: Realm, reader: Reader, user: str) -> int:
    """Send a good message, and count what came before it."""
    with _connect(realm, user) as connection:
        connection.send(publish_packet(f"users/bob/inbox/{user}", b"a good message"))
        assert connection.read_until(PUBACK)
    return reader.read_until(b"a good message") - 1


@pytest.mark.parametrize("odd", ODD_STRINGS)
def test_odd_strings_in_properties(realm: Realm, reader: Reader, new_user: NewUser, odd: str) -> None:
    """The broker refuses them, or the archiver can read them."""
    user = new_user("eve")
    for properties in _string_places(ODD_STRINGS[odd]):
        with _connect(realm, user) as connection:
            assert connection.read_until(CONNACK)
            connection.send(publish_packet(f"users/bob/inbox/{user}", b"odd", properties=properties))
            connection.read_until(PUBACK)
    _finish(realm, reader, user)


@pytest.mark.parametrize("odd", ODD_STRINGS)
def test_odd_strings_in_topics(realm: Realm, reader: Reader, new_user: NewUser, odd: str) -> None:
    """The receiver's level of a topic may be anything that MQTT allows."""
    user = new_user("eve")
    topic = b"users/" + ODD_STRINGS[odd][:60000] + f"/inbox/{user}".encode()
    with _connect(realm, user) as connection:
        assert connection.read_until(CONNACK)
        connection.send(publish_packet(topic, b"odd"))
        connection.read_until(PUBACK)
    _finish(realm, reader, user)


@pytest.mark.parametrize("odd", ODD_STRINGS)
def test_odd_strings_in_wills(realm: Realm, reader: Reader, new_user: NewUser, odd: str) -> None:
    """A will's properties take another way through the broker."""
    user = new_user("eve")
    for properties in _string_places(ODD_STRINGS[odd]):
        with _connect(realm, user, Will(f"users/bob/inbox/{user}", b"odd", properties=properties)) as connection:
            connection.read_until(CONNACK)
    _finish(realm, reader, user)


@pytest.mark.parametrize("odd", ODD_PROPERTIES)
def test_odd_properties(realm: Realm, reader: Reader, new_user: NewUser, odd: str) -> None:
    """Values out of range, what stands there twice, what does not belong in a PUBLISH."""
    user = new_user("eve")
    properties = ODD_PROPERTIES[odd]
    with _connect(realm, user) as connection:
        assert connection.read_until(CONNACK)
        connection.send(publish_packet(f"users/bob/inbox/{user}", b"odd", properties=properties))
        connection.read_until(PUBACK)
    with _connect(realm, user, Will(f"users/bob/inbox/{user}", b"odd", properties=properties)) as connection:
        connection.read_until(CONNACK)
    _finish(realm, reader, user)


def test_odd_lengths(realm: Realm, reader: Reader, new_user: NewUser) -> None:
    """Property lengths that do not fit, in every way."""
    user = new_user("eve")
    topic, number = text(f"users/bob/inbox/{user}"), b"\0\1"
    lengths = [b"", b"\x05", b"\x80\x00", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", varint(200), b"\x01"]
    for length in lengths:
        for properties in (b"", _user(b"a", b"b"), bytes([CONTENT_TYPE, 0xFF, 0xFF]), b"\0" * 20):
            with _connect(realm, user) as connection:
                assert connection.read_until(CONNACK)
                connection.send(packet(PUBLISH, 2, topic, number, length, properties))
                connection.send(publish_packet("x", b""))
                connection.read_until(PUBACK)
    _finish(realm, reader, user)


def test_thousands_of_random_packets(realm: Realm, reader: Reader, new_user: NewUser) -> None:
    """Properties put together by chance, from good parts and bad ones."""
    user, chance = new_user("eve"), random.Random(20260101)
    parts = [
        *ODD_PROPERTIES.values(),
        *(place for odd in ODD_STRINGS.values() if len(odd) < 100 for place in _string_places(odd)),
    ]
    connection = _connect(realm, user)
    assert connection.read_until(CONNACK)
    passed = 0
    for _ in range(1500):
        properties = bytearray(b"".join(chance.choices(parts, k=chance.randint(1, 3))))
        if chance.random() < 0.3:
            properties[chance.randrange(len(properties))] = chance.randrange(256)
        connection.send(publish_packet(f"users/bob/inbox/{user}", b"chance", properties=bytes(properties)))
        answer = connection.read_until(PUBACK)
        passed += answer is not None
        if answer is None:
            connection.close()
            connection = _connect(realm, user)
            assert connection.read_until(CONNACK)
    connection.close()
    assert passed > 100
    assert _finish(realm, reader, user) > 100
