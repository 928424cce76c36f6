"""Groups over REST: who may see and do what."""

from collections.abc import Callable

import httpx
import pytest
from psycopg2.extensions import connection

from tests.integration.api.groups import create, members, role_of, roles
from tests.integration.api.people import Person, assert_problem
from wire.names import LOBBY, is_group_id
from wire.receipts import SEQ_MAX

MakePerson = Callable[[], Person]


def test_who_makes_a_group_owns_it_and_those_named_are_members(alice: Person, bob: Person) -> None:
    made = alice.ask("POST", "/v1/groups", json={"title": "Rüben", "visibility": "private", "members": [bob.username]})
    assert made.status_code == 201
    group = made.json()
    assert is_group_id(group["id"])
    assert {**group, "id": "", "created_at": ""} == {
        "id": "", "title": "Rüben", "visibility": "private", "history": "since_joining", "created_at": "",
        "role": "owner", "members": 2,
    }  # fmt: skip
    assert alice.ask("GET", f"/v1/groups/{group['id']}").json() == group
    assert bob.ask("GET", f"/v1/groups/{group['id']}").json() == {**group, "role": "member"}
    assert bob.ask("GET", "/v1/groups").json() == {"groups": [{**group, "role": "member"}], "next_cursor": None}
    assert roles(alice, group["id"]) == {alice.username: "owner", bob.username: "member"}


def test_whoever_is_named_twice_or_is_the_creator_is_a_member_once(alice: Person, bob: Person) -> None:
    group = create(alice, members=[bob.username, alice.username, bob.username])
    assert roles(alice, group) == {alice.username: "owner", bob.username: "member"}


def test_nobody_unknown_is_added_at_creation(alice: Person, bob: Person) -> None:
    wanted = {"title": "x", "visibility": "open", "members": [bob.username, "nobody-of-that-name"]}
    problem = assert_problem(alice.ask("POST", "/v1/groups", json=wanted), 422, "members")
    assert problem["errors"] == [{"field": "members", "message": "number 2 is no user"}]
    assert alice.ask("GET", "/v1/groups").json()["groups"] == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 129}, "title"),
        ({"title": "a\nb"}, "title"),
        ({"title": None}, "title"),
        ({"visibility": "secret"}, "visibility"),
        ({"history": "none"}, "history"),
        ({"members": ["A"]}, "members"),
        ({"members": "bob"}, "members"),
        ({"owner": "bob"}, "owner"),
    ],
)
def test_a_group_that_cannot_be_is_refused(alice: Person, wrong: dict[str, object], field: str) -> None:
    assert_problem(alice.ask("POST", "/v1/groups", json={"title": "x", "visibility": "open", **wrong}), 422, field)


@pytest.mark.parametrize(("body", "field"), [({}, "body"), ({"title": None}, "title"), ({"role": "owner"}, "role")])
def test_a_change_that_changes_nothing_is_refused(alice: Person, body: dict[str, object], field: str) -> None:
    assert_problem(alice.ask("PATCH", f"/v1/groups/{create(alice)}", json=body), 422, field)


def test_a_private_group_is_for_its_members_alone(alice: Person, bob: Person) -> None:
    group = create(alice)
    for method, path, body in (
        ("GET", "", None), ("PATCH", "", {"title": "mine"}), ("DELETE", "", None), ("POST", "/join", None),
        ("GET", "/members", None), ("PUT", f"/members/{bob.username}", {"role": "member"}),
        ("DELETE", f"/members/{alice.username}", None), ("DELETE", f"/members/{bob.username}", None),
    ):  # fmt: skip
        assert_problem(bob.ask(method, f"/v1/groups/{group}{path}", json=body), 404)
    assert_problem(bob.ask("GET", "/v1/groups/gaaaaaaaaaaaa"), 404)
    assert roles(alice, group) == {alice.username: "owner"}


def test_an_open_group_is_seen_by_all_and_run_by_its_members(alice: Person, bob: Person) -> None:
    group = create(alice, visibility="open")
    shown = bob.ask("GET", f"/v1/groups/{group}").json()
    assert (shown["role"], shown["members"]) == (None, 1)
    for method, path, body in (
        ("PATCH", "", {"title": "mine"}), ("DELETE", "", None), ("GET", "/members", None),
        ("PUT", f"/members/{bob.username}", {"role": "owner"}), ("DELETE", f"/members/{alice.username}", None),
        ("DELETE", f"/members/{bob.username}", None),
    ):  # fmt: skip
        assert_problem(bob.ask(method, f"/v1/groups/{group}{path}", json=body), 403)
    joined = bob.ask("POST", f"/v1/groups/{group}/join")
    assert (joined.status_code, joined.json()) == (200, {**shown, "role": "member", "members": 2})
    assert bob.ask("POST", f"/v1/groups/{group}/join").json() == joined.json()
    assert role_of(alice, group, bob) == "member"
    assert alice.ask("POST", f"/v1/groups/{group}/join").json()["role"] == "owner"


def test_open_groups_are_listed_in_pages(alice: Person, bob: Person) -> None:
    made = {create(alice, visibility="open", title=f"page {alice.username} {number}") for number in range(5)}
    create(alice, title="private")
    found, cursor = [], None
    while True:
        query = {"visibility": "open", "limit": 2, **({"cursor": cursor} if cursor else {})}
        page = bob.ask("GET", "/v1/groups", params=query).json()
        assert len(page["groups"]) <= 2
        found += page["groups"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    ids = [group["id"] for group in found]
    assert len(ids) == len(set(ids))
    assert made | {LOBBY} <= set(ids)
    assert all(group["visibility"] == "open" for group in found)
    assert_problem(bob.ask("GET", "/v1/groups", params={"limit": 2}), 422, "visibility")
    assert_problem(bob.ask("GET", "/v1/groups", params={"visibility": "private"}), 422, "visibility")
    assert_problem(bob.ask("GET", "/v1/groups", params={"visibility": "open", "cursor": "x"}), 422, "cursor")


def test_members_are_listed_in_pages(alice: Person, new_person: MakePerson) -> None:
    others = sorted(new_person().username for _ in range(4))
    group = create(alice, members=others)
    first = alice.ask("GET", f"/v1/groups/{group}/members", params={"limit": 3}).json()
    assert first["members"][0].keys() == {"username", "role", "joined_at"}
    rest = alice.ask("GET", f"/v1/groups/{group}/members", params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert rest["next_cursor"] is None
    assert [each["username"] for each in first["members"] + rest["members"]] == sorted([*others, alice.username])
    assert_problem(alice.ask("GET", f"/v1/groups/{group}/members", params={"cursor": "MTo1"}), 422, "cursor")


def put(caller: Person, group: str, member: Person, role: str = "member") -> httpx.Response:
    return caller.ask("PUT", f"/v1/groups/{group}/members/{member.username}", json={"role": role})


def remove(caller: Person, group: str, member: Person) -> httpx.Response:
    return caller.ask("DELETE", f"/v1/groups/{group}/members/{member.username}")


def test_what_each_role_may_do(new_person: MakePerson) -> None:
    owner, admin, member, other, newcomer = (new_person() for _ in range(5))
    group = create(owner, members=[each.username for each in (admin, member, other)])
    assert put(owner, group, admin, "admin").status_code == 204
    for lesser in (admin, member):
        assert_problem(lesser.ask("PATCH", f"/v1/groups/{group}", json={"visibility": "open"}), 403)
        assert_problem(lesser.ask("PATCH", f"/v1/groups/{group}", json={"title": "x", "history": "all"}), 403)
        assert_problem(lesser.ask("DELETE", f"/v1/groups/{group}"), 403)
        assert_problem(put(lesser, group, other, "admin"), 403)
        assert_problem(put(lesser, group, lesser, "owner"), 403)
        assert_problem(put(lesser, group, owner, "member"), 403)
        assert_problem(put(lesser, group, newcomer, "admin"), 403)
        assert_problem(remove(lesser, group, owner), 403)
    assert_problem(member.ask("PATCH", f"/v1/groups/{group}", json={"title": "x"}), 403)
    assert_problem(put(member, group, newcomer), 403)
    assert_problem(put(member, group, other), 403)
    assert_problem(remove(member, group, other), 403)
    assert_problem(remove(member, group, admin), 403)

    assert (
        admin.ask("PATCH", f"/v1/groups/{group}", json={"title": "named by admin"}).json()["title"] == "named by admin"
    )
    assert put(admin, group, newcomer).status_code == 204
    assert put(admin, group, newcomer).status_code == 204
    assert remove(admin, group, newcomer).status_code == 204
    assert_problem(remove(admin, group, newcomer), 404)
    assert remove(admin, group, other).status_code == 204

    changed = owner.ask("PATCH", f"/v1/groups/{group}", json={"visibility": "open", "history": "all"}).json()
    assert (changed["title"], changed["visibility"], changed["history"]) == ("named by admin", "open", "all")
    assert put(owner, group, newcomer, "owner").status_code == 204
    assert remove(newcomer, group, admin).status_code == 204
    assert remove(newcomer, group, owner).status_code == 204
    assert roles(newcomer, group) == {newcomer.username: "owner", member.username: "member"}


def test_strangers_and_the_deleted_cannot_be_added(alice: Person, bob: Person) -> None:
    group = create(alice)
    path = f"/v1/groups/{group}/members"
    assert_problem(alice.ask("PUT", f"{path}/nobody-of-that-name", json={"role": "member"}), 404)
    assert_problem(alice.ask("DELETE", f"{path}/nobody-of-that-name"), 404)
    assert_problem(alice.ask("DELETE", f"{path}/{bob.username}"), 404)
    assert_problem(alice.ask("PUT", f"{path}/{bob.username}", json={"role": "king"}), 422, "role")
    assert_problem(alice.ask("PUT", f"{path}/{bob.username}", json={}), 422, "role")
    assert bob.ask("DELETE", "/v1/me", json={"password": bob.password}).status_code == 204
    assert_problem(put(alice, group, bob), 404)


def test_a_group_with_members_keeps_an_owner(alice: Person, bob: Person) -> None:
    group = create(alice, members=[bob.username])
    for answer in (remove(alice, group, alice), put(alice, group, alice, "admin"), put(alice, group, alice, "member")):
        assert assert_problem(answer, 409)["type"] == "urn:nightjar:problem:last-owner"
    assert put(alice, group, alice, "owner").status_code == 204
    assert put(alice, group, bob, "owner").status_code == 204
    assert put(alice, group, alice, "member").status_code == 204
    assert remove(alice, group, alice).status_code == 204
    assert roles(bob, group) == {bob.username: "owner"}


def test_who_leaves_as_the_last_one_deletes_the_group(alice: Person, bob: Person) -> None:
    group = create(alice, visibility="open", members=[bob.username])
    assert remove(bob, group, bob).status_code == 204
    assert remove(alice, group, alice).status_code == 204
    assert_problem(alice.ask("GET", f"/v1/groups/{group}"), 404)
    assert_problem(bob.ask("POST", f"/v1/groups/{group}/join"), 404)


def test_a_deleted_group_is_gone(alice: Person, bob: Person) -> None:
    group = create(alice, visibility="open", members=[bob.username])
    assert alice.ask("DELETE", f"/v1/groups/{group}").status_code == 204
    for person in (alice, bob):
        assert_problem(person.ask("GET", f"/v1/groups/{group}"), 404)
        assert_problem(person.ask("GET", f"/v1/groups/{group}/members"), 404)
        assert_problem(person.ask("DELETE", f"/v1/groups/{group}"), 404)
        assert_problem(person.ask("POST", f"/v1/groups/{group}/join"), 404)
        assert person.ask("GET", "/v1/groups").json()["groups"] == []
    found = bob.ask("GET", "/v1/groups", params={"visibility": "open", "limit": 200}).json()["groups"]
    assert group not in [each["id"] for each in found]


def test_nobody_runs_the_lobby(alice: Person, bob: Person) -> None:
    lobby = alice.ask("GET", f"/v1/groups/{LOBBY}").json()
    assert (lobby["title"], lobby["visibility"], lobby["history"], lobby["role"]) == ("lobby", "open", "all", None)
    assert alice.ask("POST", f"/v1/groups/{LOBBY}/join").json()["role"] == "member"
    assert_problem(alice.ask("PATCH", f"/v1/groups/{LOBBY}", json={"title": "mine"}), 403)
    assert_problem(alice.ask("DELETE", f"/v1/groups/{LOBBY}"), 403)
    assert_problem(put(alice, LOBBY, bob), 403)
    assert_problem(put(alice, LOBBY, alice, "owner"), 403)
    assert bob.ask("POST", f"/v1/groups/{LOBBY}/join").status_code == 200
    assert_problem(remove(alice, LOBBY, bob), 403)
    for person in (alice, bob):
        assert remove(person, LOBBY, person).status_code == 204
    assert alice.ask("GET", f"/v1/groups/{LOBBY}").status_code == 200


def test_every_member_is_counted(alice: Person, bob: Person) -> None:
    group = create(alice, visibility="open")
    assert bob.ask("POST", f"/v1/groups/{group}/join").json()["members"] == 2
    assert sorted(members(bob, group)) == sorted([alice.username, bob.username])


def put_message(db: connection, group: str, sender: Person) -> int:
    """Store a message to a group as the archiver does; return its seq."""
    with db.cursor() as cur:
        cur.execute(
            """
            WITH c AS (SELECT id FROM conversations WHERE group_id = %s), m AS (
                INSERT INTO messages (seq, conversation_id, sender_id, received_at, message_id, body)
                SELECT nextval('message_seq'), c.id, u.id, now(), gen_random_uuid(), 'x' FROM c, users u
                WHERE u.username = %s RETURNING seq
            )
            UPDATE conversations SET last_seq = m.seq FROM c, m WHERE conversations.id = c.id RETURNING last_seq
            """,
            (group, sender.username),
        )
        (seq,) = cur.fetchall()[0]
    return int(seq)


def readable(db: connection, group: str, person: Person) -> tuple[list[tuple[int, int]], int]:
    """Read a person's spans in a group, and up to where they have read."""
    with db.cursor() as cur:
        cur.execute(
            """
            SELECT array(SELECT array[s.after_seq, s.until_seq] FROM spans s WHERE s.user_id = p.user_id
                AND s.conversation_id = p.conversation_id ORDER BY s.after_seq), p.read_seq
            FROM participants p JOIN conversations c ON c.id = p.conversation_id JOIN users u ON u.id = p.user_id
            WHERE c.group_id = %s AND u.username = %s
            """,
            (group, person.username),
        )
        spans, read_seq = cur.fetchall()[0]
    return [(after, until) for after, until in spans], read_seq


def test_members_may_read_what_is_written_while_they_are_in(alice: Person, bob: Person, db: connection) -> None:
    group = create(alice, visibility="open")
    first = put_message(db, group, alice)
    bob.ask("POST", f"/v1/groups/{group}/join")
    assert readable(db, group, bob) == ([(first, SEQ_MAX)], first)
    second = put_message(db, group, alice)
    remove(bob, group, bob)
    assert readable(db, group, bob) == ([(first, second)], first)
    third = put_message(db, group, alice)
    put(alice, group, bob)
    assert readable(db, group, bob) == ([(first, second), (third, SEQ_MAX)], third)
    remove(alice, group, bob)
    put(alice, group, bob)
    assert readable(db, group, bob) == ([(first, second), (third, SEQ_MAX)], third)


def test_where_the_past_is_for_all_members_may_read_it(alice: Person, bob: Person, db: connection) -> None:
    group = create(alice, visibility="open")
    first = put_message(db, group, alice)
    bob.ask("POST", f"/v1/groups/{group}/join")
    assert alice.ask("PATCH", f"/v1/groups/{group}", json={"history": "all"}).status_code == 200
    assert readable(db, group, bob) == ([(first, SEQ_MAX)], first)
    remove(bob, group, bob)
    second = put_message(db, group, alice)
    bob.ask("POST", f"/v1/groups/{group}/join")
    assert readable(db, group, bob) == ([(0, SEQ_MAX)], second)


def test_members_of_a_deleted_group_may_read_what_they_could(alice: Person, bob: Person, db: connection) -> None:
    group = create(alice, members=[bob.username])
    last = put_message(db, group, alice)
    assert alice.ask("DELETE", f"/v1/groups/{group}").status_code == 204
    for person in (alice, bob):
        ((_, until),), _ = readable(db, group, person)
        assert until >= last
        assert until != SEQ_MAX
