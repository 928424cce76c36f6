"""Blocks: whom one blocks, and from which message to which."""

import secrets
import threading
from contextlib import closing

import httpx
import psycopg2
from psycopg2.extensions import connection

from db import ARCHIVE_LOCK
from tests.integration.api.archive import Archive
from tests.integration.api.people import PASSWORD, Person, assert_problem
from tests.support.stack import RunningStack, wait_for

OPEN = 2**63 - 1


def blocked(person: Person) -> list[str]:
    answer = person.ask("GET", "/v1/blocks")
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"blocked"}
    names: list[str] = answer.json()["blocked"]
    return names


def put(person: Person, other: Person) -> None:
    answer = person.ask("PUT", f"/v1/blocks/{other.username}")
    assert (answer.status_code, answer.content) == (204, b"")


def delete(person: Person, other: Person) -> None:
    answer = person.ask("DELETE", f"/v1/blocks/{other.username}")
    assert (answer.status_code, answer.content) == (204, b"")


def intervals(db: connection, person: Person) -> list[tuple[int, int]]:
    with db.cursor() as cur:
        cur.execute(
            """
            SELECT after_seq, until_seq FROM blocks JOIN users u ON u.id = user_id
            WHERE u.username = %s ORDER BY after_seq
            """,
            (person.username,),
        )
        return cur.fetchall()


def has_blocked(db: connection, person: Person) -> bool:
    with db.cursor() as cur:
        cur.execute("SELECT has_blocked FROM users WHERE username = %s", (person.username,))
        return cur.fetchone() == (True,)


def test_a_block_holds_until_it_is_taken_back(alice: Person, bob: Person, db: connection) -> None:
    assert blocked(alice) == []
    assert not has_blocked(db, alice)
    put(alice, bob)
    assert blocked(alice) == [bob.username]
    assert blocked(bob) == []
    assert has_blocked(db, alice)
    delete(alice, bob)
    assert blocked(alice) == []


def test_those_one_blocks_are_listed_by_name(alice: Person, bob: Person, http: httpx.Client) -> None:
    names = [f"x{secrets.token_hex(5)}" for _ in range(3)]
    for name in names:
        http.post("/v1/users", json={"username": name, "password": PASSWORD})
        assert alice.ask("PUT", f"/v1/blocks/{name}").status_code == 204
    put(alice, bob)
    assert blocked(alice) == sorted([bob.username, *names])


def test_an_interval_begins_and_ends_at_the_newest_message(
    alice: Person, bob: Person, archive: Archive, db: connection
) -> None:
    first = archive.store(bob.username, alice.username)
    put(alice, bob)
    assert intervals(db, alice) == [(first, OPEN)]
    second = archive.store(bob.username, alice.username)
    put(alice, bob)
    assert intervals(db, alice) == [(first, OPEN)]
    delete(alice, bob)
    assert intervals(db, alice) == [(first, second)]
    delete(alice, bob)
    third = archive.store(bob.username, alice.username)
    put(alice, bob)
    assert intervals(db, alice) == [(first, second), (third, OPEN)]


def test_a_block_without_a_message_in_between_is_one_or_none(
    alice: Person, bob: Person, archive: Archive, db: connection
) -> None:
    first = archive.store(bob.username, alice.username)
    put(alice, bob)
    delete(alice, bob)
    assert intervals(db, alice) == []
    put(alice, bob)
    second = archive.store(bob.username, alice.username)
    delete(alice, bob)
    put(alice, bob)
    assert intervals(db, alice) == [(first, OPEN)]
    delete(alice, bob)
    assert intervals(db, alice) == [(first, second)]


def test_nobody_blocks_themselves_or_somebody_unknown(alice: Person, bob: Person) -> None:
    for method in ("PUT", "DELETE"):
        assert_problem(alice.ask(method, f"/v1/blocks/{alice.username}"), 422, "username")
        assert_problem(alice.ask(method, "/v1/blocks/nobody-of-that-name"), 404)
        assert_problem(alice.ask(method, "/v1/blocks/NOT-A-NAME"), 422, "username")
    assert bob.ask("DELETE", "/v1/me", json={"password": PASSWORD}).status_code == 204
    assert_problem(alice.ask("PUT", f"/v1/blocks/{bob.username}"), 404)


def test_blocks_need_a_session(http: httpx.Client, bob: Person) -> None:
    assert_problem(http.get("/v1/blocks"), 401)
    assert_problem(http.put(f"/v1/blocks/{bob.username}"), 401)
    assert_problem(http.delete(f"/v1/blocks/{bob.username}"), 401)


def test_a_deleted_account_is_no_longer_listed_but_stays_hidden(
    alice: Person, bob: Person, archive: Archive, db: connection
) -> None:
    put(alice, bob)
    archive.store(bob.username, alice.username)
    before = intervals(db, alice)
    assert bob.ask("DELETE", "/v1/me", json={"password": PASSWORD}).status_code == 204
    assert blocked(alice) == []
    assert intervals(db, alice) == before


def test_a_block_waits_for_the_message_that_is_being_numbered(
    api_stack: RunningStack, alice: Person, bob: Person, db: connection
) -> None:
    """Whoever has the archive lock stores a message first; the block begins after it."""
    with closing(psycopg2.connect(api_stack.database_url)) as storing:
        with storing.cursor() as cur:
            cur.execute("SELECT pg_advisory_xact_lock(%s)", (ARCHIVE_LOCK,))
        seq = Archive(storing).store(bob.username, alice.username)
        blocking = threading.Thread(target=put, args=(alice, bob))
        blocking.start()
        wait_for(lambda: _waits_for_the_lock(db), "the block waits for the lock")
        storing.commit()
        blocking.join()
    assert intervals(db, alice) == [(seq, OPEN)]


def test_whoever_repeats_a_block_does_not_wait_for_the_archive(
    api_stack: RunningStack, alice: Person, bob: Person
) -> None:
    put(alice, bob)
    with closing(psycopg2.connect(api_stack.database_url)) as storing, storing.cursor() as cur:
        cur.execute("SELECT pg_advisory_xact_lock(%s)", (ARCHIVE_LOCK,))
        put(alice, bob)
        delete(bob, alice)


def _waits_for_the_lock(db: connection) -> bool:
    with db.cursor() as cur:
        cur.execute(
            """
            SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            """
        )
        return cur.fetchone() is not None
