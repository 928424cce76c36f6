"""The control topic: the gate, what is refused there as a whole, and what survives."""

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.integration.broker.conftest import NewUser, RealmFactory
from tests.support.broker import Realm
from tests.support.peer import RefusedError, connects, now_ms
from tests.support.raw_mqtt import (
    CONNACK,
    DISCONNECT,
    PUBACK,
    PUBREC,
    RawConnection,
    Will,
    connect_packet,
    publish_packet,
)
from wire.control import Revocation, encode_revocations
from wire.topics import CONTROL

NOT_AUTHORIZED = 0x87
SUCCESS = 0


def _revoke(username: object = "nobody", **members: object) -> dict[str, object]:
    return {"command": "revoke", "username": username, "issued_before_ms": now_ms(), **members}


def test_the_gate_is_shut_until_the_first_control_message(new_realm: RealmFactory) -> None:
    """Nobody is served who might have been revoked while the broker was away; the API alone comes in, and opens it."""
    realm = new_realm().start(open_gate=False)
    for user in ("alice", "archiver"):
        with pytest.raises(RefusedError, match="0x87"):
            realm.connect(user)
    api = realm.connect("api")
    with pytest.raises(RefusedError):
        realm.connect("alice")

    assert api.publish(CONTROL, encode_revocations([])) == SUCCESS

    assert connects(lambda: realm.connect("alice"))
    assert connects(lambda: realm.connect("archiver"))


def test_a_malformed_control_message_does_not_open_the_gate(new_realm: RealmFactory) -> None:
    """Only a valid one shows that the API has said what it had to say."""
    realm = new_realm().start(open_gate=False)
    assert realm.control(b"{}") == NOT_AUTHORIZED
    assert not connects(lambda: realm.connect("alice"))


def test_a_control_message_after_which_more_follow_does_not_open_the_gate(new_realm: RealmFactory) -> None:
    """What is revoked may take several messages; nobody is served before the last of them."""
    realm = new_realm().start(open_gate=False)
    token = realm.token("eve", "eve.x")
    assert realm.control(encode_revocations([Revocation("eve", None, now_ms() + 1)], more=True)) == SUCCESS
    assert not connects(lambda: realm.connect("alice"))
    assert realm.control(encode_revocations([])) == SUCCESS
    assert connects(lambda: realm.connect("alice"))
    assert not connects(lambda: realm.connect("eve", "eve.x", token=token))


def test_the_gate_shuts_again_with_every_start(new_realm: RealmFactory) -> None:
    """What was revoked while the broker was down reaches it before any user does."""
    realm = new_realm().start()
    token = realm.token("eve", "eve.x")
    assert connects(lambda: realm.connect("eve", "eve.x", token=token))
    realm.close()
    realm.broker.kill()
    realm.start(open_gate=False)
    assert not connects(lambda: realm.connect("eve", "eve.x", token=token))
    assert realm.revoke(Revocation("eve", None, now_ms() + 1)) == SUCCESS
    assert not connects(lambda: realm.connect("eve", "eve.x", token=token))
    assert connects(lambda: realm.connect("alice"))


def test_the_gate_can_be_left_open(new_realm: RealmFactory) -> None:
    """For a broker without an API beside it: `wait_for_control false`."""
    realm = new_realm(plugin_opt_wait_for_control="false").start(open_gate=False)
    assert connects(lambda: realm.connect("alice"))


MALFORMED: Mapping[str, bytes | Sequence[Any]] = {
    "nothing": b"",
    "no JSON": b"revoke alice",
    "a list": b"[]",
    "no commands": b"{}",
    "commands that are null": b'{"commands": null}',
    "commands that are an object": b'{"commands": {}}',
    "a member beside the commands": b'{"commands": [], "most": true}',
    "more that is a number": b'{"commands": [], "more": 1}',
    "commands that stand there twice": b'{"commands": [], "commands": []}',
    "no UTF-8": b'{"commands": [{"command": "revoke", "username": "\xff", "issued_before_ms": 1}]}',
    "half of it": encode_revocations([Revocation("alice", None, 1)])[:-3],
    "something behind it": encode_revocations([]) + b"x",
    "a command that is text": ["revoke"],
    "a command without a name": [{"username": "alice", "issued_before_ms": 1}],
    "an unknown command": [_revoke(command="revive")],
    "no user": [{"command": "revoke", "issued_before_ms": 1}],
    "an empty user": [_revoke("")],
    "a user that is a number": [_revoke(1)],
    "a user that is null": [_revoke(None)],
    "a user name that is too long": [_revoke("a" * 256)],
    "a user with a NUL": [_revoke("a\0b")],
    "an empty client id": [_revoke(client_id="")],
    "a client id that is null": [_revoke(client_id=None)],
    "a client id that is a list": [_revoke(client_id=[])],
    "no time": [{"command": "revoke", "username": "alice"}],
    "a time as text": [_revoke(issued_before_ms="1")],
    "a time with a fraction": [_revoke(issued_before_ms=1.5)],
    "a time of true": [_revoke(issued_before_ms=True)],
    "a negative time": [_revoke(issued_before_ms=-1)],
    "a time past all integers": [_revoke(issued_before_ms=2**64)],
    "a time that is to come": [_revoke(issued_before_ms=now_ms() + 3_600_000)],
    "an unknown member": [_revoke(reason="spam")],
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_control_message_is_refused_as_a_whole(realm: Realm, new_user: NewUser, kind: str) -> None:
    """The PUBACK says so, and a good command in front of the bad one is not carried out either."""
    alice = new_user("alice")
    peer = realm.connect(alice)
    content = MALFORMED[kind]
    if isinstance(content, bytes):
        assert realm.control(content) == NOT_AUTHORIZED
    else:
        assert realm.control([_revoke(alice, issued_before_ms=now_ms()), *content]) == NOT_AUTHORIZED
    assert peer.subscribe(f"users/{alice}/#") == 1
    assert connects(lambda: realm.connect(alice, f"{alice}.2", claims={"iat_ms": now_ms() - 60_000}))
    realm.close()


def test_a_control_message_in_mqtt_3_that_is_malformed_ends_the_connection(realm: Realm) -> None:
    """Its PUBACK has no reason code, so none is sent: no answer must look like a confirmation."""
    with RawConnection(realm.broker.port) as connection:
        connection.send(connect_packet("api.old", "api", realm.token("api", "api.old"), version=4))
        assert connection.read_until(CONNACK)
        connection.send(publish_packet(CONTROL, encode_revocations([]), version=4))
        assert connection.read_until(PUBACK)
        connection.send(publish_packet(CONTROL, b"{}", version=4, packet_id=2))
        assert connection.read() is None


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_control_message_counts_at_any_qos(realm: Realm, new_user: NewUser, qos: int) -> None:
    """Though only QoS 1 and 2 confirm it."""
    alice = new_user("alice")
    peer, api = realm.connect(alice), realm.connect("api", "api.qos")
    assert api.publish(CONTROL, encode_revocations([Revocation(alice, None, now_ms() + 1)]), qos=qos) == SUCCESS
    peer.wait_closed()
    realm.close()


def test_a_retained_control_message_is_refused(realm: Realm) -> None:
    """The API's acl does not let it retain anything there."""
    with realm.connect("api", "api.retain") as api:
        assert api.publish(CONTROL, encode_revocations([]), retain=True) == NOT_AUTHORIZED


def test_the_api_can_revoke_itself(realm: Realm) -> None:
    """It gets its acknowledgement, and is then disconnected like everybody else; the broker lives on."""
    claims = {"iat_ms": now_ms() - 3000}
    first, second = realm.connect("api", "api.one", claims=claims), realm.connect("api", "api.two", claims=claims)
    assert first.publish(CONTROL, encode_revocations([Revocation("api", None, now_ms() - 2000)])) == SUCCESS
    assert second.wait_closed() == 0x98
    assert first.wait_closed() == 0x98
    assert realm.revoke() == SUCCESS
    realm.close()


def test_the_api_can_revoke_itself_at_qos_2(realm: Realm) -> None:
    """Between PUBREC and PUBREL the connection may already be gone."""
    issued = now_ms() - 1500
    with RawConnection(realm.broker.port) as connection:
        connection.send(connect_packet("api.raw", "api", realm.token("api", "api.raw", iat_ms=issued)))
        assert connection.read_until(CONNACK)
        payload = encode_revocations([Revocation("api", "api.raw", issued + 1)])
        connection.send(publish_packet(CONTROL, payload, qos=2), publish_packet(CONTROL, payload, qos=2, packet_id=2))
        assert connection.read_until(PUBREC)
        assert connection.read_until(DISCONNECT)
        assert connection.read() is None
    assert realm.revoke() == SUCCESS


def test_a_will_on_the_control_topic_revokes_nobody(realm: Realm, new_user: NewUser) -> None:
    """A will is no command, not even the API's. Newer brokers do not even let it connect."""
    alice = new_user("alice")
    peer = realm.connect(alice)
    will = Will(CONTROL, encode_revocations([Revocation(alice, None, now_ms() + 1)]))
    with RawConnection(realm.broker.port) as connection:
        connection.send(connect_packet("api.will", "api", realm.token("api", "api.will"), will=will))
        connection.read()
    assert realm.revoke() == SUCCESS
    assert peer.subscribe(f"users/{alice}/#") == 1
    realm.close()


def _lines(realm: Realm) -> list[dict[str, Any]]:
    """Read the journal as its format is documented: a CRC-32 and a JSON object a line."""
    found = []
    for line in realm.broker.revocations.read_text().splitlines():
        digits, _, text = line.partition(" ")
        assert int(digits, 16) == zlib.crc32(text.encode())
        found.append(json.loads(text))
    return found


def test_a_confirmed_revocation_is_in_the_journal(new_realm: RealmFactory) -> None:
    """It is written before it is confirmed; only the broker can read the file."""
    realm = new_realm().start()
    assert realm.revoke(Revocation("alice", None, 5), Revocation("bob", "bob.x", 7)) == SUCCESS
    assert _lines(realm) == [
        {"username": "alice", "issued_before_ms": 5},
        {"username": "bob", "issued_before_ms": 7, "client_id": "bob.x"},
    ]
    assert realm.broker.revocations.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("torn", [1, 2, 20, 60])
def test_a_torn_last_line_costs_only_itself(new_realm: RealmFactory, torn: int) -> None:
    """A crash in the middle of a write leaves what was confirmed before as it was."""
    realm = new_realm().start()
    token = realm.token("alice", "alice.x")
    assert realm.revoke(Revocation("alice", None, now_ms() + 1)) == SUCCESS
    realm.close()
    realm.broker.kill()
    whole = realm.broker.revocations.read_bytes()
    realm.broker.revocations.write_bytes(whole + whole[:torn])

    realm.start(open_gate=False)
    assert realm.revoke(Revocation("bob", None, now_ms() + 1)) == SUCCESS

    assert not connects(lambda: realm.connect("alice", "alice.x", token=token))
    assert [line["username"] for line in _lines(realm)] == ["alice", "bob"]
    assert "1 lines of ./data/revocations are not whole" in realm.broker.log


def test_a_disk_that_cannot_be_written_to_confirms_nothing(new_realm: RealmFactory) -> None:
    """The revocation is in force as far as memory goes, but the API is not told that it will last."""
    realm = new_realm().start()
    alice = realm.connect("alice")
    data = realm.broker.revocations.parent
    data.rename(data.with_name("data.away"))
    with RawConnection(realm.broker.port) as connection:
        connection.send(connect_packet("api.x", "api", realm.token("api", "api.x")))
        assert connection.read_until(CONNACK)
        connection.send(publish_packet(CONTROL, encode_revocations([Revocation("alice", None, now_ms() + 1)])))
        last = connection.read()
        assert last
        assert last.kind == DISCONNECT, "no PUBACK"
        assert last.body[0] == 0x80, "an error of no certain kind"
    alice.wait_closed()
    data.with_name("data.away").rename(data)
    assert realm.revoke(Revocation("bob", None, now_ms())) == SUCCESS
    assert {line["username"] for line in _lines(realm)} == {"alice", "bob"}
    assert "revocations cannot be written to" in realm.broker.log


def test_old_revocations_are_forgotten_but_not_those_of_services(new_realm: RealmFactory) -> None:
    """No user token that old is still valid; a service's may be."""
    realm = new_realm(plugin_opt_user_token_seconds="60").start()
    long_ago = now_ms() - 61_000
    assert realm.revoke(Revocation("alice", None, long_ago), Revocation("archiver", None, long_ago)) == SUCCESS
    assert realm.revoke(Revocation("bob", None, now_ms())) == SUCCESS
    realm.close()
    realm.broker.stop()
    realm.start()
    assert {line["username"] for line in _lines(realm)} == {"archiver", "bob"}


def test_the_same_revocation_again_and_again_does_not_fill_the_disk(new_realm: RealmFactory) -> None:
    """The API repeats itself at every reconnect; the journal is rewritten when it has grown for nothing."""
    realm = new_realm().start()
    with realm.connect("api", "api.x") as api:
        for _ in range(40):
            again = [Revocation(f"user{number}", None, 1) for number in range(50)]
            assert api.publish(CONTROL, encode_revocations(again)) == SUCCESS
    lines = _lines(realm)
    assert len(lines) < 1200
    assert len({line["username"] for line in lines}) == 50


def test_a_thousand_revocations_in_one_message(realm: Realm) -> None:
    """As the API sends after the broker has been away for long."""
    assert realm.revoke(*(Revocation(f"user{number:05}", None, 1) for number in range(1000))) == SUCCESS


def test_kill_at_any_moment_loses_nothing_confirmed(new_realm: RealmFactory) -> None:
    """Revocations stream in while the broker is killed; every confirmed one is there afterwards."""
    realm = new_realm().start()
    confirmed: set[str] = set()
    for round_ in range(4):
        with RawConnection(realm.broker.port) as connection:
            connection.send(connect_packet("api.x", "api", realm.token("api", "api.x")))
            assert connection.read_until(CONNACK)
            names = [f"user{round_ * 100 + number}" for number in range(100)]
            for number, name in enumerate(names, 1):
                revocation = encode_revocations([Revocation(name, None, now_ms())])
                connection.send(publish_packet(CONTROL, revocation, packet_id=number))
            answers = iter(names)
            for _ in range(5 + 10 * round_):
                assert connection.read_until(PUBACK)
                confirmed.add(next(answers))
            realm.broker.kill()
            while connection.read_until(PUBACK):  # those that were on their way
                confirmed.add(next(answers))
        realm.close()
        realm.start()
        assert confirmed <= {line["username"] for line in _lines(realm)}
