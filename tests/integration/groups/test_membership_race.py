"""Members who publish and read as fast as they can while they are removed, again and again."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import psycopg2
import pytest

from tests.integration.api.groups import create
from tests.integration.api.people import Person, register
from tests.support.stack import RunningStack, wait_for
from tests.support.torrent import Torrent
from wire.topics import group_filter, group_messages, inbox, own_inbox_filter

REMOVALS = 200
LATE = b"late"
ATTEMPTS = 5


class Clock:
    """Says of each message whether the removal had been answered before it was sent."""

    def __init__(self) -> None:
        self.answered = threading.Event()

    def word(self) -> bytes:
        """Make a payload; called right before it is sent."""
        return (LATE if self.answered.is_set() else b"early") + b" %d" % secrets.randbits(64)


@contextmanager
def connected(block: dict[str, Any]) -> Iterator[Torrent]:
    torrent = Torrent(block)
    try:
        yield torrent
    finally:
        torrent.close()


def credentials(person: Person) -> dict[str, Any]:
    answer = person.ask("POST", "/v1/sessions/current/mqtt")
    assert answer.status_code == 200, answer.text
    block: dict[str, Any] = answer.json()
    return block


def is_refused(block: dict[str, Any]) -> bool:
    try:
        Torrent(block).close()
    except ConnectionRefusedError:
        return True
    return False


def late(torrent: Torrent, sender: Person) -> list[bytes]:
    """List what came late of a sender's messages to the group."""
    return [
        each.payload
        for each in torrent.received
        if each.payload.startswith(LATE) and each.topic.startswith("groups/") and each.topic.endswith(sender.username)
    ]


def race(owner: Person, to_owner: Torrent, member: Person, group: str) -> None:
    """Add the member, let both publish, remove the member, and see that it was the last that passed between them."""
    path = f"/v1/groups/{group}/members/{member.username}"
    assert owner.ask("PUT", path, json={"role": "member"}).status_code == 204
    old, clock = credentials(member), Clock()
    with connected(old) as of_member:
        assert of_member.subscribe([group_filter(group)]) == [1]
        before = len(to_owner.received)
        to_owner.begin(group_messages(group, owner.username), clock.word)
        of_member.begin(group_messages(group, member.username), clock.word)
        wait_for(lambda: len(of_member.received) > 10 and len(to_owner.received) > before + 10, "both are heard")
        answer = owner.ask("DELETE", path)
        clock.answered.set()
        assert answer.status_code == 204
        assert is_refused(old)
        wait_for(of_member.over.is_set, "the member is cut off")
        assert late(of_member, owner) == []
        assert [each for each in of_member.accepted if each.startswith(LATE)] == []
    come_back(owner, to_owner, member, group, clock)
    assert late(to_owner, member) == []


def come_back(owner: Person, to_owner: Torrent, member: Person, group: str, clock: Clock) -> None:
    """Connect the removed member again, who tries everything, while the owner goes on publishing."""
    mark = b"mark %d" % secrets.randbits(64)
    with connected(credentials(member)) as back:
        for _ in range(ATTEMPTS):
            assert back.subscribe([group_filter(group)]) == [0x87]
            back.publish(group_messages(group, member.username), clock.word())
        assert back.subscribe([own_inbox_filter(member.username)]) == [1]
        wait_for(lambda: len([each for each in to_owner.accepted if each.startswith(LATE)]) > 10, "the owner goes on")
        to_owner.end_flow()
        # Each of these two comes after all that its sender has published before.
        to_owner.publish(inbox(member.username, owner.username), mark)
        back.publish(inbox(owner.username, member.username), mark)
        wait_for(lambda: back.has(mark) and to_owner.has(mark), "both marks have come")
        wait_for(lambda: len(back.refused) == ATTEMPTS, "all attempts are answered")
        assert back.accepted == [mark]
        assert late(back, owner) == []
    to_owner.accepted.clear()
    to_owner.received.clear()


@pytest.mark.timeout(600)
def test_nothing_that_is_sent_after_the_answer_to_a_removal_passes(shared_stack: RunningStack) -> None:
    with httpx.Client(base_url=shared_stack.server, trust_env=False, timeout=60) as http:
        owner, member = (register(http, f"{name}-{secrets.token_hex(4)}") for name in ("owner", "member"))
        group = create(owner)
        with connected(credentials(owner)) as to_owner:
            assert to_owner.subscribe([group_filter(group), own_inbox_filter(owner.username)]) == [1, 1]
            for _ in range(REMOVALS):
                race(owner, to_owner, member, group)
    stored = archived_of(shared_stack, member)
    assert stored
    assert [body for body, is_within in stored if not is_within or body.startswith(LATE)] == []


def archived_of(stack: RunningStack, sender: Person) -> list[tuple[bytes, bool]]:
    """List what is stored of a sender's messages to groups, and whether each was before a removal and after a join."""
    with closing(psycopg2.connect(stack.database_url)) as db, db.cursor() as cur:
        cur.execute(
            """
            SELECT m.body, EXISTS (
                SELECT 1 FROM spans s WHERE s.user_id = m.sender_id AND s.conversation_id = m.conversation_id
                AND m.seq > s.after_seq AND m.seq <= s.until_seq
            )
            FROM messages m JOIN users u ON u.id = m.sender_id JOIN conversations c ON c.id = m.conversation_id
            WHERE u.username = %s AND c.group_id IS NOT NULL
            """,
            (sender.username,),
        )
        return [(bytes(body), is_within) for body, is_within in cur.fetchall()]
