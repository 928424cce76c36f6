"""Whatever is sent, the rest goes on: refused messages become dead letters with a reason, and are acknowledged."""

from uuid import uuid4

from mqtt5 import PublishPacket, QoS

from tests.integration.archiver.world import World, message, receipts, wait_receipts
from tests.support.raw_mqtt import CONNACK, PUBACK, RawConnection, connect_packet, publish_packet, text
from tests.support.stack import wait_for
from wire.receipts import Rejected

ID = str(uuid4())
GOOD = [("id", ID)]


def published(
    body: bytes, properties: list[tuple[str, str]], to: str = "bob", content_type: str | None = None
) -> bytes:
    """Write a PUBLISH from alice."""
    return PublishPacket(
        f"users/{to}/inbox/alice",
        body,
        qos=QoS.AT_LEAST_ONCE,
        packet_id=7,
        user_properties=properties,
        content_type=content_type,
    ).write()


REFUSED = {
    "an empty body": (published(b"", GOOD), "malformed"),
    "a body one byte too long": (published(bytes(64 * 1024 + 1), GOOD), "too_large"),
    "a body much too long": (published(bytes(200_000), GOOD), "too_large"),
    "an id that is no UUID": (published(b"x", [("id", "42")]), "malformed"),
    "an empty id": (published(b"x", [("id", "")]), "malformed"),
    "an id with braces": (published(b"x", [("id", f"{{{ID}}}")]), "malformed"),
    "two ids": (published(b"x", [*GOOD, *GOOD]), "malformed"),
    "properties too long": (published(b"x", [*GOOD, ("x", "y" * 4096)]), "too_large"),
    "an id too long": (published(b"x", [("id", "y" * 60_000)]), "too_large"),
    "a relation without a target": (published(b"x", [*GOOD, ("relation", "reply")]), "bad_relation"),
    "a target without a relation": (published(b"x", [*GOOD, ("relates-to", ID)]), "bad_relation"),
    "an unknown relation": (published(b"x", [*GOOD, ("relation", "x"), ("relates-to", ID)]), "bad_relation"),
    "a target that is no UUID": (published(b"x", [*GOOD, ("relation", "reply"), ("relates-to", "1")]), "bad_relation"),
    "a target that is not there": (published(b"x", [*GOOD, ("relation", "reply"), ("relates-to", ID)]), "bad_relation"),
    "a retraction with a body": (published(b"x", [*GOOD, ("relation", "retract"), ("relates-to", ID)]), "malformed"),
    "a content type that is none": (published(b"x", GOOD, content_type="text"), "malformed"),
    "a content type too long": (published(b"x", GOOD, content_type="text/" + "x" * 60_000), "malformed"),
    "nobody's name": (published(b"x", GOOD, to="nobody"), "unknown_recipient"),
    "no name at all": (published(b"x", GOOD, to="Ünbekannt"), "unknown_recipient"),
    "a service's name": (published(b"x", GOOD, to="archiver"), "unknown_recipient"),
    "a name of 60,000 characters": (published(b"x", GOOD, to="x" * 60_000), "unknown_recipient"),
    "a name with SQL in it": (published(b"x", GOOD, to="bob'; DROP TABLE users; --"), "unknown_recipient"),
    "a name with a backslash and a percent sign": (published(b"x", GOOD, to="bob\\%s"), "unknown_recipient"),
}


def test_every_malformed_message_is_a_dead_letter_with_its_reason_and_the_good_ones_between_are_stored(
    world: World,
) -> None:
    at_alice = world.listener("alice")
    packets = [message("bob", "alice", b"good 0", 7)]
    for number, (bad, _) in enumerate(REFUSED.values(), 1):
        packets += [bad, message("bob", "alice", b"good %d" % number, 7)]
    world.publish_many("alice", packets, window=1)
    world.wait_stored(len(REFUSED) + 1)
    assert world.bodies() == [b"good %d" % number for number in range(len(REFUSED) + 1)]
    told = [receipt for receipt in wait_receipts(at_alice, 2 * len(REFUSED) + 1) if isinstance(receipt, Rejected)]
    expected = [reason for _, reason in REFUSED.values()]
    assert [receipt.reason for receipt in told] == expected
    assert [reason for reason, _ in world.dead_letters()] == expected
    assert [receipt.id for receipt in told[:1]] == [ID]
    assert max(len(receipt.id) for receipt in told) <= 128
    assert "Traceback" not in world.log


ODD = {
    "a body that is no UTF-8": publish_packet("users/bob/inbox/alice", b"\xff\xfe\x00\xc3(", packet_id=7),
    "a body of zero bytes only": publish_packet("users/bob/inbox/alice", bytes(16), packet_id=7),
    "a body that looks like COPY's end": publish_packet("users/bob/inbox/alice", b"\\.\n\\N\t\\x00", packet_id=7),
    "a body of the greatest length": publish_packet("users/bob/inbox/alice", b"x" * 65_536, packet_id=7),
    "an odd sent-at": published(b"x", [("sent-at", "yesterday")]),
    "the first moment there is": published(b"x", [("sent-at", "0001-01-01T00:00:00Z")]),
    "a moment before the first": published(b"x", [("sent-at", "0001-01-01T00:00:00+23:59")]),
    "the last moment there is": published(b"x", [("sent-at", "9999-12-31T23:59:59.999Z")]),
    "a moment after the last": published(b"x", [("sent-at", "9999-12-31T23:59:59.999-23:59")]),
    "two moments": published(b"x", [("sent-at", "2026-01-01T00:00:00Z"), ("sent-at", "2027-01-01T00:00:00Z")]),
    "properties nobody knows": published(b"x", [("x", "y"), ("", ""), ("x", "z")]),
    "an odd but right content type": published(b"x", [], content_type='a/b; c="d"'),
    "payload format, expiry, response topic, correlation data": publish_packet(
        "users/bob/inbox/alice",
        b"x",
        packet_id=7,
        properties=b"\x01\x01\x02\x00\x00\xff\xff\x08" + text("a/b") + b"\x09" + text(b"\x00\xff"),
    ),
}


def test_odd_messages_that_break_no_rule_are_stored(world: World) -> None:
    world.publish_many("alice", list(ODD.values()), window=1)
    world.wait_stored(len(ODD))
    assert world.dead_letters() == []
    assert world.bodies()[:3] == [b"\xff\xfe\x00\xc3(", bytes(16), b"\\.\n\\N\t\\x00"]


BROKEN = {
    "a NUL in the topic": publish_packet(b"users/bob\0/inbox/alice", b"x"),
    "a topic that is no UTF-8": publish_packet(b"users/b\xff/inbox/alice", b"x"),
    "a surrogate in the topic": publish_packet(b"users/b\xed\xa0\x80/inbox/alice", b"x"),
    "a wildcard in the topic": publish_packet("users/+/inbox/alice", b"x"),
    "a NUL in a property": publish_packet("users/bob/inbox/alice", b"x", properties=b"\x26" + text("id") + text(b"\0")),
    "a property that is no UTF-8": publish_packet(
        "users/bob/inbox/alice", b"x", properties=b"\x26" + text("id") + text(b"\xff")
    ),
    "a noncharacter in a property": publish_packet(
        "users/bob/inbox/alice", b"x", properties=b"\x26" + text("x") + text("\uffff")
    ),
    "a control character in a property": publish_packet(
        "users/bob/inbox/alice", b"x", properties=b"\x26" + text("x") + text("\x01")
    ),
    "a control character in the content type": publish_packet(
        "users/bob/inbox/alice", b"x", properties=b"\x03" + text("text/\x1b[31m")
    ),
    "a content type twice": publish_packet(
        "users/bob/inbox/alice", b"x", properties=(b"\x03" + text("text/plain")) * 2
    ),
    "properties that end early": publish_packet("users/bob/inbox/alice", b"x", properties=b"\x26\x00"),
    "a payload format that is neither": publish_packet("users/bob/inbox/alice", b"x", properties=b"\x01\x07"),
    "text that is said to be UTF-8 and is not": publish_packet(
        "users/bob/inbox/alice", b"\xff\xff", properties=b"\x01\x01"
    ),
    "a wildcard in the response topic": publish_packet("users/bob/inbox/alice", b"x", properties=b"\x08" + text("a/#")),
    "more than the broker takes": publish_packet("users/bob/inbox/alice", bytes(300_000)),
}


def test_broken_packets_end_at_the_broker_or_are_archived_and_never_stop_the_archiver(world: World) -> None:
    outages = world.said("the broker is away")
    for number, (what, broken) in enumerate(BROKEN.items(), 1):
        with RawConnection(world.realm.broker.port) as raw:
            raw.send(connect_packet("alice.cccccccccc", "alice", world.realm.token("alice", "alice.cccccccccc")))
            assert raw.read_until(CONNACK), what
            raw.send(broken)
            raw.read_until(PUBACK)
        world.publish_many("alice", [message("bob", "alice", b"good %d" % number, 7)])
        wait_for(lambda number=number: b"good %d" % number in world.bodies(), f"the archiver goes on after {what}")  # type: ignore[misc]  # a lambda's default
    assert world.said("the broker is away") == outages, world.log


def test_what_only_the_database_refuses_becomes_a_dead_letter_and_the_rest_of_its_batch_is_stored(
    world: World,
) -> None:
    world.query("ALTER TABLE messages ADD CHECK (body <> 'poison')")
    at_alice, outages = world.listener("alice"), world.said("the database is away")
    bodies = [b"poison" if number in {0, 33, 34, 99} else b"good %d" % number for number in range(100)]
    world.publish_many("alice", [message("bob", "alice", body, n + 1) for n, body in enumerate(bodies)])
    # The last of them is a poisonous one: only its receipt says that all have been seen to.
    assert sum(isinstance(receipt, Rejected) for receipt in wait_receipts(at_alice, 100)) == 4
    assert world.bodies() == [body for body in bodies if body != b"poison"]
    assert world.dead_letters() == [("malformed", "the database refuses it (CheckViolation)")] * 4
    assert world.said("the database is away") == outages


def test_what_cannot_even_be_a_dead_letter_is_dropped_and_said(world: World) -> None:
    world.query("ALTER TABLE messages ADD CHECK (body <> 'poison')")
    world.query("ALTER TABLE dead_letters ADD CHECK (body <> 'poison')")
    at_alice = world.listener("alice")
    packets = [message("bob", "alice", body, n) for n, body in enumerate([b"good 1", b"poison", b"good 2"], 1)]
    world.publish_many("alice", packets)
    world.wait_stored(2)
    assert [isinstance(receipt, Rejected) for receipt in wait_receipts(at_alice, 3)] == [False, True, False]
    assert world.said("a message from alice is dropped") == 1
    assert "poison" not in world.log
    world.stop()
    world.start()
    world.publish_many("alice", [message("bob", "alice", b"good 3", 1)])
    world.wait_stored(3)
    assert receipts(at_alice)[:1]
    assert world.said("is dropped") == 1, "it was acknowledged, so it does not come again"
