"""A person's program as the contract describes it: it reconnects with fresh credentials when it has to."""

import json
import time
from typing import Any
from uuid import uuid4

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.integration.api.people import Person
from tests.support.peer import Peer
from tests.support.stack import wait_for
from wire.receipts import Rejected, Stored, decode_receipts
from wire.topics import archived, events, group_filter, own_inbox_filter

REFUSED = 0x87


class Device:
    """One connection of a person at a time."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.peer = self._connect(set())

    def reconnect(self, groups: set[str]) -> None:
        """Fetch credentials, connect with them, and subscribe to what is one's own and to these groups."""
        self.peer.close()
        self.peer = self._connect(groups)

    def wait_told(self, kind: str, group: str) -> None:
        """Wait for an event about a group."""
        wanted = {"type": kind, "group": group}

        def is_told() -> bool:
            said = [json.loads(each.payload) for each in self.peer.messages if each.topic == events(self.name)]
            return any(wanted.items() <= event.items() for event in said)

        wait_for(is_told, f"{self.name} is told {kind}")

    def send(self, topic: str, body: bytes) -> Stored | Rejected | None:
        """Publish a message; returns its receipt, or None if the broker refuses it."""
        message_id = str(uuid4())
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho does not annotate it
        properties.UserProperty = [("id", message_id)]
        code = self.peer.publish(topic, body, properties=properties)
        if code >= 0x80:
            assert code == REFUSED
            return None
        found: list[Stored | Rejected] = []

        def receipted() -> bool:
            found[:] = [receipt for receipt in self._receipts() if receipt.id == message_id]
            return bool(found)

        wait_for(receipted, f"a receipt for {self.name}'s message on {topic}")
        return found[0]

    @property
    def name(self) -> str:
        """The person's username."""
        return self.person.username

    def close(self) -> None:
        """Disconnect."""
        self.peer.close()

    def _receipts(self) -> list[Stored | Rejected]:
        told = [each.payload for each in self.peer.messages if each.topic == archived(self.name)]
        return [receipt for payload in told for receipt in decode_receipts(payload)]

    def _connect(self, groups: set[str]) -> Peer:
        answer = self.person.ask("POST", "/v1/sessions/current/mqtt")
        assert answer.status_code == 200, answer.text
        block: dict[str, Any] = answer.json()
        peer = Peer(block["port"], block["client_id"], block["username"], block["password"])
        topics = [own_inbox_filter(self.name), archived(self.name), events(self.name), *map(group_filter, groups)]
        for topic in topics:
            assert peer.subscribe(topic) == 1, topic
        return peer


def read_feed(person: Person) -> set[int]:
    """Read all that a person may read, in pages."""
    found: list[int] = []
    after, more = 0, True
    while more:
        page = person.ask("GET", "/v1/messages", params={"after_seq": after, "limit": 20}).json()
        found += [message["seq"] for message in page["messages"]]
        after, more = page["next_after_seq"], page["has_more"]
    assert found == sorted(set(found))
    return set(found)


def read_export(person: Person) -> set[int]:
    """Read which messages a person's export holds; one that is still going on somewhere is waited for."""
    deadline = time.monotonic() + 60
    while (answer := person.ask("GET", "/v1/me/export")).status_code in {409, 429}:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    return {line["seq"] for line in lines if line["type"] == "message"}
