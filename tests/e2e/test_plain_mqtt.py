"""Clients that are none of ours: a bare MQTT 3.1.1 one with no properties, and an MQTT 5 one that asks for receipts."""

import json
from uuid import uuid4

import pytest
from paho.mqtt.client import MQTTMessage
from paho.mqtt.enums import MQTTProtocolVersion

from tests.e2e.conftest import NewTerminal
from tests.e2e.mqtt_peer import Peer
from tests.e2e.people import Person, register


@pytest.fixture(scope="module")
def sensor(server: str) -> Person:
    """Register a device that speaks MQTT 3.1.1 and nothing else."""
    return register(server, "sensor")


def test_a_bare_mqtt_311_client_converses_with_a_terminal(
    sensor: Person, alice: Person, new_terminal: NewTerminal
) -> None:
    """Bodies only: they are archived, shown, and answered."""
    login, terminal = sensor.login("a thing"), new_terminal(alice)
    measured, ordered = f"21.5 degrees {uuid4()}", f"open the window {uuid4()}"
    with Peer(login.mqtt, version=MQTTProtocolVersion.MQTTv311) as thing, terminal.tail() as tail:
        thing.subscribe(f"users/{sensor.username}/inbox/+")
        thing.publish(f"users/{alice.username}/inbox/{sensor.username}", measured.encode())
        shown = tail.wait_for(measured)
        terminal.run("send", sensor.username, ordered)
        received = thing.wait_for(lambda message: message.payload == ordered.encode())
    assert shown["sender"] == sensor.username
    assert received.topic == f"users/{sensor.username}/inbox/{alice.username}"
    from_thing = login.wait_for_message(alice.username, measured)
    assert from_thing["sender"] == sensor.username
    assert from_thing["content_type"] == "text/plain; charset=utf-8"
    assert from_thing["id"], "the archiver gives an id to a message that has none"
    answered = login.wait_for_message(alice.username, ordered)
    assert from_thing["seq"] < answered["seq"]
    [mine] = [message for message in terminal.json("history", sensor.username) if message["body"] == measured]
    assert mine["seq"] == from_thing["seq"]


def test_the_sender_and_the_receiver_get_a_receipt_of_what_is_stored(alice: Person, bob: Person) -> None:
    """Each names the conversation from its own side."""
    at_alice, at_bob = alice.login(), bob.login()
    message_id, body = str(uuid4()), f"proof, please {uuid4()}"

    def names_it(message: MQTTMessage) -> bool:
        return message.topic.endswith("/archived") and message_id in message.payload.decode()

    with Peer(at_alice.mqtt) as alices, Peer(at_bob.mqtt) as bobs:
        for peer, person in ((alices, alice), (bobs, bob)):
            peer.subscribe(f"users/{person.username}/#")
        alices.publish(f"users/{bob.username}/inbox/{alice.username}", body.encode(), {"id": message_id})
        receipts = [_receipt(peer.wait_for(names_it), message_id) for peer in (alices, bobs)]
    stored = at_bob.wait_for_message(alice.username, body)
    assert [receipt["seq"] for receipt in receipts] == [stored["seq"]] * 2
    assert [receipt["status"] for receipt in receipts] == ["stored"] * 2
    assert [receipt["conversation"] for receipt in receipts] == [f"direct:{bob.username}", f"direct:{alice.username}"]
    assert stored["id"] == message_id


def test_the_same_message_published_again_is_stored_once_and_receipted_again(alice: Person, bob: Person) -> None:
    """The same id with another body is a conflict."""
    login, message_id, body = alice.login(), str(uuid4()), f"once {uuid4()}"
    topic = f"users/{bob.username}/inbox/{alice.username}"

    def names_it(message: MQTTMessage) -> bool:
        return message_id in message.payload.decode()

    with Peer(login.mqtt) as peer:
        peer.subscribe(f"users/{alice.username}/archived")
        seqs = []
        for _ in range(2):
            peer.publish(topic, body.encode(), {"id": message_id})
            seqs.append(_receipt(peer.wait_for(names_it), message_id)["seq"])
        peer.publish(topic, b"something else", {"id": message_id})
        conflict = _receipt(peer.wait_for(names_it), message_id)
    assert seqs[0] == seqs[1]
    assert (conflict["status"], conflict["reason"]) == ("rejected", "id_conflict")
    assert login.wait_for_message(bob.username, body)["seq"] == seqs[0]


def test_one_cannot_write_as_another(alice: Person, bob: Person) -> None:
    """The sender's level of the topic is proof."""
    login, forged = alice.login(), f"signed, bob {uuid4()}"
    with Peer(login.mqtt) as peer:
        peer.publish(f"users/{alice.username}/inbox/{bob.username}", forged.encode())
        peer.publish(f"users/{bob.username}/inbox/{alice.username}", b"an honest one")
    login.wait_for_message(bob.username, "an honest one")
    assert forged not in [message.get("body") for message in login.history_with(bob.username)]


def _receipt(message: MQTTMessage, message_id: str) -> dict[str, object]:
    [receipt] = [entry for entry in json.loads(message.payload)["messages"] if entry["id"] == message_id]
    found: dict[str, object] = receipt
    return found
