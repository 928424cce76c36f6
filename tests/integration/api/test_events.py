"""Events: a user's devices are told what changed, also when the broker was away."""

import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing

import httpx
import psycopg2
import pytest
from psycopg2.extensions import connection

from tests.conftest import StackFactory
from tests.integration.api.conftest import FAST_HASH
from tests.integration.api.groups import create
from tests.integration.api.people import Person, register
from tests.support.peer import Peer
from tests.support.stack import RunningStack, wait_for
from wire.topics import events

Event = tuple[tuple[str, str], ...]
Listen = Callable[..., Peer]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Return a function that subscribes to somebody's events."""
    peers: list[Peer] = []

    def make(person: Person, *, session_seconds: int = 0, subscribe: bool = True) -> Peer:
        block = person.ask("POST", "/v1/sessions/current/mqtt").json()
        peers.append(
            Peer(
                block["port"],
                block["client_id"],
                block["username"],
                block["password"],
                clean=session_seconds == 0,
                session_seconds=session_seconds,
            )
        )
        if subscribe:
            assert peers[-1].subscribe(events(person.username)) < 0x80
        return peers[-1]

    yield make
    for peer in peers:
        peer.close()


def event(kind: str, **about: str) -> Event:
    return tuple(sorted({"type": kind, **about}.items()))


def heard(peer: Peer) -> Counter[Event]:
    return Counter(tuple(sorted(json.loads(message.payload).items())) for message in peer.messages)


def wait_until_heard(peer: Peer, *expected: Event) -> None:
    wait_for(lambda: not Counter(expected) - heard(peer), f"{expected} of {peer.client_id}")
    assert heard(peer) == Counter(expected)


def waiting(db: connection, username: str) -> int:
    with db.cursor() as cur:
        cur.execute("SELECT count(*) FROM events WHERE username = %s", (username,))
        row = cur.fetchone()
    assert row is not None
    return int(row[0])


def test_members_hear_of_their_groups_and_others_do_not(alice: Person, bob: Person, listen: Listen) -> None:
    to_alice, to_bob = listen(alice), listen(bob)
    group = create(alice, visibility="open")
    added, stale = event("group_added", group=group), event("token_stale")
    wait_until_heard(to_alice, added, stale)
    bob.ask("POST", f"/v1/groups/{group}/join")
    wait_until_heard(to_bob, added, stale)
    bob.ask("POST", f"/v1/groups/{group}/join")
    alice.ask("PATCH", f"/v1/groups/{group}", json={"title": "better"})
    changed = event("group_changed", group=group)
    wait_until_heard(to_bob, added, stale, changed)
    alice.ask("PATCH", f"/v1/groups/{group}", json={"title": "better"})
    alice.ask("PUT", f"/v1/groups/{group}/members/{bob.username}", json={"role": "owner"})
    wait_until_heard(to_bob, added, stale, changed, changed)
    wait_until_heard(to_alice, added, stale, changed)


def test_events_that_nobody_listens_to_are_not_kept(alice: Person, bob: Person, db: connection) -> None:
    """Being cut off ends the session at the broker as well, so who was removed asks REST on the way back."""
    group = create(alice, members=[bob.username])
    assert alice.ask("DELETE", f"/v1/groups/{group}/members/{bob.username}").status_code == 204
    wait_for(lambda: waiting(db, bob.username) == 0, "the broker has confirmed what bob may hear")


def test_the_broker_keeps_events_until_a_week_after_they_were_stored(
    alice: Person, listen: Listen, db: connection
) -> None:
    """A session that lasts for longer does not hand over what nobody is told of any more."""
    day, to_alice = 86400, listen(alice)
    with db.cursor() as cur:
        cur.executemany(
            "INSERT INTO events (username, payload, created_at) VALUES (%s, %s, now() - %s * interval '1 day')",
            [(alice.username, json.dumps({"type": "group_changed", "group": str(days)}), days) for days in (0, 6)],
        )
    wait_until_heard(to_alice, *(event("group_changed", group=str(days)) for days in (0, 6)))
    left = {json.loads(message.payload)["group"]: message.expiry for message in to_alice.messages}
    assert left == {"0": pytest.approx(7 * day, abs=60), "6": pytest.approx(day, abs=60)}


def test_other_devices_hear_of_a_login_and_of_its_end(alice: Person, listen: Listen) -> None:
    to_alice = listen(alice)
    second = alice.again("a second one")
    added = event("session_added", device=second.device)
    wait_until_heard(to_alice, added)
    assert second.ask("DELETE", "/v1/sessions/current").status_code == 204
    wait_until_heard(to_alice, added, event("session_removed", device=second.device))


def test_the_device_that_changes_the_password_hears_which_ended(alice: Person, listen: Listen) -> None:
    second, to_alice = alice.again(), listen(alice)
    wanted = {"current_password": alice.password, "new_password": secrets.token_hex(8)}
    assert alice.ask("PUT", "/v1/me/password", json=wanted).status_code == 204
    wait_for(lambda: event("session_removed", device=second.device) in heard(to_alice), "it hears")


def test_a_first_login_tells_nobody(http: httpx.Client, db: connection) -> None:
    person = register(http, f"first-{secrets.token_hex(4)}")
    assert waiting(db, person.username) == 0


def test_many_changes_by_many_workers_are_told_once_each(alice: Person, listen: Listen, db: connection) -> None:
    to_alice = listen(alice)
    groups = [create(alice) for _ in range(60)]
    expected = [each for group in groups for each in (event("group_added", group=group), event("token_stale"))]
    wait_until_heard(to_alice, *expected)
    wait_for(lambda: waiting(db, alice.username) == 0, "none is left to tell")


@pytest.fixture
def own(stack_factory: StackFactory) -> RunningStack:
    """Run a broker and an API that a test may break."""
    return stack_factory(NIGHTJAR_PASSWORD_HASH=FAST_HASH).start("broker", "api")


def test_events_outlast_an_outage_of_the_broker_and_a_restart_of_the_api(own: RunningStack, listen: Listen) -> None:
    with httpx.Client(base_url=own.server, trust_env=False, timeout=60) as http:
        alice, bob = register(http, "alice"), register(http, "bobby")
        listen(bob, session_seconds=600).close()
        own.broker.stop()
        began = create(alice, members=["bobby"])
        with closing(psycopg2.connect(own.database_url)) as db:
            db.autocommit = True
            assert waiting(db, "bobby") == 2
            own.api.kill()
            own.broker.start()
            own.api.start()
            wait_for(lambda: waiting(db, "bobby") == 0, "the broker confirms")
        back = listen(bob, session_seconds=600, subscribe=False)
        wait_until_heard(back, event("group_added", group=began), event("token_stale"))
