"""Reading: conversations, history, the sync feed, single messages."""

import base64
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from uuid import uuid4

import psycopg2
import pytest

from auth_api.pool import Pool
from auth_api.queries.conversations import conversations
from auth_api.tokens import AccessClaims
from db import ARCHIVE_LOCK
from tests.integration.api.archive import Archive
from tests.integration.api.people import Person, assert_problem
from tests.support.stack import RunningStack


def history(person: Person, other: str, **query: int) -> dict[str, object]:
    answer = person.ask("GET", f"/v1/conversations/direct/{other}/messages", params=query)
    assert answer.status_code == 200, answer.text
    page: dict[str, object] = answer.json()
    return page


def seqs(page: dict[str, object]) -> list[int]:
    messages = page["messages"]
    assert isinstance(messages, list)
    return [message["seq"] for message in messages]


def test_a_message_is_shown_as_the_contract_has_it(alice: Person, bob: Person, archive: Archive) -> None:
    identity, sent = uuid4(), datetime(2026, 1, 31, 12, 0, 0, 123000, UTC)
    seq = archive.store(alice.username, bob.username, "hé".encode(), message_id=identity, sent_at=sent)
    for reader, other in ((alice, bob), (bob, alice)):
        shown = reader.ask("GET", f"/v1/messages/{seq}").json()
        received = shown.pop("received_at")
        assert received.endswith("Z")
        assert shown == {
            "id": str(identity),
            "seq": seq,
            "conversation": {"type": "direct", "with": other.username},
            "sender": alice.username,
            "content_type": "text/plain; charset=utf-8",
            "body": "hé",
            "sent_at": "2026-01-31T12:00:00.123Z",
        }


def test_what_the_sender_did_not_say_comes_from_the_archive(alice: Person, bob: Person, archive: Archive) -> None:
    shown = alice.ask("GET", f"/v1/messages/{archive.store(alice.username, bob.username)}").json()
    assert shown["sent_at"] == shown["received_at"]
    assert "relation" not in shown


def test_a_reply_names_the_seq_of_its_target(alice: Person, bob: Person, archive: Archive) -> None:
    first = archive.store(alice.username, bob.username)
    reply = archive.store(bob.username, alice.username, relation=("reply", first))
    retraction = archive.store(alice.username, bob.username, b"", relation=("retract", first))
    shown = alice.ask("GET", f"/v1/messages/{reply}").json()
    assert (shown["relation"], shown["relates_to"]) == ("reply", first)
    assert alice.ask("GET", f"/v1/messages/{retraction}").json().keys().isdisjoint({"body", "body_base64"})


@pytest.mark.parametrize(
    ("content_type", "body", "name"),
    [
        ("application/json", b'{"a": 1}', "body"),
        ("application/geo+json; q=1", b"{}", "body"),
        ("text/html", b"<b>", "body"),
        ("text/plain; charset=latin-1", b"abc", "body"),
        ("text/plain; charset=latin-1", b"\xe9", "body_base64"),
        ("application/json", b"\xff", "body_base64"),
        ("image/png", b"abc", "body_base64"),
        ("application/octet-stream", b"\x00", "body_base64"),
        (None, b"\x00", "body"),
        (None, b"\xff", "body_base64"),
    ],
)
def test_a_body_is_text_or_base64(
    alice: Person, archive: Archive, content_type: str | None, body: bytes, name: str
) -> None:
    shown = alice.ask("GET", f"/v1/messages/{archive.store(alice.username, alice.username, body, content_type)}").json()
    as_shown = {"body": shown.get("body"), "body_base64": shown.get("body_base64")}
    text = body.decode() if name == "body" else None
    assert as_shown == {"body": text, "body_base64": None if text is not None else base64.b64encode(body).decode()}


def test_history_pages_in_both_directions(alice: Person, bob: Person, archive: Archive) -> None:
    stored = [archive.store(alice.username, bob.username, f"{number}".encode()) for number in range(7)]
    newest = history(bob, alice.username, limit=3)
    assert (seqs(newest), newest["has_more"]) == (stored[4:], True)
    older = history(bob, alice.username, limit=3, before_seq=stored[4])
    assert (seqs(older), older["has_more"]) == (stored[1:4], True)
    oldest = history(bob, alice.username, limit=3, before_seq=stored[1])
    assert (seqs(oldest), oldest["has_more"]) == (stored[:1], False)
    newer = history(bob, alice.username, limit=3, after_seq=stored[0])
    assert (seqs(newer), newer["has_more"]) == (stored[1:4], True)
    last = history(bob, alice.username, limit=3, after_seq=stored[3])
    assert (seqs(last), last["has_more"]) == (stored[4:], False)
    exact = history(bob, alice.username, limit=7)
    assert (seqs(exact), exact["has_more"]) == (stored, False)
    both = bob.ask("GET", f"/v1/conversations/direct/{alice.username}/messages?before_seq=9&after_seq=1")
    assert_problem(both, 422, "before_seq")


def test_history_with_somebody_one_never_talked_to_is_empty(alice: Person, bob: Person) -> None:
    assert history(alice, bob.username) == {"messages": [], "has_more": False}
    assert_problem(alice.ask("GET", "/v1/conversations/direct/nobody-at-all/messages"), 404)


def test_a_notebook_is_a_conversation_with_oneself(alice: Person, archive: Archive) -> None:
    stored = archive.store(alice.username, alice.username, b"milk")
    assert seqs(history(alice, alice.username)) == [stored]
    (entry,) = alice.ask("GET", "/v1/conversations").json()["conversations"]
    assert entry["conversation"] == {"type": "direct", "with": alice.username}
    assert entry["unread"] == 0
    assert seqs(alice.ask("GET", "/v1/messages").json()) == [stored]


def test_nobody_else_reads_a_message(
    alice: Person, bob: Person, new_person: Callable[[], Person], archive: Archive
) -> None:
    eve = new_person()
    seq = archive.store(alice.username, bob.username)
    assert_problem(eve.ask("GET", f"/v1/messages/{seq}"), 404)
    assert history(eve, alice.username)["messages"] == []
    assert eve.ask("GET", "/v1/messages").json()["messages"] == []
    assert eve.ask("GET", "/v1/conversations").json()["conversations"] == []


def test_conversations_are_listed_by_their_newest_message(
    alice: Person, new_person: Callable[[], Person], archive: Archive
) -> None:
    others = [new_person() for _ in range(5)]
    for other in others:
        archive.store(other.username, alice.username, b"1")
    archive.store(others[0].username, alice.username, b"2")
    archive.store(alice.username, others[0].username, b"3")
    first = alice.ask("GET", "/v1/conversations?limit=3").json()
    names = [entry["conversation"]["with"] for entry in first["conversations"]]
    assert names == [others[index].username for index in (0, 4, 3)]
    assert first["conversations"][0]["last_message"]["body"] == "3"
    assert [entry["unread"] for entry in first["conversations"]] == [2, 1, 1]
    second = alice.ask("GET", "/v1/conversations", params={"limit": 3, "cursor": first["next_cursor"]}).json()
    names = [entry["conversation"]["with"] for entry in second["conversations"]]
    assert names == [others[2].username, others[1].username]
    assert second["next_cursor"] is None


def test_unread_counts_from_where_one_has_read(alice: Person, bob: Person, archive: Archive) -> None:
    seen = archive.store(bob.username, alice.username)
    archive.store(bob.username, alice.username)
    archive.mark_read(alice.username, seen)
    (entry,) = alice.ask("GET", "/v1/conversations").json()["conversations"]
    assert (entry["unread"], entry["last_read_seq"]) == (1, seen)


def test_only_conversations_that_are_listed_are_counted(
    alice: Person, bob: Person, new_person: Callable[[], Person], archive: Archive, api_stack: RunningStack
) -> None:
    """Each unread message is read for that, and there may be very many of them."""
    for _ in range(50):
        archive.store(bob.username, alice.username)
    archive.store(new_person().username, alice.username)
    with closing(Pool(api_stack.database_url, 1)) as pool, pool.transaction() as cur:

        def rows_read() -> int:
            cur.execute("SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'messages'")
            ((count,),) = cur.fetchall()
            return int(count)

        claims = AccessClaims(alice.username, alice.device)
        before = rows_read()
        (entry,), has_more = conversations(cur, claims, None, 1)
        assert (entry.unread, has_more) == (1, True)
        assert rows_read() - before < 10
        (_, entry), has_more = conversations(cur, claims, None, 2)
        assert (entry.unread, has_more) == (50, False)
        assert rows_read() - before > 50


def test_the_feed_holds_every_conversation_in_order(
    alice: Person, new_person: Callable[[], Person], archive: Archive
) -> None:
    others = [new_person() for _ in range(3)]
    stored = []
    for number in range(12):
        pair = (alice, others[number % 3]) if number % 2 else (others[number % 3], alice)
        stored.append(archive.store(pair[0].username, pair[1].username))
        archive.store(others[0].username, others[1].username)
    read, after, more = [], 0, True
    while more:
        page = alice.ask("GET", "/v1/messages", params={"after_seq": after, "limit": 5}).json()
        read += seqs(page)
        after, more = page["next_after_seq"], page["has_more"]
    assert read == stored
    assert alice.ask("GET", f"/v1/messages?after_seq={after}").json() == {
        "messages": [], "has_more": False, "next_after_seq": after,
    }  # fmt: skip


def test_a_reader_who_pages_while_others_write_skips_nothing(
    alice: Person, bob: Person, api_stack: RunningStack
) -> None:
    stored: list[int] = []
    guard = threading.Lock()

    def write(sender: Person, to: Person) -> None:
        with closing(psycopg2.connect(api_stack.database_url)) as db:
            for _ in range(60):
                with db, db.cursor() as cur:
                    cur.execute("SELECT pg_advisory_xact_lock(%s)", (ARCHIVE_LOCK,))
                    seq = Archive(db).store(sender.username, to.username)
                with guard:
                    stored.append(seq)

    threads = [threading.Thread(target=write, args=pair) for pair in ((alice, bob), (bob, alice), (alice, alice))]
    for thread in threads:
        thread.start()
    read, after = [], 0
    while (
        any(thread.is_alive() for thread in threads)
        or alice.ask("GET", "/v1/messages", params={"after_seq": after, "limit": 1}).json()["messages"]
    ):
        page = alice.ask("GET", "/v1/messages", params={"after_seq": after, "limit": 7}).json()
        read += seqs(page)
        after = page["next_after_seq"]
    for thread in threads:
        thread.join()
    assert read == sorted(stored)
