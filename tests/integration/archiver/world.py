"""One archiver process, and what a test looks at: rows, receipts, the log."""

import json
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg2
from mqtt5 import PublishPacket, QoS

from scripts.stack.config import ROOT
from scripts.stack.process import Command, Process
from tests.support.broker import Realm
from tests.support.peer import Peer
from tests.support.raw_mqtt import CONNACK, PUBACK, RawConnection, connect_packet
from tests.support.stack import wait_for
from wire.receipts import Receipt, Watermark, decode_receipts, decode_watermarks
from wire.tokens import user_acl
from wire.topics import archived, group_archived, inbox


class World:
    """Broker, database and one archiver."""

    def __init__(self, directory: Path, realm: Realm, url: str, settings: Mapping[str, str]) -> None:
        self.realm = realm
        self.url = url
        self.direct_url = url
        self.settings = settings
        self.process: Process | None = None
        self._directory = directory
        self._token = directory / "archiver.token"
        self.write_token(realm.token("archiver", "archiver.1"))

    def write_token(self, token: str) -> None:
        """Give the archiver another token."""
        self._token.write_text(token + "\n")

    def environment(self) -> dict[str, str]:
        """Return the archiver's settings."""
        return {
            "NIGHTJAR_DATABASE_URL": self.url,
            "NIGHTJAR_MQTT_URL": f"mqtt://127.0.0.1:{self.realm.broker.port}",
            "NIGHTJAR_ARCHIVER_TOKEN_FILE": str(self._token),
            "NIGHTJAR_ARCHIVER_HEALTH_FILE": str(self._directory / "run" / "health"),
            **self.settings,
        }

    def start(self, *, ready: bool = True) -> None:
        """Start the archiver, again too."""
        argv = [sys.executable, "-m", "archiver"]
        self.process = Process(Command("archiver", argv, self._directory / "archiver.log", ROOT, self.environment()))
        if ready:
            self.wait_state("ready")

    def health(self) -> subprocess.CompletedProcess[str]:
        """Run the health command."""
        return subprocess.run(
            [sys.executable, "-m", "archiver", "health"],
            check=False,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, **self.environment()},
        )

    def state(self) -> str:
        """Return the state in the health file, if the file is by the process that runs."""
        try:
            content = json.loads((self._directory / "run" / "health").read_text())
        except FileNotFoundError:
            return "no file"
        return str(content["state"]) if self.process and content["pid"] == self.process.pid else "of another process"

    def wait_state(self, state: str, timeout: float = 60.0) -> None:
        """Wait until the archiver says that it is in this state."""

        def reached() -> bool:
            assert self.process
            assert self.process.alive(), self.log
            return self.state() == state

        wait_for(reached, f"the archiver is {state!r}", timeout)

    @property
    def log(self) -> str:
        """All that the archiver has written."""
        return (self._directory / "archiver.log").read_text()

    def said(self, text: str) -> int:
        """Count the lines of the log with this text."""
        return sum(text in line for line in self.log.splitlines())

    def kill(self) -> None:
        """Kill -9 the archiver."""
        assert self.process
        self.process.kill()

    def stop(self) -> int:
        """Ask the archiver to end; returns its exit status."""
        return self.process.stop(timeout=60) if self.process else 0

    def send(self, number: signal.Signals) -> None:
        """Send the archiver a signal."""
        assert self.process
        self.process.send(number)

    def query(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a statement on the database."""
        with closing(psycopg2.connect(self.direct_url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def add_users(self, *names: str) -> None:
        """Register users."""
        self.query("INSERT INTO users (username) SELECT unnest(%s)", (list(names),))

    def stored(self) -> int:
        """Count stored messages."""
        return int(self.query("SELECT count(*) FROM messages")[0][0])

    def wait_stored(self, count: int, timeout: float = 60.0) -> None:
        """Wait until so many messages are stored."""
        wait_for(lambda: self.stored() >= count, f"{count} messages are stored", timeout)

    def bodies(self) -> list[bytes]:
        """Return the stored bodies in the order of their numbers."""
        return [bytes(body) for (body,) in self.query("SELECT body FROM messages ORDER BY seq")]

    def dead_letters(self) -> list[tuple[str, str]]:
        """Return reason and detail of each dead letter."""
        return self.query("SELECT reason, detail FROM dead_letters ORDER BY id")

    def connect(self, user: str, device: str = "aaaaaaaaaa", *, groups: Sequence[str] = (), **options: Any) -> Peer:
        """Connect a user, with a token of a member of these groups, whether the database agrees or not."""
        return self.realm.connect(user, f"{user}.{device}", acl=user_acl(user, groups), **options)

    def listener(self, user: str) -> Peer:
        """Connect another device of a user that hears the receipts."""
        peer = self.connect(user, "bbbbbbbbbb")
        assert peer.subscribe(archived(user), 0) == 0
        return peer

    def group_listener(self, user: str, group: str) -> Peer:
        """Connect another device of a user that hears the receipts to the members of a group."""
        peer = self.connect(user, "dddddddddd", groups=[group])
        assert peer.subscribe(group_archived(group), 0) == 0
        return peer

    def publish_many(self, sender: str, packets: Sequence[bytes], *, window: int = 500, version: int = 5) -> None:
        """Publish packets made beforehand, of that version of MQTT, over one connection, and wait for all PUBACKs."""
        client_id = f"{sender}.cccccccccc"
        with RawConnection(self.realm.broker.port, 30) as raw:
            raw.send(connect_packet(client_id, sender, self.realm.token(sender, client_id), version=version))
            answer = raw.read()
            assert answer
            assert answer.kind == CONNACK
            assert answer.body[1] == 0
            for start in range(0, len(packets), window):
                part = packets[start : start + window]
                raw.send(*part)
                for _ in part:
                    acknowledged = raw.read_until(PUBACK)
                    assert acknowledged


def message(
    to: str, sender: str, body: bytes, packet_id: int, properties: Sequence[tuple[str, str]] | None = None
) -> bytes:
    """Write a PUBLISH with an id of its own, or the properties given."""
    named = [("id", str(uuid4()))] if properties is None else list(properties)
    return PublishPacket(
        inbox(to, sender), body, qos=QoS.AT_LEAST_ONCE, packet_id=packet_id, user_properties=named
    ).write()


def numbered(to: str, sender: str, count: int, *, ids: bool = True, size: int = 0) -> list[bytes]:
    """Write messages whose bodies are their numbers."""
    properties = None if ids else ()
    return [
        message(to, sender, struct.pack(">I", number) + bytes(size), number % 60_000 + 1, properties)
        for number in range(count)
    ]


def numbers(bodies: Iterable[bytes]) -> list[int]:
    """Read such bodies back."""
    return [struct.unpack(">I", body[:4])[0] for body in bodies]


def watermarks(peer: Peer) -> list[Watermark]:
    """Return the watermarks that a listener has heard of so far."""
    return [watermark for heard in list(peer.messages) for watermark in decode_watermarks(heard.payload)]


def receipts(peer: Peer) -> list[Receipt]:
    """Return the receipts that a listener has heard so far."""
    return [receipt for heard in list(peer.messages) for receipt in decode_receipts(heard.payload)]


def wait_receipts(peer: Peer, count: int) -> list[Receipt]:
    """Wait until a listener has heard so many receipts."""
    wait_for(lambda: len(receipts(peer)) >= count, f"{count} receipts for {peer.client_id}")
    return receipts(peer)
