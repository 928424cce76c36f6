"""Changes of one group at the same moment, from many threads, over all workers of a real API."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from psycopg2.extensions import connection

from tests.conftest import StackFactory
from tests.integration.api.conftest import FAST_HASH
from tests.integration.api.groups import claims_of, create, groups_in, roles
from tests.integration.api.people import Person, register
from tests.support.stack import RunningStack

ROUNDS = 15
Call = tuple[Person, str, str, dict[str, Any] | None]
"""Who asks, how, where (from `/v1/groups/` on, unless it begins with a slash), and what."""


def at_once(calls: Sequence[Call]) -> list[int]:
    """Make all calls at the same moment, each over a connection of its own; return the statuses."""
    barrier = threading.Barrier(len(calls))

    def make(call: Call) -> int:
        person, method, path, body = call
        with httpx.Client(base_url=person.http.base_url, trust_env=False, timeout=60) as http:
            http.get("/healthz")
            barrier.wait(60)
            arguments: dict[str, Any] = {"json": body} if body is not None else {}
            where = path if path.startswith("/") else f"/v1/groups/{path}"
            answer = http.request(method, where, headers=person.auth, **arguments)
        assert answer.status_code < 500, answer.text
        return answer.status_code

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(make, calls))


def put(caller: Person, group: str, member: Person, role: str) -> Call:
    return caller, "PUT", f"{group}/members/{member.username}", {"role": role}


def remove(caller: Person, group: str, member: Person) -> Call:
    return caller, "DELETE", f"{group}/members/{member.username}", None


def join(caller: Person, group: str) -> Call:
    return caller, "POST", f"{group}/join", None


def test_two_owners_who_give_it_up_at_once_leave_one(alice: Person, bob: Person) -> None:
    group = create(alice, members=[bob.username])
    for number in range(ROUNDS):
        path = f"/v1/groups/{group}/members"
        for person, owner in ((alice, bob), (bob, alice)):
            if roles(alice, group)[person.username] != "owner":
                assert owner.ask("PUT", f"{path}/{person.username}", json={"role": "owner"}).status_code == 204
        others = number % 2 == 1
        calls = (
            [put(alice, group, bob, "member"), put(bob, group, alice, "member")]
            if others
            else [put(alice, group, alice, "admin"), put(bob, group, bob, "admin")]
        )
        statuses = sorted(at_once(calls))
        assert statuses == ([204, 403] if others else [204, 409])
        assert list(roles(alice, group).values()).count("owner") == 1


def test_two_owners_who_leave_at_once_leave_one_while_others_stay(
    new_person: Callable[[], Person], alice: Person, bob: Person
) -> None:
    carol = new_person()
    for _ in range(ROUNDS):
        group = create(alice, members=[bob.username, carol.username])
        assert alice.ask("PUT", f"/v1/groups/{group}/members/{bob.username}", json={"role": "owner"}).status_code == 204
        assert sorted(at_once([remove(alice, group, alice), remove(bob, group, bob)])) == [204, 409]
        left = roles(carol, group)
        assert (len(left), list(left.values()).count("owner")) == (2, 1)


@pytest.fixture
def small(stack_factory: StackFactory) -> RunningStack:
    """Run a broker and an API whose groups have room for few."""
    return stack_factory(NIGHTJAR_PASSWORD_HASH=FAST_HASH, NIGHTJAR_GROUP_MEMBERS="5", NIGHTJAR_USER_GROUPS="3").start(
        "broker", "api"
    )


@pytest.fixture
def crowd(small: RunningStack) -> Iterator[list[Person]]:
    """Register eight people there."""
    with httpx.Client(base_url=small.server, trust_env=False, timeout=60) as http:
        yield [register(http, f"person-{number}") for number in range(8)]


def test_the_last_place_goes_to_one(crowd: list[Person]) -> None:
    owner, *others = crowd
    for _ in range(3):
        group = create(owner, visibility="open", members=[each.username for each in others[:3]])
        rest = others[3:]
        calls = [join(each, group) for each in rest] + [put(owner, group, each, "member") for each in rest]
        statuses = at_once(calls)
        assert len(roles(owner, group)) == 5
        assert set(statuses) <= {200, 204, 409}
        assert owner.ask("DELETE", f"/v1/groups/{group}").status_code == 204


def test_nobody_gets_into_more_groups_than_one_may_be_in(crowd: list[Person]) -> None:
    target, *owners = crowd
    groups = [create(owner, visibility="open") for owner in owners]
    calls = [put(owner, group, target, "member") for owner, group in zip(owners, groups, strict=True)]
    statuses = at_once(calls + [join(target, group) for group in groups])
    assert len(target.ask("GET", "/v1/groups").json()["groups"]) == 3
    assert set(statuses) <= {200, 204, 409}
    wanted = {"title": "x", "visibility": "open", "members": [target.username]}
    assert owners[0].ask("POST", "/v1/groups", json=wanted).status_code == 409
    assert target.ask("POST", "/v1/groups", json={"title": "x", "visibility": "open"}).status_code == 409
    too_many = {"title": "x", "visibility": "open", "members": [each.username for each in crowd]}
    assert owners[0].ask("POST", "/v1/groups", json=too_many).status_code == 422
    assert target.ask("POST", "/v1/groups/globby2222222/join").status_code == 200


def test_joins_removals_roles_and_a_deletion_at_once_leave_nothing_half_done(
    alice: Person, bob: Person, new_person: Callable[[], Person]
) -> None:
    """Whatever the order: no failure, no deadlock; a deleted group has no members."""
    others = [new_person() for _ in range(4)]
    for number in range(ROUNDS):
        group = create(alice, visibility="open", members=[bob.username, others[0].username])
        calls: list[Call] = [join(each, group) for each in others[1:]]
        calls += [put(alice, group, bob, "admin"), remove(alice, group, others[0]), remove(bob, group, bob)]
        calls += [put(alice, group, others[3], "owner"), (alice, "PATCH", group, {"title": f"{number}"})]
        if number % 2:
            calls.append((alice, "DELETE", group, None))
        statuses = at_once(calls)
        assert set(statuses) <= {200, 204, 403, 404, 409}
        if number % 2:
            assert statuses[-1] == 204
            assert bob.ask("GET", f"/v1/groups/{group}").status_code == 404
        else:
            assert alice.username in roles(alice, group)
            assert alice.ask("DELETE", f"/v1/groups/{group}").status_code == 204
    for person in (alice, bob, *others):
        assert person.ask("GET", "/v1/groups").json()["groups"] == []


def test_an_account_that_is_deleted_meanwhile_is_in_no_group_afterwards(
    alice: Person, new_person: Callable[[], Person], db: connection
) -> None:
    for _ in range(8):
        leaver = new_person()
        groups = [create(alice, visibility="open", members=[leaver.username]) for _ in range(3)]
        groups += [create(alice, visibility="open") for _ in range(2)]
        calls: list[Call] = [
            (leaver, "DELETE", "/v1/me", {"password": leaver.password}),
            (leaver, "POST", "/v1/sessions/current/mqtt", None),
            (leaver, "POST", "/v1/groups", {"title": "x", "visibility": "private"}),
            (alice, "POST", "/v1/groups", {"title": "x", "visibility": "open", "members": [leaver.username]}),
            remove(alice, groups[0], leaver), remove(leaver, groups[1], leaver), (alice, "DELETE", groups[2], None),
            join(leaver, groups[3]), put(alice, groups[4], leaver, "member"),
        ]  # fmt: skip
        statuses = at_once(calls)
        assert statuses[0] == 204
        assert set(statuses[1:]) <= {200, 201, 204, 401, 403, 404, 422}
        with db.cursor() as cur:
            cur.execute(
                "SELECT count(*) FROM members m JOIN users u ON u.id = m.user_id WHERE u.deleted_at IS NOT NULL"
            )
            assert cur.fetchone() == (0,)


def test_a_token_that_is_made_during_a_removal_is_void_or_knows_nothing_of_the_group(
    alice: Person, bob: Person, db: connection
) -> None:
    for _ in range(ROUNDS):
        group = create(alice, members=[bob.username])
        over, first = threading.Event(), threading.Event()
        minted: list[dict[str, str]] = []
        threads = [threading.Thread(target=mint, args=(bob, minted, first, over)) for _ in range(3)]
        for thread in threads:
            thread.start()
        assert first.wait(60)
        assert alice.ask("DELETE", f"/v1/groups/{group}/members/{bob.username}").status_code == 204
        over.set()
        for thread in threads:
            thread.join()
        with db.cursor() as cur:
            cur.execute("SELECT max(issued_before_ms) FROM revocations WHERE username = %s", (bob.username,))
            (bound,) = cur.fetchall()[0]
        knowing = {claims_of(block)["iat_ms"] < bound for block in minted if group in groups_in(block)}
        others = {claims_of(block)["iat_ms"] < bound for block in minted if group not in groups_in(block)}
        assert knowing == {True}
        assert others <= {False}


def mint(person: Person, minted: list[dict[str, str]], first: threading.Event, over: threading.Event) -> None:
    """Ask for tokens until it is over, and once more."""
    with httpx.Client(base_url=person.http.base_url, trust_env=False, timeout=60) as http:
        is_last = False
        while not is_last:
            is_last = over.is_set()
            answer = http.post("/v1/sessions/current/mqtt", headers=person.auth)
            assert answer.status_code == 200, answer.text
            minted.append(answer.json())
            first.set()
