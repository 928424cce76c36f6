"""The load is well-formed MQTT 5: what is encoded by hand here is read by a library and by the contract's own code."""

from uuid import UUID

import mqtt5
import pytest

from benchmarks.load.messages import BODY, encode_messages, message_id
from benchmarks.load.pace import _ID
from benchmarks.mqtt import (
    PUBACK,
    PUBLISH,
    Login,
    Packet,
    connect_packet,
    parse,
    publish_packet,
    subscribe_packet,
    topic_and_rest,
)
from wire.message import parse_uuid, read_message


def read_one(data: bytes) -> mqtt5.Packet:
    """Read a packet with the library that the archiver uses."""
    packet, size = mqtt5.read(memoryview(data))
    assert size == len(data)
    return packet


def test_a_message_is_what_a_client_of_ours_sends() -> None:
    (data,) = encode_messages(["users/bobby/inbox/alice"], 1)
    packet = read_one(data)
    assert isinstance(packet, mqtt5.PublishPacket)
    assert (packet.topic, packet.payload, packet.packet_id) == ("users/bobby/inbox/alice", BODY, 1)
    envelope = read_message(packet.payload, packet.content_type, packet.user_properties)
    assert envelope.id
    assert envelope.sent_at
    assert len(BODY) == 100


def test_messages_go_to_the_topics_in_turn_with_ids_of_their_own() -> None:
    read = [read_one(data) for data in encode_messages(["users/a/inbox/x", "users/b/inbox/x"], 5, first=1)]
    packets = [packet for packet in read if isinstance(packet, mqtt5.PublishPacket)]
    assert [packet.topic[6] for packet in packets] == ["b", "a", "b", "a", "b"]
    assert [packet.packet_id for packet in packets] == [2, 3, 4, 5, 6]
    assert len({dict(packet.user_properties)["id"] for packet in packets}) == 5


def test_packet_ids_go_round_and_are_never_zero() -> None:
    data = encode_messages(["users/a/inbox/x"], 3, first=65_533)
    packets = [packet for packet in map(read_one, data) if isinstance(packet, mqtt5.PublishPacket)]
    assert [packet.packet_id for packet in packets] == [65_534, 65_535, 1]


def test_message_ids_are_uuids_of_version_7_in_the_order_of_their_time() -> None:
    first, second = message_id(1_700_000_000_000, bytes(10)), message_id(1_700_000_000_001, b"\xff" * 10)
    assert first < second
    for id_ in (first, second):
        found = UUID(id_)
        assert parse_uuid(id_)
        assert (found.version, found.variant) == (7, "specified in RFC 4122")
        assert _ID.fullmatch(id_.encode())


def test_a_connect_carries_the_login_and_how_much_it_takes_at_once() -> None:
    packet = read_one(connect_packet(Login("alice.aaaaaaaaaa", "alice", "token"), receive_maximum=7))
    assert isinstance(packet, mqtt5.ConnectPacket)
    assert (packet.client_id, packet.username, packet.password) == ("alice.aaaaaaaaaa", "alice", b"token")
    assert (packet.receive_max, packet.clean_start, packet.keep_alive) == (7, True, 0)


def test_a_subscription_has_a_qos_a_filter() -> None:
    packet = read_one(subscribe_packet([("users/alice/inbox/+", 1), ("users/alice/archived", 0)]))
    assert isinstance(packet, mqtt5.SubscribePacket)
    wanted = [(each.pattern, int(each.max_qos)) for each in packet.subscriptions]
    assert wanted == [("users/alice/inbox/+", 1), ("users/alice/archived", 0)]


@pytest.mark.parametrize("size", [0, 1, 100, 127, 128, 20_000])
def test_a_stream_is_cut_into_packets_wherever_it_is_torn(size: int) -> None:
    stream = publish_packet("a/b", bytes(size), 7, [("id", "x")]) + b"\x40\x02\x00\x07"
    for cut in {1, 2, 3, 4, 5, len(stream) // 2, len(stream) - 1}:
        packets: list[Packet] = []
        taken = parse(stream[:cut], packets)
        taken += parse(stream[taken:], packets)
        assert taken == len(stream)
        assert [packet.kind for packet in packets] == [PUBLISH, PUBACK]
        assert topic_and_rest(packets[0].flags, packets[0].body) == (b"a/b", 7, bytes(size))


def test_a_publication_at_qos_0_has_no_packet_id() -> None:
    packets: list[Packet] = []
    parse(publish_packet("a/b", b"body", qos=0), packets)
    assert topic_and_rest(packets[0].flags, packets[0].body) == (b"a/b", 0, b"body")
