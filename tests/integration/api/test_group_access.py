"""What memberships mean at the broker: tokens that carry them, and members who are cut off before the answer."""

from collections.abc import Callable, Iterator
from contextlib import closing

import httpx
import psycopg2
import pytest
from psycopg2.extensions import connection

from tests.conftest import StackFactory
from tests.integration.api.conftest import FAST_HASH
from tests.integration.api.groups import create, groups_in
from tests.integration.api.people import Person, register
from tests.support.peer import Peer, RefusedError
from tests.support.stack import RunningStack, wait_for
from wire.names import LOBBY
from wire.topics import group_filter, group_messages, inbox

DENIED = 0x87
PeerFactory = Callable[..., Peer]
MakePerson = Callable[[], Person]


def fresh(person: Person) -> dict[str, str]:
    """Ask for fresh MQTT credentials."""
    answer = person.ask("POST", "/v1/sessions/current/mqtt")
    assert answer.status_code == 200, answer.text
    block: dict[str, str] = answer.json()
    return block


@pytest.fixture
def connect() -> Iterator[PeerFactory]:
    """Return a function that connects with MQTT credentials."""
    peers: list[Peer] = []

    def make(block: dict[str, str], **options: object) -> Peer:
        peers.append(
            Peer(int(block["port"]), block["client_id"], block["username"], block["password"], **options)  # type: ignore[arg-type]  # whatever a peer takes
        )
        return peers[-1]

    yield make
    for peer in peers:
        peer.close()


def refused(connect: PeerFactory, block: dict[str, str]) -> bool:
    try:
        connect(block)
    except RefusedError:
        return True
    return False


def test_every_way_to_a_token_carries_the_memberships(http: httpx.Client, alice: Person, bob: Person) -> None:
    assert groups_in(alice.session["mqtt"]) == set()
    owned, joined = create(alice), create(bob, members=[alice.username])
    assert alice.ask("POST", f"/v1/groups/{LOBBY}/join").status_code == 200
    expected = {owned, joined, LOBBY}
    assert groups_in(fresh(alice)) == expected
    assert groups_in(alice.again().session["mqtt"]) == expected
    refreshed = http.post("/v1/sessions/refresh", json={"refresh_token": alice.session["refresh_token"]}).json()
    assert groups_in(refreshed["mqtt"]) == expected
    bob.ask("DELETE", f"/v1/groups/{joined}")
    assert groups_in(fresh(alice)) == {owned, LOBBY}


def test_members_talk_and_others_do_not_hear(
    alice: Person, bob: Person, new_person: MakePerson, connect: PeerFactory
) -> None:
    carol = new_person()
    group = create(alice, members=[bob.username])
    to_bob, to_carol = connect(fresh(bob)), connect(fresh(carol))
    assert to_bob.subscribe(group_filter(group)) < 0x80
    assert to_carol.subscribe(group_filter(group)) == DENIED
    assert to_carol.publish(group_messages(group, carol.username), b"let me in") == DENIED
    from_alice = connect(fresh(alice))
    assert from_alice.publish(group_messages(group, bob.username), b"as bob") == DENIED
    assert from_alice.publish(group_messages(group, alice.username), b"hello") < 0x80
    assert to_bob.wait_for(b"hello").topic == group_messages(group, alice.username)
    assert [message.payload for message in to_bob.messages] == [b"hello"]


def test_who_joins_takes_part_with_a_fresh_token(alice: Person, bob: Person, connect: PeerFactory) -> None:
    group = create(alice, visibility="open")
    assert connect(bob.session["mqtt"]).subscribe(group_filter(group)) == DENIED
    assert bob.ask("POST", f"/v1/groups/{group}/join").status_code == 200
    to_alice, from_bob = connect(fresh(alice)), connect(fresh(bob))
    assert to_alice.subscribe(group_filter(group)) < 0x80
    assert from_bob.publish(group_messages(group, bob.username), b"I am in") < 0x80
    to_alice.wait_for(b"I am in")


def removal(owner: Person, member: Person, group: str) -> httpx.Response:
    return owner.ask("DELETE", f"/v1/groups/{group}/members/{member.username}")


def leaving(_owner: Person, member: Person, group: str) -> httpx.Response:
    return member.ask("DELETE", f"/v1/groups/{group}/members/{member.username}")


def deletion(owner: Person, _member: Person, group: str) -> httpx.Response:
    return owner.ask("DELETE", f"/v1/groups/{group}")


@pytest.mark.parametrize("end", [removal, leaving, deletion])
def test_who_is_no_member_any_more_is_cut_off_before_the_answer(
    alice: Person,
    bob: Person,
    connect: PeerFactory,
    end: Callable[[Person, Person, str], httpx.Response],
) -> None:
    group, kept = create(alice, members=[bob.username]), create(alice, members=[bob.username])
    old = fresh(bob)
    member = connect(old)
    assert member.subscribe(group_filter(group)) < 0x80
    assert end(alice, bob, group).status_code == 204
    member.wait_closed()
    assert refused(connect, old)

    block = fresh(bob)
    assert groups_in(block) == {kept}
    back = connect(block)
    assert back.subscribe(group_filter(group)) == DENIED
    assert back.publish(group_messages(group, bob.username), b"still here") == DENIED
    assert back.subscribe(f"users/{bob.username}/#") < 0x80
    assert back.subscribe(group_filter(kept)) < 0x80
    assert connect(fresh(alice)).publish(inbox(bob.username, alice.username), b"to you alone") < 0x80
    back.wait_for(b"to you alone")
    assert back.publish(group_messages(kept, bob.username), b"here I am") < 0x80
    back.wait_for(b"here I am")


def test_a_session_that_comes_back_hears_nothing_of_a_group_that_was_left(
    alice: Person, bob: Person, connect: PeerFactory
) -> None:
    group = create(alice, members=[bob.username])
    away = connect(fresh(bob), clean=False, session_seconds=600)
    assert away.subscribe(group_filter(group)) < 0x80
    away.close()
    assert removal(alice, bob, group).status_code == 204
    assert connect(fresh(alice)).publish(group_messages(group, alice.username), b"he is gone") < 0x80
    back = connect(fresh(bob), clean=False, session_seconds=600)
    assert back.subscribe(f"users/{bob.username}/#") < 0x80
    assert back.publish(inbox(bob.username, bob.username), b"a mark") < 0x80
    back.wait_for(b"a mark")
    assert not back.received(b"he is gone")


def test_a_change_of_roles_and_settings_cuts_nobody_off(alice: Person, bob: Person, connect: PeerFactory) -> None:
    group = create(alice, members=[bob.username])
    member = connect(fresh(bob))
    path = f"/v1/groups/{group}"
    assert alice.ask("PUT", f"{path}/members/{bob.username}", json={"role": "owner"}).status_code == 204
    assert bob.ask("PATCH", path, json={"title": "ours", "visibility": "open"}).status_code == 200
    assert bob.ask("PUT", f"{path}/members/{alice.username}", json={"role": "member"}).status_code == 204
    assert member.subscribe(group_filter(group)) < 0x80
    assert member.connected


def test_a_group_of_a_thousand_ends_at_once(alice: Person, bob: Person, db: connection, connect: PeerFactory) -> None:
    crowd = [f"{alice.username}-{number}" for number in range(998)]
    with db.cursor() as cur:
        cur.execute("INSERT INTO users (username, password_hash) SELECT unnest(%s::text[]), 'x'", (crowd,))
    group = create(alice, members=[bob.username, *crowd])
    assert alice.ask("GET", f"/v1/groups/{group}").json()["members"] == 1000
    member = connect(fresh(bob))
    assert alice.ask("DELETE", f"/v1/groups/{group}").status_code == 204
    member.wait_closed()
    with db.cursor() as cur:
        cur.execute("SELECT count(*) FROM revocations WHERE username = ANY(%s) AND confirmed_at IS NOT NULL", (crowd,))
        assert cur.fetchone() == (998,)


@pytest.fixture
def own(stack_factory: StackFactory) -> RunningStack:
    """Run a broker and an API that a test may break."""
    return stack_factory(NIGHTJAR_PASSWORD_HASH=FAST_HASH).start("broker", "api")


def ready(stack: RunningStack) -> int:
    return httpx.get(f"{stack.server}/readyz", trust_env=False, timeout=60).status_code


def test_with_the_broker_away_a_removal_is_202_and_holds_before_anyone_is_served(
    own: RunningStack, connect: PeerFactory
) -> None:
    with httpx.Client(base_url=own.server, trust_env=False, timeout=60) as http:
        alice, bob = register(http, "alice"), register(http, "bobby")
        group = create(alice, members=["bobby"])
        old = fresh(bob)
        own.broker.kill()
        wait_for(lambda: ready(own) == 503, "the API notices that the broker is away")
        answer = removal(alice, bob, group)
        assert (answer.status_code, answer.content) == (202, b"")
        assert groups_in(fresh(bob)) == set()
        own.broker.start()
        wait_for(lambda: not refused(connect, fresh(alice)), "the broker serves")
        assert refused(connect, old)
        assert connect(fresh(bob)).subscribe(group_filter(group)) == DENIED
    with closing(psycopg2.connect(own.database_url)) as db, db.cursor() as cur:
        cur.execute("SELECT count(*) FROM revocations WHERE confirmed_at IS NULL")
        assert cur.fetchone() == (0,)
