"""Ending a session cuts its MQTT connection, whatever the broker is doing at the moment."""

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import httpx
import paho.mqtt.client as mqtt
import psycopg2
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.conftest import StackFactory
from tests.integration.api.conftest import FAST_HASH
from tests.integration.api.people import PASSWORD, Person, assert_problem, register
from tests.support.network_loop import stop_loop
from tests.support.peer import Peer
from tests.support.stack import RunningStack, wait_for
from wire.topics import presence


class Device:
    """A bare MQTT 5 connection with somebody's credentials."""

    def __init__(self, block: dict[str, object]) -> None:
        self.connected = threading.Event()
        self.refused = threading.Event()
        self.cut = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, str(block["client_id"]), protocol=mqtt.MQTTv5)
        self._client.username_pw_set(str(block["username"]), str(block["password"]))
        self._client.on_connect = lambda _c, _u, _f, reason, _p: (
            self.refused.set() if reason.is_failure else self.connected.set()
        )
        self._client.on_disconnect = lambda *_: self.cut.set()
        self._client.connect(str(block["host"]), int(str(block["port"])))
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        stop_loop(self._client)


DeviceFactory = Callable[[Person], Device]


@pytest.fixture
def connect() -> Iterator[DeviceFactory]:
    """Return a function that connects somebody's device to the broker."""
    devices = []

    def make(person: Person) -> Device:
        devices.append(Device(person.session["mqtt"]))
        return devices[-1]

    yield make
    for device in devices:
        device.close()


def peer(person: Person) -> Peer:
    """Connect somebody's device, as any MQTT client does."""
    block = person.session["mqtt"]
    return Peer(block["port"], block["client_id"], block["username"], block["password"])


def count(stack: RunningStack, condition: str) -> int:
    with closing(psycopg2.connect(stack.database_url)) as db, db.cursor() as cur:
        cur.execute(f"SELECT count(*) FROM revocations WHERE {condition}")  # noqa: S608  # the test's own words
        row = cur.fetchone()
    assert row is not None
    return int(row[0])


def log_out(person: Person) -> httpx.Response:
    return person.ask("DELETE", "/v1/sessions/current")


def log_out_other(person: Person) -> httpx.Response:
    return person.again().ask("DELETE", f"/v1/sessions/{person.device}")


def log_out_everywhere(person: Person) -> httpx.Response:
    return person.again().ask("DELETE", "/v1/sessions")


def change_password(person: Person) -> httpx.Response:
    wanted = {"current_password": PASSWORD, "new_password": secrets.token_hex(8)}
    return person.again().ask("PUT", "/v1/me/password", json=wanted)


def delete_account(person: Person) -> httpx.Response:
    return person.ask("DELETE", "/v1/me", json={"password": PASSWORD})


@pytest.mark.parametrize("end", [log_out, log_out_other, log_out_everywhere, change_password, delete_account])
def test_whoever_is_ended_is_cut_off_and_does_not_come_back(
    alice: Person, bob: Person, connect: DeviceFactory, end: Callable[[Person], httpx.Response]
) -> None:
    device, bystander = connect(alice), connect(bob)
    assert device.connected.wait(60)
    assert bystander.connected.wait(60)
    assert end(alice).status_code == 204
    assert device.cut.wait(60)
    assert connect(alice).refused.wait(60)
    assert not bystander.cut.is_set()


@pytest.mark.parametrize("end", [log_out, log_out_other, log_out_everywhere, change_password])
def test_whoever_is_cut_off_is_not_seen_as_there_any_more(
    alice: Person, bob: Person, end: Callable[[Person], httpx.Response]
) -> None:
    """A device that is cut off cannot say that it has gone."""
    with peer(bob) as watcher, peer(alice) as device:
        assert watcher.subscribe(presence(alice.username)) == 1
        device.publish(presence(alice.username), b'{"status": "online"}', retain=True)
        watcher.wait_for(b'{"status": "online"}')
        assert end(alice).status_code == 204
        wait_for(lambda: watcher.received(b""), "the presence is cleared")
    with peer(bob.again()) as later:
        assert later.subscribe(presence(alice.username)) == 1
        assert later.subscribe(presence(bob.username)) == 1
        assert not later.messages


def test_a_new_session_right_after_the_end_of_all_may_connect(alice: Person, connect: DeviceFactory) -> None:
    assert alice.ask("DELETE", "/v1/sessions").status_code == 204
    assert connect(alice.again()).connected.wait(60)


def test_a_reused_refresh_token_cuts_the_connection(
    http: httpx.Client, alice: Person, connect: DeviceFactory, api_stack: RunningStack
) -> None:
    device = connect(alice)
    assert device.connected.wait(60)
    body = {"refresh_token": alice.session["refresh_token"]}
    assert http.post("/v1/sessions/refresh", json=body).status_code == 200
    with closing(psycopg2.connect(api_stack.database_url)) as db, db, db.cursor() as cur:
        cur.execute("UPDATE refresh_tokens SET spent_at = now() - interval '1 hour' WHERE spent_at IS NOT NULL")
    assert_problem(http.post("/v1/sessions/refresh", json=body), 401)
    assert device.cut.wait(60)


@pytest.fixture
def own(stack_factory: StackFactory) -> RunningStack:
    """Run a broker and an API that a test may break."""
    return stack_factory(NIGHTJAR_PASSWORD_HASH=FAST_HASH).start("broker", "api")


def ready(stack: RunningStack) -> int:
    return httpx.get(f"{stack.server}/readyz", trust_env=False, timeout=60).status_code


def test_with_the_broker_away_the_end_is_202_and_holds_once_it_is_back(
    own: RunningStack, connect: DeviceFactory
) -> None:
    with httpx.Client(base_url=own.server, trust_env=False, timeout=60) as http:
        alice, bob = register(http, "alice"), register(http, "bobby")
        own.broker.kill()
        wait_for(lambda: ready(own) == 503, "the API notices that the broker is away")
        answer = log_out(alice)
        assert (answer.status_code, answer.content) == (202, b"")
        assert_problem(alice.ask("GET", "/v1/me"), 401)
        assert count(own, "confirmed_at IS NULL") == 1
        own.broker.start()
        wait_for(lambda: count(own, "confirmed_at IS NULL") == 0, "the broker confirms")
        assert connect(alice).refused.wait(60)
        assert connect(bob).connected.wait(60)


def test_a_broker_that_takes_too_long_is_waited_for_no_longer_than_set(
    stack_factory: StackFactory, connect: DeviceFactory
) -> None:
    stack = stack_factory(NIGHTJAR_PASSWORD_HASH=FAST_HASH, NIGHTJAR_REVOCATION_WAIT_SECONDS="1").start("broker", "api")
    with httpx.Client(base_url=stack.server, trust_env=False, timeout=60) as http:
        alice = register(http, "alice")
        device = connect(alice)
        assert device.connected.wait(60)
        with stack.broker.frozen():
            assert log_out(alice).status_code == 202
            assert not device.cut.is_set()
        assert device.cut.wait(60)
        wait_for(lambda: count(stack, "confirmed_at IS NULL") == 0, "the broker confirms")


def test_a_broker_that_forgot_everything_is_told_again(own: RunningStack, connect: DeviceFactory) -> None:
    with httpx.Client(base_url=own.server, trust_env=False, timeout=60) as http:
        alice, bob = register(http, "alice"), register(http, "bobby")
        assert log_out(alice).status_code == 204
        own.broker.kill()
        for path in (own.config.state / "broker" / "data").iterdir():
            path.unlink()
        own.broker.start()
        wait_for(lambda: ready(own) == 200, "the API is connected again")
        wait_for(lambda: _connects(connect, bob), "the broker lets others in")
        assert connect(alice).refused.wait(60)


def test_more_than_one_message_holds_is_said_before_anyone_is_let_in(own: RunningStack, connect: DeviceFactory) -> None:
    with httpx.Client(base_url=own.server, trust_env=False, timeout=60) as http:
        alice, bob = register(http, "alice"), register(http, "bobby")
        own.broker.kill()
        wait_for(lambda: ready(own) == 503, "the API notices that the broker is away")
        with closing(psycopg2.connect(own.database_url)) as db, db, db.cursor() as cur:
            cur.execute(
                """
                INSERT INTO revocations (username, issued_before_ms)
                SELECT 'other-' || n, 1 FROM generate_series(1, 30000) n UNION ALL SELECT 'alice', 9000000000000
                """
            )
            cur.execute("UPDATE revocations SET issued_before_ms = extract(epoch FROM now()) * 1000 + 1")
        own.broker.start(wait=False)
        wait_for(lambda: _connects(connect, bob), "the broker lets others in")
        assert connect(alice).refused.wait(60)


def test_what_a_killed_worker_left_unsaid_is_said_by_another(own: RunningStack) -> None:
    with httpx.Client(base_url=own.server, trust_env=False, timeout=60) as http:
        register(http, "alice")
    with closing(psycopg2.connect(own.database_url)) as db, db, db.cursor() as cur:
        cur.execute(
            "INSERT INTO revocations (username, client_id, issued_before_ms) VALUES ('alice', 'alice.aaaaaaaaaa', 1)"
        )
    wait_for(lambda: count(own, "confirmed_at IS NULL") == 0, "another worker tells the broker")


def test_no_token_minted_while_a_session_ends_gets_in(own: RunningStack, connect: DeviceFactory) -> None:
    with httpx.Client(base_url=own.server, trust_env=False, timeout=60) as http:
        alice = register(http, "alice")
        minted: list[dict[str, object]] = []
        going = threading.Event()

        def mint() -> None:
            with httpx.Client(base_url=own.server, trust_env=False, timeout=60) as client:
                while True:
                    answer = client.post("/v1/sessions/current/mqtt", headers=alice.auth)
                    if answer.status_code != 200:
                        return
                    minted.append(answer.json())
                    going.set()

        threads = [threading.Thread(target=mint) for _ in range(4)]
        for thread in threads:
            thread.start()
        assert going.wait(60)
        assert log_out(alice).status_code == 204
        for thread in threads:
            thread.join()
        for block in minted[-8:]:
            assert connect(Person(http, "alice", {"mqtt": block})).refused.wait(60)


def _connects(connect: DeviceFactory, person: Person) -> bool:
    try:
        device = connect(person)
    except ConnectionRefusedError:
        return False
    wait_for(lambda: device.connected.is_set() or device.refused.is_set(), "the broker answers a CONNECT")
    return device.connected.is_set()
