"""Accounts that are deleted while they write, and are written to, all the time."""

import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing

import httpx
import psycopg2
import pytest
from psycopg2.extensions import connection

from tests.integration.api.groups import create, roles
from tests.integration.api.people import PASSWORD, Person, register
from tests.support.stack import RunningStack, wait_for
from tests.support.torrent import Torrent
from wire.topics import group_filter, group_messages, inbox, own_inbox_filter

DELETIONS = 5
PAUSE_SECONDS = 0.002
"""Between two messages of a flow: there is one at each moment, but all can be counted afterwards."""


class Words:
    """Makes payloads, each once, which say whether the deletion had been answered before they were sent."""

    def __init__(self) -> None:
        self.prefix = b"early"

    def word(self) -> bytes:
        """Make a payload; called right before it is sent."""
        time.sleep(PAUSE_SECONDS)
        return self.prefix + b" %d" % secrets.randbits(64)


def connect(stack: ExitStack, person: Person) -> Torrent:
    answer = person.ask("POST", "/v1/sessions/current/mqtt")
    assert answer.status_code == 200, answer.text
    torrent = Torrent(answer.json())
    stack.callback(torrent.close)
    return torrent


@pytest.fixture
def db(shared_stack: RunningStack) -> Iterator[connection]:
    """Open the running stack's database; every statement stands alone."""
    with closing(psycopg2.connect(shared_stack.database_url)) as opened:
        opened.autocommit = True
        yield opened


class Archive:
    """What is stored of two people, by their ids."""

    def __init__(self, db: connection, alice: Person, bob: Person, group: str) -> None:
        self._db = db
        self.alice = self._one("SELECT id FROM users WHERE username = %s", alice.username)
        self.bob = self._one("SELECT id FROM users WHERE username = %s", bob.username)
        self._group = group

    def direct(self, sender: object) -> list[bytes]:
        """List what one of them wrote to the other."""
        low, high = sorted((int(str(self.alice)), int(str(self.bob))))
        return self._bodies("c.user_low = %s AND c.user_high = %s AND m.sender_id = %s", low, high, sender)

    def notebook(self, user: object) -> list[bytes]:
        """List what somebody wrote to themselves."""
        return self._bodies("c.user_low = %s AND c.user_high = %s", user, user)

    def group(self, sender: object) -> list[bytes]:
        """List what one of them wrote to the group."""
        return self._bodies("c.group_id = %s AND m.sender_id = %s", self._group, sender)

    def refused(self, topic: str) -> list[bytes]:
        """List what was refused on a topic because there is no such user."""
        return self._list("SELECT body FROM dead_letters WHERE topic = %s AND reason = 'unknown_recipient'", topic)

    def tombstone(self) -> str:
        """Name what alice is called now."""
        return str(self._one("SELECT username FROM users WHERE id = %s", self.alice))

    def is_done(self) -> bool:
        """Whether all that alice left has been taken away."""
        return self._list("SELECT ''::bytea FROM erasures UNION ALL SELECT ''::bytea FROM leftovers") == []

    def _bodies(self, condition: str, *values: object) -> list[bytes]:
        joined = "SELECT m.body FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE"
        return self._list(f"{joined} {condition} ORDER BY m.seq", *values)

    def _list(self, query: str, *values: object) -> list[bytes]:
        with self._db.cursor() as cur:
            cur.execute(query, values)
            return [bytes(body) for (body,) in cur.fetchall()]

    def _one(self, query: str, value: object) -> object:
        with self._db.cursor() as cur:
            cur.execute(query, (value,))
            [(found,)] = cur.fetchall()
        return found


def late(payloads: Iterable[bytes]) -> list[bytes]:
    return [each for each in payloads if each.startswith(b"late")]


def race(http: httpx.Client, bob: Person, db: connection) -> None:
    """Let both write to everybody; delete alice; see where each message is."""
    alice = register(http, f"alice-{secrets.token_hex(4)}")
    group = create(alice, members=[bob.username])
    archive, words = Archive(db, alice, bob, group), Words()
    with ExitStack() as stack:
        to_bob, to_herself, to_group = hers = [connect(stack, alice.again()) for _ in range(3)]
        to_alice, from_bob, listening = [connect(stack, bob.again()) for _ in range(3)]
        listening.subscribe([group_filter(group), own_inbox_filter(bob.username)])
        to_bob.begin(inbox(bob.username, alice.username), words.word)
        to_herself.begin(inbox(alice.username, alice.username), words.word)
        to_group.begin(group_messages(group, alice.username), words.word)
        to_alice.begin(inbox(alice.username, bob.username), words.word)
        from_bob.begin(group_messages(group, bob.username), words.word)
        for written in (archive.notebook, archive.direct, archive.group):
            wait_for(lambda written=written: len(written(archive.alice)) > 50, "what alice writes is stored")  # type: ignore[misc]  # a default is typed by its use
        assert alice.ask("DELETE", "/v1/me", json={"password": PASSWORD}).status_code == 204
        words.prefix = b"late"
        wait_for(lambda: all(each.over.is_set() for each in hers), "alice is cut off")
        wait_for(lambda: min(len(late(each.accepted)) for each in (to_alice, from_bob)) > 10, "bob goes on")
        for each in (to_alice, from_bob):
            finish(each, archive, bob, words)
        assert late(payload for each in hers for payload in each.accepted) == []
        assert late(each.payload for each in listening.received if each.topic.endswith(f"/{alice.username}")) == []
        wait_for(archive.is_done, "what alice left is taken away")
        assert archive.notebook(archive.alice) == []
        assert set(archive.direct(archive.alice)) <= {*to_bob.accepted, *to_bob.pending}
        assert set(archive.group(archive.alice)) <= {*to_group.accepted, *to_group.pending}
        refused = archive.refused(inbox(alice.username, bob.username))
        assert sorted([*archive.direct(archive.bob), *refused]) == sorted(to_alice.accepted[:-1])
        assert late(archive.direct(archive.bob)) == []
        assert archive.group(archive.bob) == from_bob.accepted[:-1]
    shown = [each.encode() for each in read_all(bob, archive.tombstone())]
    assert sorted(shown) == sorted([*archive.direct(archive.alice), *archive.direct(archive.bob)])
    assert roles(bob, group) == {bob.username: "owner"}


def finish(torrent: Torrent, archive: Archive, bob: Person, words: Words) -> None:
    """Let bob's flow end, and wait until what he wrote last is stored: it comes after all the rest."""
    torrent.end_flow()
    mark = words.word()
    torrent.publish(inbox(bob.username, bob.username), mark)
    wait_for(lambda: mark in torrent.accepted and mark in archive.notebook(archive.bob), "all is stored")


def read_all(person: Person, other: str) -> list[str]:
    found: list[str] = []
    after, more = 0, True
    while more:
        query = {"after_seq": after, "limit": 200}
        page = person.ask("GET", f"/v1/conversations/direct/{other}/messages", params=query).json()
        found += [message["body"] for message in page["messages"]]
        after, more = page["messages"][-1]["seq"] if page["messages"] else after, page["has_more"]
    return found


@pytest.mark.timeout(300)
def test_every_message_of_a_deletion_lies_before_or_after_it(shared_stack: RunningStack, db: connection) -> None:
    logged = {part: len(part.log) for part in (shared_stack.api, shared_stack.archiver)}
    with httpx.Client(base_url=shared_stack.server, trust_env=False, timeout=60) as http:
        bob = register(http, f"bob-{secrets.token_hex(4)}")
        for _ in range(DELETIONS):
            race(http, bob, db)
    assert not any("Traceback" in part.log[length:] for part, length in logged.items())
