"""Deleting an account: what goes, what stays, and for whom."""

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import httpx
import psycopg2
import pytest
from psycopg2.extensions import connection

from auth_api.pool import Pool
from auth_api.purge import Purger
from auth_api.queries import users
from tests.conftest import StackFactory
from tests.integration.api.archive import Archive
from tests.integration.api.conftest import FAST_HASH
from tests.integration.api.groups import create, roles
from tests.integration.api.people import PASSWORD, Person, assert_problem, register
from tests.support.peer import Peer, connects
from tests.support.stack import RunningStack, wait_for
from wire.names import LOBBY, is_tombstone

MakePerson = Callable[[], Person]


def connect(stack: RunningStack, person: Person) -> Peer:
    block = person.session["mqtt"]
    return Peer(stack.mqtt_port, block["client_id"], block["username"], block["password"])


def renewed(person: Person) -> Person:
    """Return the same session with fresh MQTT credentials."""
    block = person.ask("POST", "/v1/sessions/current/mqtt").json()
    return Person(person.http, person.username, {**person.session, "mqtt": block}, person.password)


def delete(person: Person, status: int = 204) -> None:
    answer = person.ask("DELETE", "/v1/me", json={"password": PASSWORD})
    assert answer.status_code == status, answer.text


def rows(db: connection, query: str, *values: object) -> list[tuple[object, ...]]:
    with db.cursor() as cur:
        cur.execute(query, values)
        return cur.fetchall()


def user_id(db: connection, person: Person) -> object:
    [(found,)] = rows(db, "SELECT id FROM users WHERE username = %s", person.username)
    return found


def tombstone(db: connection, id_: object) -> str:
    [(name,)] = rows(db, "SELECT username FROM users WHERE id = %s", id_)
    return str(name)


def wait_erased(db: connection) -> None:
    wait_for(
        lambda: rows(db, "SELECT 1 FROM erasures UNION ALL SELECT 1 FROM leftovers") == [],
        "all that the deleted account left is taken away",
    )


def history(person: Person, name: str) -> httpx.Response:
    return person.ask("GET", f"/v1/conversations/direct/{name}/messages")


def bodies(person: Person, name: str) -> list[str]:
    answer = history(person, name)
    assert answer.status_code == 200, answer.text
    return [message["body"] for message in answer.json()["messages"]]


def stored(db: connection, seqs: list[int]) -> list[int]:
    return [int(str(seq)) for (seq,) in rows(db, "SELECT seq FROM messages WHERE seq = ANY(%s) ORDER BY seq", seqs)]


def store_in_group(db: connection, sender: Person, group: str, relation: tuple[str, int] | None = None) -> int:
    kind, target = relation or (None, None)
    [(seq,)] = rows(
        db,
        """
        WITH new AS (
            INSERT INTO messages
                (seq, conversation_id, sender_id, received_at, message_id, body, relation, relates_to_seq)
            SELECT nextval('message_seq'), c.id, u.id, now(), gen_random_uuid(), 'hello', %s, %s
            FROM conversations c, users u WHERE c.group_id = %s AND u.username = %s
            RETURNING seq, conversation_id
        ), newest AS (
            UPDATE conversations SET last_seq = new.seq FROM new WHERE id = new.conversation_id
        )
        SELECT seq FROM new
        """,
        kind, target, group, sender.username,
    )  # fmt: skip
    return int(str(seq))


def test_others_keep_the_conversation_under_the_tombstones_name(
    alice: Person, bob: Person, archive: Archive, db: connection
) -> None:
    archive.store(alice.username, bob.username, b"from alice")
    archive.store(bob.username, alice.username, b"from bob")
    id_ = user_id(db, alice)
    delete(alice)
    name = tombstone(db, id_)
    assert is_tombstone(name)
    messages = history(bob, name).json()["messages"]
    assert [(each["sender"], each["body"]) for each in messages] == [(name, "from alice"), (bob.username, "from bob")]
    assert messages[0]["conversation"] == {"type": "direct", "with": name}
    listed = bob.ask("GET", "/v1/conversations").json()["conversations"]
    assert [each["conversation"]["with"] for each in listed] == [name]
    assert [each["sender"] for each in bob.ask("GET", "/v1/messages").json()["messages"]] == [name, bob.username]
    wait_erased(db)
    assert bodies(bob, name) == ["from alice", "from bob"]
    assert_problem(history(bob, alice.username), 404)
    for gone in (alice.username, name):
        assert_problem(bob.ask("GET", f"/v1/users/{gone}"), 404)


def test_nothing_of_the_account_is_left(
    alice: Person, bob: Person, archive: Archive, db: connection, new_person: MakePerson
) -> None:
    carol = new_person()
    archive.store(alice.username, bob.username)
    archive.mark_read(alice.username, 1)
    group = create(alice, members=[bob.username])
    assert alice.ask("PUT", f"/v1/blocks/{carol.username}").status_code == 204
    alice.ask("PATCH", "/v1/me", json={"display_name": "Al"})
    with db.cursor() as cur:
        for sender in (alice, bob):
            cur.execute(
                "INSERT INTO dead_letters (received_at, topic, reason, detail, properties, body)"
                " VALUES (now(), %s, 'malformed', 'for a test', '[]', 'x')",
                (f"users/{carol.username}/inbox/{sender.username}",),
            )
    id_ = user_id(db, alice)
    delete(alice)
    wait_erased(db)
    assert rows(
        db, "SELECT display_name, password_hash, deleted_at IS NOT NULL, has_blocked FROM users WHERE id = %s", id_
    ) == [(None, None, True, False)]
    for table in ("devices", "participants", "spans", "members", "blocks"):
        assert rows(db, f"SELECT 1 FROM {table} WHERE user_id = %s", id_) == [], table  # noqa: S608  # from the line above
    assert list(roles(bob, group)) == [bob.username]


def test_dead_letters_of_a_retired_name_are_purged_also_those_that_come_late(database_url: str, pool: Pool) -> None:
    with closing(psycopg2.connect(database_url)) as db:
        db.autocommit = True
        with db.cursor() as cur:
            cur.execute(
                """
                INSERT INTO retired_names VALUES ('alice', now() + interval '1 day'), ('over', now());
                INSERT INTO dead_letters (received_at, topic, reason, detail, properties, body)
                SELECT now(), topic, 'malformed', '', '[]', '' FROM unnest(ARRAY[
                    'users/bob/inbox/alice', 'users/alice/inbox/bob', 'groups/g/messages/alice', 'x/alice2', 'alice',
                    'users/bob/inbox/over', repeat('x', 60000)
                ]) topic
                """
            )
        Purger(pool, 0).purge()
        assert [each for (each,) in rows(db, "SELECT left(topic, 24) FROM dead_letters ORDER BY id")] == [
            "users/alice/inbox/bob", "x/alice2", "users/bob/inbox/over", "x" * 24,
        ]  # fmt: skip
        assert rows(db, "SELECT username FROM retired_names") == [("alice",)]


def test_the_name_can_be_given_again_when_its_time_is_over_and_inherits_nothing(
    api_stack: RunningStack, alice: Person, bob: Person, archive: Archive, db: connection
) -> None:
    http = alice.http
    archive.store(alice.username, bob.username, b"from the old one")
    archive.store(alice.username, alice.username, b"a note")
    create(alice, members=[bob.username])
    assert bob.ask("PUT", f"/v1/blocks/{alice.username}").status_code == 204
    delete(alice)
    again = {"username": alice.username, "password": PASSWORD}
    assert_problem(http.post("/v1/users", json=again), 409, "username")
    [(days,)] = rows(
        db, "SELECT extract(day FROM until - now()) FROM retired_names WHERE username = %s", alice.username
    )
    assert days == 364
    wait_erased(db)
    rows(db, "UPDATE retired_names SET until = now() WHERE username = %s RETURNING 1", alice.username)
    # A year has passed, and with it the revocation of all that the name was.
    ahead = "SELECT 1 FROM revocations WHERE issued_before_ms > extract(epoch FROM now()) * 1000"
    wait_for(lambda: rows(db, ahead) == [], "the revocation lies in the past")
    new = register(http, alice.username)
    for path, empty in (
        ("/v1/conversations", {"conversations": [], "next_cursor": None}),
        ("/v1/messages", {"messages": [], "has_more": False, "next_after_seq": 0}),
        ("/v1/blocks", {"blocked": []}),
        ("/v1/groups", {"groups": [], "next_cursor": None}),
    ):
        assert new.ask("GET", path).json() == empty
    assert bob.ask("GET", "/v1/blocks").json() == {"blocked": []}
    assert bodies(bob, new.username) == []
    assert connects(lambda: connect(api_stack, new))
    assert not connects(lambda: connect(api_stack, alice))
    assert_problem(alice.ask("GET", "/v1/me"), 401)
    refresh = {"refresh_token": alice.session["refresh_token"]}
    assert_problem(http.post("/v1/sessions/refresh", json=refresh), 401)


def test_nobody_can_register_as_a_tombstone(http: httpx.Client) -> None:
    wanted = {"username": "deleted-abcdefgh23", "password": PASSWORD}
    assert_problem(http.post("/v1/users", json=wanted), 422, "username")
    name = f"deleted-{secrets.token_hex(3)}"
    assert http.post("/v1/users", json={**wanted, "username": name}).status_code == 201


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    """Open a pool over a database of this test's own."""
    opened = Pool(database_url, 3)
    yield opened
    opened.close()


def test_whoever_registers_while_the_name_is_given_up_is_refused(database_url: str, pool: Pool) -> None:
    """The registration waits for the deletion; once that is there, the name is free and retired in one."""
    with pool.transaction() as cur:
        first = users.add(cur, "alice", None, "a hash")
    assert first is not None
    seen: list[object] = []

    def add() -> None:
        with pool.transaction() as cur:
            user = users.add(cur, "alice", None, "a hash")
            seen.extend([user is not None, users.is_retired(cur, "alice")])

    with closing(psycopg2.connect(database_url)) as db:
        db.autocommit = True
        with pool.transaction() as cur:
            users.delete(cur, first.id, "a hash", "deleted-abcdefgh23")
            users.retire(cur, "alice", 86400)
            registering = threading.Thread(target=add)
            registering.start()
            wait_for(lambda: rows(db, "SELECT 1 FROM pg_locks WHERE NOT granted") != [], "the registration waits")
        registering.join()
    assert seen == [True, True]


def test_groups_pass_to_the_longest_standing_admin_or_else_member(
    api_stack: RunningStack, alice: Person, bob: Person, new_person: MakePerson
) -> None:
    carol, dora = new_person(), new_person()
    to_admin, to_member, shared, alone = (
        create(alice, title=title) for title in ("admin", "member", "shared", "alone")
    )
    for group, people in ((to_admin, "bcd"), (to_member, "bcd"), (shared, "bc")):
        for person in [{"b": bob, "c": carol, "d": dora}[letter] for letter in people]:
            alice.ask("PUT", f"/v1/groups/{group}/members/{person.username}", json={"role": "member"})
    for group, person, role in ((to_admin, dora, "admin"), (to_admin, carol, "admin"), (shared, carol, "owner")):
        answer = alice.ask("PUT", f"/v1/groups/{group}/members/{person.username}", json={"role": role})
        assert answer.status_code == 204, answer.text
    with connect(api_stack, renewed(carol)) as listening:
        assert listening.subscribe(f"users/{carol.username}/events") == 1
        delete(alice)
        told = f'{{"type": "group_changed", "group": "{to_admin}"}}'.encode()
        listening.wait_for(told)
    assert roles(bob, to_admin) == {bob.username: "member", carol.username: "owner", dora.username: "admin"}
    assert roles(bob, to_member) == {bob.username: "owner", carol.username: "member", dora.username: "member"}
    assert roles(bob, shared) == {bob.username: "member", carol.username: "owner"}
    assert_problem(bob.ask("GET", f"/v1/groups/{alone}"), 404)


def test_a_group_without_members_ends_but_the_lobby_does_not(alice: Person, bob: Person, db: connection) -> None:
    group = create(alice, visibility="open", title="soon gone")
    assert alice.ask("POST", f"/v1/groups/{LOBBY}/join").status_code == 200
    in_lobby = store_in_group(db, alice, LOBBY)
    alone = store_in_group(db, alice, group)
    assert bob.ask("GET", f"/v1/groups/{group}").status_code == 200
    delete(alice)
    assert_problem(bob.ask("GET", f"/v1/groups/{group}"), 404)
    assert bob.ask("GET", f"/v1/groups/{LOBBY}").status_code == 200
    wait_erased(db)
    assert stored(db, [in_lobby, alone]) == [in_lobby]
    assert rows(db, "SELECT title FROM groups WHERE id = %s", group) == [("",)]
    assert rows(db, "SELECT 1 FROM conversations WHERE group_id = %s", group) == []


def test_messages_that_nobody_else_can_read_are_dropped(
    alice: Person, bob: Person, archive: Archive, db: connection, new_person: MakePerson
) -> None:
    carol = new_person()
    note = archive.store(alice.username, alice.username, b"a note")
    kept = [archive.store(alice.username, bob.username), archive.store(bob.username, alice.username)]
    both = [archive.store(alice.username, carol.username), archive.store(carol.username, alice.username)]
    delete(carol)
    wait_erased(db)
    assert stored(db, [note, *kept, *both]) == [note, *kept, *both]
    id_ = user_id(db, alice)
    delete(alice)
    wait_erased(db)
    assert stored(db, [note, *kept, *both]) == kept
    assert rows(db, "SELECT 1 FROM conversations WHERE %s IN (user_low, user_high)", id_) == [(1,)]


def test_what_a_blocker_will_never_see_goes_with_the_one_who_is_blocked(
    alice: Person, bob: Person, archive: Archive, db: connection
) -> None:
    seen = archive.store(alice.username, bob.username, b"seen")
    assert bob.ask("PUT", f"/v1/blocks/{alice.username}").status_code == 204
    hidden = [archive.store(alice.username, bob.username, b"hidden") for _ in range(2)]
    own = archive.store(bob.username, alice.username, b"own")
    late = archive.store(alice.username, bob.username, b"hidden too")
    id_ = user_id(db, alice)
    delete(alice)
    wait_erased(db)
    assert stored(db, [seen, *hidden, own, late]) == [seen, own]
    assert rows(db, "SELECT last_seq FROM conversations WHERE %s IN (user_low, user_high)", id_) == [(own,)]
    assert bodies(bob, tombstone(db, id_)) == ["seen", "own"]


def test_in_a_group_what_somebody_could_read_stays(
    alice: Person, bob: Person, db: connection, new_person: MakePerson
) -> None:
    carol = new_person()
    group = create(alice, members=[])
    alone = store_in_group(db, alice, group)
    alice.ask("PUT", f"/v1/groups/{group}/members/{bob.username}", json={"role": "member"})
    with_bob = store_in_group(db, alice, group)
    assert bob.ask("DELETE", f"/v1/groups/{group}/members/{bob.username}").status_code == 204
    between = store_in_group(db, alice, group)
    edit = store_in_group(db, alice, group, ("edit", with_bob))
    unseen_edit = store_in_group(db, alice, group, ("edit", between))
    alice.ask("PUT", f"/v1/groups/{group}/members/{carol.username}", json={"role": "member"})
    with_carol = store_in_group(db, alice, group)
    everything = [alone, with_bob, between, edit, unseen_edit, with_carol]
    delete(alice)
    wait_erased(db)
    assert stored(db, everything) == [with_bob, edit, with_carol]
    assert roles(carol, group) == {carol.username: "owner"}


def test_in_a_group_that_shows_newcomers_everything_all_stays(alice: Person, bob: Person, db: connection) -> None:
    group = create(alice, members=[], history="all")
    alone = store_in_group(db, alice, group)
    alice.ask("PUT", f"/v1/groups/{group}/members/{bob.username}", json={"role": "member"})
    delete(alice)
    wait_erased(db)
    assert stored(db, [alone]) == [alone]
    delete(bob)
    wait_erased(db)
    assert stored(db, [alone]) == []


def test_the_broker_forgets_the_presence(api_stack: RunningStack, alice: Person, bob: Person, db: connection) -> None:
    presence = f"users/{alice.username}/presence"
    with connect(api_stack, alice) as device:
        assert device.publish(presence, b'{"status": "online"}', retain=True) < 0x80
    with connect(api_stack, bob) as before:
        before.subscribe("users/+/presence")
        assert before.wait_for(b'{"status": "online"}').retain
        delete(alice)
        wait_erased(db)
        before.publish(f"users/{bob.username}/presence", b"last", retain=False)
        before.wait_for(b"last")
        cleared = [each for each in before.messages if each.topic == presence and not each.payload]
        assert len(cleared) == 1
    with connect(api_stack, bob) as after:
        after.subscribe("users/+/presence")
        after.publish(f"users/{bob.username}/presence", b"last", retain=False)
        after.wait_for(b"last")
        assert [each.payload for each in after.messages if each.topic == presence] == []


def test_with_the_broker_away_the_presence_is_forgotten_when_it_is_back(stack_factory: StackFactory) -> None:
    stack = stack_factory(NIGHTJAR_PASSWORD_HASH=FAST_HASH, NIGHTJAR_REVOCATION_WAIT_SECONDS="3").start("broker", "api")
    with (
        httpx.Client(base_url=stack.server, trust_env=False, timeout=60) as http,
        closing(psycopg2.connect(stack.database_url)) as db,
    ):
        db.autocommit = True
        alice, bob = register(http, "alice"), register(http, "bobby")
        with connect(stack, alice) as device:
            assert device.publish("users/alice/presence", b"online", retain=True) < 0x80
        stack.broker.stop()
        delete(alice, 202)
        assert rows(db, "SELECT username FROM erasures") == [("alice",)]
        stack.api.kill()
        stack.broker.start(wait=False)
        stack.api.start()
        wait_erased(db)
        wait_for(lambda: connects(lambda: connect(stack, bob)), "the broker lets bob in")
        with connect(stack, bob) as after:
            after.subscribe("users/+/presence")
            after.publish("users/bobby/presence", b"last")
            after.wait_for(b"last")
            assert [each.payload for each in after.messages] == [b"last"]
        assert not connects(lambda: connect(stack, alice))
