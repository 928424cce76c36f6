"""Edits, retractions, reactions and groups over REST, and how little a hostile member can make of them."""

from collections.abc import Callable
from contextlib import closing

import psycopg2
from psycopg2.extensions import connection

from auth_api.queries import outcomes
from auth_api.queries.outcomes import EDITS_LOOKED_AT, REACTIONS_LOOKED_AT, REACTIONS_SHOWN
from db import PLAN_ONCE
from tests.integration.api.archive import Archive
from tests.integration.api.people import Person, assert_problem
from tests.support.stack import RunningStack


def changed(db: connection, seq: int, *, emptied: tuple[int, ...] = ()) -> None:
    """Do what the archiver does to the target of an edit, a retraction or a reaction."""
    with db.cursor() as cur:
        cur.execute("UPDATE messages SET changed = true WHERE seq = %s", (seq,))
        cur.execute("UPDATE messages SET body = '' WHERE seq = ANY(%s)", (list(emptied),))


def show(person: Person, seq: int) -> dict[str, object]:
    answer = person.ask("GET", f"/v1/messages/{seq}")
    assert answer.status_code == 200, answer.text
    shown: dict[str, object] = answer.json()
    return shown


def versions(person: Person, seq: int) -> list[tuple[int, str]]:
    found = person.ask("GET", f"/v1/messages/{seq}/versions").json()["versions"]
    assert all(each.keys() >= {"seq", "content_type", "sent_at"} for each in found)
    return [(each["seq"], each.get("body") or each["body_base64"]) for each in found]


def test_an_edited_message_shows_its_newest_body_and_type(
    alice: Person, bob: Person, archive: Archive, db: connection
) -> None:
    first = archive.store(alice.username, bob.username, b"teh")
    second = archive.store(alice.username, bob.username, b"the", relation=("edit", first))
    third = archive.store(alice.username, bob.username, b"\xff", "image/png", relation=("edit", first))
    changed(db, first)
    shown = show(bob, first)
    assert (shown["content_type"], shown["body_base64"], "body" in shown) == ("image/png", "/w==", False)
    assert shown["edited_at"] == show(bob, third)["received_at"]
    assert shown["seq"] == first
    assert "edited_at" not in show(bob, second)
    assert show(bob, third)["relates_to"] == first
    for seq in (first, second, third):
        assert versions(bob, seq) == [(first, "teh"), (second, "the"), (third, "/w==")]


def test_a_retracted_message_has_neither_body_nor_versions(
    alice: Person, bob: Person, archive: Archive, db: connection
) -> None:
    first = archive.store(alice.username, bob.username, b"oops")
    edit = archive.store(alice.username, bob.username, b"worse", relation=("edit", first))
    reaction = archive.store(bob.username, alice.username, "👍".encode(), relation=("reaction", first))
    retraction = archive.store(alice.username, bob.username, b"", relation=("retract", first))
    changed(db, first, emptied=(first, edit))
    for seq in (first, edit):
        shown = show(bob, seq)
        assert shown["retracted_at"] == show(bob, retraction)["received_at"]
        assert shown.keys().isdisjoint({"body", "body_base64", "edited_at", "reactions"})
        assert versions(bob, seq) == []
    assert versions(bob, retraction) == []
    assert versions(bob, reaction) == [(reaction, "👍")]
    assert "retracted_at" not in show(bob, retraction)


def test_reactions_name_each_once_and_not_those_taken_back(
    alice: Person, bob: Person, new_person: Callable[[], Person], archive: Archive, db: connection
) -> None:
    first = archive.store(alice.username, bob.username)
    for sender, text in ((bob, "👍"), (alice, "👍"), (bob, "👍"), (bob, "❤")):
        to = bob if sender is alice else alice
        archive.store(sender.username, to.username, text.encode(), relation=("reaction", first))
    taken = archive.store(alice.username, bob.username, "❤".encode(), relation=("reaction", first))
    for odd in (b"\xff", b"x" * 65):
        archive.store(bob.username, alice.username, odd, relation=("reaction", first))
    changed(db, first, emptied=(taken,))
    expected = {"👍": sorted([alice.username, bob.username]), "❤": [bob.username]}
    assert show(alice, first)["reactions"] == expected
    page = alice.ask("GET", f"/v1/conversations/direct/{bob.username}/messages").json()
    assert page["messages"][0]["reactions"] == expected
    assert_problem(new_person().ask("GET", f"/v1/messages/{first}/versions"), 404)


_FLOOD = """
    INSERT INTO messages (seq, conversation_id, sender_id, relates_to_seq, received_at, message_id, relation, body)
    SELECT nextval('message_seq'), m.conversation_id, m.sender_id, m.seq, now(), gen_random_uuid(), %s,
           convert_to(n::text, 'UTF8')
    FROM messages m, generate_series(1, %s) n WHERE m.seq = %s
"""


def test_thousands_of_reactions_and_edits_make_no_page_huge(
    alice: Person, bob: Person, archive: Archive, db: connection, api_stack: RunningStack
) -> None:
    first = archive.store(alice.username, bob.username)
    many = 20_000
    with db.cursor() as cur:
        for relation in ("reaction", "edit", "retract"):
            cur.execute(_FLOOD, (relation, many, first))
    changed(db, first)
    shown = show(bob, first)
    reactions = shown["reactions"]
    assert isinstance(reactions, dict)
    assert (shown["body"], sorted(map(int, reactions))) == (
        str(many),
        list(range(many - REACTIONS_SHOWN + 1, many + 1)),
    )
    assert len(versions(bob, first)) == EDITS_LOOKED_AT + 1
    with closing(psycopg2.connect(api_stack.database_url)) as own, own.cursor() as cur:
        own.autocommit = True
        cur.execute(PLAN_ONCE)
        cur.execute("SELECT id FROM users WHERE username = %s", (bob.username,))
        ((reader,),) = cur.fetchall()
        for statement in (outcomes.OUTCOMES, outcomes.REACTIONS, outcomes.VERSIONS):
            cur.execute(statement.preparation)
            cur.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE {statement.name} ({reader}, '{{{first}}}')")
            (((explained, *_),),) = cur.fetchall()
            plan = explained["Plan"]
            assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 4 * REACTIONS_LOOKED_AT, statement.name


def test_a_group_one_was_never_in_is_not_there(alice: Person, bob: Person, db: connection) -> None:
    made = alice.ask("POST", "/v1/groups", json={"title": "Reading", "visibility": "open", "history": "all"})
    assert made.status_code == 201, made.text
    path = f"/v1/conversations/group/{made.json()['id']}/messages"
    assert alice.ask("GET", path).json() == {"messages": [], "has_more": False}
    assert_problem(bob.ask("GET", path), 404)
    assert_problem(bob.ask("GET", "/v1/conversations/group/gaaaaaaaaaaaa/messages"), 404)
    assert_problem(bob.ask("GET", "/v1/conversations/group/Reading/messages"), 422, "group")
    with db.cursor() as cur:
        cur.execute(
            """
            WITH c AS (SELECT id FROM conversations WHERE group_id = %s), m AS (
                INSERT INTO messages (seq, conversation_id, sender_id, received_at, message_id, body)
                SELECT nextval('message_seq'), c.id, u.id, now(), gen_random_uuid(), 'hello'
                FROM c, users u WHERE u.username = %s RETURNING seq, conversation_id
            )
            UPDATE conversations SET last_seq = m.seq FROM m WHERE id = m.conversation_id
            """,
            (made.json()["id"], alice.username),
        )
    (entry,) = alice.ask("GET", "/v1/conversations").json()["conversations"]
    assert (entry["title"], entry["conversation"]) == ("Reading", {"type": "group", "id": made.json()["id"]})
    assert bob.ask("POST", f"/v1/groups/{made.json()['id']}/join").status_code in {200, 202}
    (shown,) = bob.ask("GET", path).json()["messages"]
    assert (shown["sender"], shown["body"]) == (alice.username, "hello")
    (listed,) = bob.ask("GET", "/v1/conversations").json()["conversations"]
    assert (listed["unread"], listed["last_message"]["seq"]) == (0, shown["seq"])
