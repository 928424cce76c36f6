"""The export: all that is stored about somebody, nothing of others, and no harm to others while it is read."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg2
import pytest
from psycopg2.extensions import connection

from auth_api.export import STALLED_SECONDS
from tests.conftest import StackFactory
from tests.integration.api.archive import Archive
from tests.integration.api.conftest import FAST_HASH
from tests.integration.api.groups import create
from tests.integration.api.people import Person, assert_problem, register
from tests.support.stack import RunningStack, wait_for

MakePerson = Callable[[], Person]
Line = dict[str, Any]


def export(person: Person) -> list[Line]:
    answer = person.ask("GET", "/v1/me/export")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert answer.text.endswith("\n")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines[-1] == {"type": "end", "entries": len(lines) - 1}
    return lines[:-1]


def of_type(lines: list[Line], kind: str) -> list[Line]:
    return [{name: value for name, value in line.items() if name != "type"} for line in lines if line["type"] == kind]


def run(db: connection, statement: str, values: tuple[object, ...] | dict[str, object] | None = None) -> None:
    with db.cursor() as cur:
        cur.execute(statement, values)


def test_a_new_account_has_a_profile_and_a_session(alice: Person) -> None:
    lines = export(alice)
    assert [line["type"] for line in lines] == ["profile", "session"]
    assert of_type(lines, "profile") == [alice.ask("GET", "/v1/me").json()]
    assert of_type(lines, "session") == alice.ask("GET", "/v1/sessions").json()["sessions"]


def test_every_kind_of_thing_is_in_it(
    alice: Person, bob: Person, archive: Archive, db: connection, new_person: MakePerson
) -> None:
    carol = new_person()
    alice.ask("PATCH", "/v1/me", json={"display_name": "Zoë 🦉"})
    group = create(alice, members=[bob.username], title="Rüben")
    left = create(bob, members=[alice.username], title="left")
    assert alice.ask("DELETE", f"/v1/groups/{left}/members/{alice.username}").status_code == 204
    first = archive.store(bob.username, alice.username, b"from bob")
    archive.store(alice.username, alice.username, b"a note")
    for block in ("PUT", "DELETE"):
        assert alice.ask(block, f"/v1/blocks/{carol.username}").status_code == 204
        archive.store(carol.username, bob.username, b"of others")
    assert alice.ask("PUT", f"/v1/blocks/{carol.username}").status_code == 204
    archive.mark_read(alice.username, first)
    dead = "INSERT INTO dead_letters (received_at, topic, reason, detail, content_type, properties, body) VALUES"
    properties = json.dumps([["id", "a\0\ud800b"]])
    for sender, to in ((alice, bob), (bob, alice)):
        topic = f"users/{to.username}/inbox/{sender.username}"
        run(db, f"{dead} (now(), %s, 'malformed', 'why', 'x/y', %s, %s)", (topic, properties, b"\x00\xff"))
    lines = export(alice)
    order = ["profile", "session", "group", "block", "marker", "span", "message", "refused"]
    assert list(dict.fromkeys(line["type"] for line in lines)) == order
    assert of_type(lines, "profile")[0]["display_name"] == "Zoë 🦉"
    [shown] = of_type(lines, "group")
    asked = alice.ask("GET", f"/v1/groups/{group}").json()
    assert {**shown, "members": 2} == {**asked, "joined_at": shown["joined_at"]}
    assert [(each["username"], each["until_seq"] is None) for each in of_type(lines, "block")] == [
        (carol.username, False), (carol.username, True),
    ]  # fmt: skip
    markers = {json.dumps(each["conversation"]): each["read_seq"] for each in of_type(lines, "marker")}
    assert markers == {
        json.dumps(conversation): first
        for conversation in (
            {"type": "group", "id": group},
            {"type": "group", "id": left},
            {"type": "direct", "with": bob.username},
            {"type": "direct", "with": alice.username},
        )
    }
    spans = {each["conversation"]["id"]: each["until_seq"] is None for each in of_type(lines, "span")}
    assert spans == {group: True, left: False}
    assert [each["body"] for each in of_type(lines, "message")] == ["from bob", "a note"]
    assert of_type(lines, "message")[0] == alice.ask("GET", f"/v1/messages/{first}").json()
    [refused] = of_type(lines, "refused")
    assert refused.pop("received_at")
    assert refused == {
        "topic": f"users/{bob.username}/inbox/{alice.username}", "reason": "malformed", "detail": "why",
        "content_type": "x/y", "properties": [["id", "a\0?b"]], "body_base64": "AP8=",
    }  # fmt: skip


def test_what_a_block_hides_is_not_in_it(alice: Person, bob: Person, archive: Archive) -> None:
    archive.store(bob.username, alice.username, b"before")
    assert alice.ask("PUT", f"/v1/blocks/{bob.username}").status_code == 204
    archive.store(bob.username, alice.username, b"hidden")
    archive.store(alice.username, bob.username, b"own")
    assert [each["body"] for each in of_type(export(alice), "message")] == ["before", "own"]
    assert [each["body"] for each in of_type(export(bob), "message")] == ["before", "hidden", "own"]


def test_an_edited_message_has_what_it_said_before(
    alice: Person, bob: Person, archive: Archive, db: connection
) -> None:
    first = archive.store(alice.username, bob.username, b"one")
    edit = archive.store(alice.username, bob.username, b"two", relation=("edit", first))
    run(db, "UPDATE messages SET changed = true WHERE seq = %s", (first,))
    edited, _ = of_type(export(bob), "message")
    assert (edited["body"], [each["body"] for each in edited["versions"]]) == ("two", ["one", "two"])
    assert edited["versions"] == bob.ask("GET", f"/v1/messages/{first}/versions").json()["versions"]
    assert edited["versions"][1]["seq"] == edit


def test_long_lists_and_conversations_are_whole_and_in_order(
    alice: Person, bob: Person, archive: Archive, db: connection
) -> None:
    """Each is longer than a page, and one exactly as long as two."""
    archive.store(bob.username, alice.username)
    archive.store(alice.username, alice.username)
    run(
        db,
        """
        INSERT INTO messages (seq, conversation_id, sender_id, received_at, message_id, body)
        SELECT nextval('message_seq'), c.id, c.user_low, now(), gen_random_uuid(), 'hello'
        FROM conversations c JOIN users u ON u.id IN (c.user_low, c.user_high),
             generate_series(1, CASE WHEN c.user_low = c.user_high THEN 199 ELSE 250 END)
        WHERE u.username = %(alice)s;
        INSERT INTO users (username) SELECT %(alice)s || '-' || n FROM generate_series(1, 1003) n;
        INSERT INTO conversations (user_low, user_high)
        SELECT a.id, o.id FROM users a, users o
        WHERE a.username = %(alice)s AND o.username LIKE %(alice)s || '-%%' AND o.id > a.id;
        INSERT INTO participants (user_id, conversation_id)
        SELECT a.id, c.id FROM users a JOIN conversations c ON c.user_low = a.id
        WHERE a.username = %(alice)s ON CONFLICT DO NOTHING;
        INSERT INTO blocks (user_id, blocked_id, after_seq)
        SELECT a.id, o.id, 0 FROM users a, users o
        WHERE a.username = %(alice)s AND o.username LIKE %(alice)s || '-%%'
        """,
        {"alice": alice.username},
    )
    lines = export(alice)
    seqs = [each["seq"] for each in of_type(lines, "message")]
    assert len(seqs) == len(set(seqs)) == 251 + 200
    for other in (alice.username, bob.username):
        within = [each["seq"] for each in of_type(lines, "message") if each["conversation"]["with"] == other]
        assert within == sorted(within)
    assert len({each["username"] for each in of_type(lines, "block")}) == 1003
    assert len({each["conversation"]["with"] for each in of_type(lines, "marker")}) == 1005


def test_it_needs_a_session(http: httpx.Client, alice: Person) -> None:
    assert_problem(http.get("/v1/me/export"), 401)
    assert alice.ask("DELETE", "/v1/sessions/current").status_code == 204
    assert_problem(alice.ask("GET", "/v1/me/export"), 401)


def test_asking_only_for_the_head_holds_nothing_up(alice: Person) -> None:
    for _ in range(5):
        answer = alice.ask("HEAD", "/v1/me/export")
        assert (answer.status_code, answer.content) == (200, b"")
    export(alice)


# --- Those who read slowly, or not at all ---------------------------------------------------------------------------

MANY = 20_000


@pytest.fixture
def own(stack_factory: StackFactory) -> RunningStack:
    """Run an API of one worker with four threads, one of which may export, over a long history of alice's."""
    settings = {"NIGHTJAR_PASSWORD_HASH": FAST_HASH, "NIGHTJAR_API_WORKERS": "1", "NIGHTJAR_API_THREADS": "4"}
    return stack_factory(**settings).start("broker", "api")


@pytest.fixture
def http(request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """Open a client: of the test's own API if it has one, else of the one that all share."""
    name = "own" if "own" in request.fixturenames else "api_stack"
    with httpx.Client(base_url=request.getfixturevalue(name).server, trust_env=False, timeout=60) as client:
        yield client


def long_history(stack: RunningStack, person: Person, messages: int, size: int = 1000) -> None:
    with closing(psycopg2.connect(stack.database_url)) as db, db:
        run(
            db,
            """
            WITH c AS (INSERT INTO conversations (user_low, user_high) SELECT id, id FROM users WHERE username = %(who)s
                       RETURNING id, user_low),
            p AS (INSERT INTO participants (user_id, conversation_id) SELECT user_low, id FROM c)
            INSERT INTO messages (seq, conversation_id, sender_id, received_at, message_id, body)
            SELECT nextval('message_seq'), id, user_low, now(), gen_random_uuid(), repeat('x', %(size)s)::bytea
            FROM c, generate_series(1, %(messages)s);
            UPDATE conversations SET last_seq = (SELECT max(seq) FROM messages) WHERE group_id IS NULL
            """,
            {"who": person.username, "messages": messages, "size": size},
        )


@contextmanager
def unread(stack: RunningStack, person: Person) -> Iterator[socket.socket]:
    """Ask for an export and read nothing but its first bytes."""
    parts = urlsplit(stack.server)
    with socket.socket() as asking:
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asking.settimeout(30)
        asking.connect((parts.hostname, parts.port))
        head = f"GET /v1/me/export HTTP/1.1\r\nHost: x\r\nAuthorization: {person.auth['Authorization']}\r\n\r\n"
        asking.sendall(head.encode())
        assert asking.recv(12) == b"HTTP/1.1 200"
        yield asking


def busy_connections(stack: RunningStack) -> int:
    with closing(psycopg2.connect(stack.database_url)) as db, db.cursor() as cur:
        cur.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        [(count,)] = cur.fetchall()
    return int(count)


def test_whoever_does_not_read_holds_up_only_their_own_next_export(own: RunningStack, http: httpx.Client) -> None:
    alice, bob = register(http, "alice"), register(http, "bobby")
    long_history(own, alice, MANY)
    with unread(own, alice):
        wait_for(lambda: busy_connections(own) == 0, "no connection to the database is in use")
        began = time.monotonic()
        answer = alice.ask("GET", "/v1/me/export")
        assert_problem(answer, 503)  # one of four threads may export, and one does
        assert int(answer.headers["Retry-After"]) >= 1
        for _ in range(20):
            assert bob.ask("GET", "/v1/me").status_code == 200
        assert time.monotonic() - began < STALLED_SECONDS, "nobody waited for who does not read"
    wait_for(lambda: alice.ask("HEAD", "/v1/me/export").status_code == 200, "whoever went away is noticed")
    assert len(of_type(export(alice), "message")) == MANY
    assert "Traceback" not in own.api.log


def test_one_export_at_a_time_of_a_user_in_all_workers(stack_factory: StackFactory) -> None:
    stack = stack_factory(NIGHTJAR_PASSWORD_HASH=FAST_HASH, NIGHTJAR_API_WORKERS="2").start("broker", "api")
    with httpx.Client(base_url=stack.server, trust_env=False, timeout=60) as http:
        alice, bob = register(http, "alice"), register(http, "bobby")
        long_history(stack, alice, MANY)
        with unread(stack, alice):
            for _ in range(8):
                with httpx.Client(base_url=stack.server, trust_env=False, timeout=60) as another:
                    asked = Person(another, "alice", alice.session)
                    refused = asked.ask("GET", "/v1/me/export")
                    assert_problem(refused, 429)
                    assert int(refused.headers["Retry-After"]) >= 1
            assert [line["type"] for line in export(bob)] == ["profile", "session"]
        wait_for(lambda: alice.ask("HEAD", "/v1/me/export").status_code == 200, "whoever went away is noticed")


def test_whoever_stalls_is_cut_off(own: RunningStack, http: httpx.Client) -> None:
    """Half a minute without taking a piece is too long."""
    alice = register(http, "alice")
    long_history(own, alice, MANY)
    with unread(own, alice) as asking:
        wait_for(lambda: alice.ask("HEAD", "/v1/me/export").status_code == 200, "the stalled one is cut off", 60)
        text = b"".join(iter(lambda: _received(asking), b""))
    assert b'"type":"end"' not in text
    assert not text.endswith(b"0\r\n\r\n")
    assert "Traceback" not in own.api.log
    assert "cut off somebody who does not read" in own.api.log


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except ConnectionResetError:
        return b""


def test_a_session_that_ends_ends_the_export(own: RunningStack, http: httpx.Client) -> None:
    alice = register(http, "alice")
    long_history(own, alice, MANY)
    with http.stream("GET", "/v1/me/export", headers=alice.auth) as answer:
        lines = answer.iter_lines()
        next(lines)
        with httpx.Client(base_url=own.server, trust_env=False, timeout=60) as other:
            assert Person(other, "alice", alice.session).ask("DELETE", "/v1/sessions/current").status_code == 204
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
            list(lines)
    assert "Traceback" not in own.api.log
