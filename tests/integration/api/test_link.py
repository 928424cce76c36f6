"""The link to a real broker with the plugin, which lets users in with the first control message."""

import queue
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import psycopg2
import pytest

from auth_api.broker import BrokerConnection, BrokerLink
from auth_api.pool import Pool
from auth_api.queries.revocations import StoredRevocation
from auth_api.revocations import Revoker, session_revocations
from auth_api.tokens import MqttToken
from tests.support.broker import Broker, Realm
from tests.support.peer import RefusedError
from tests.support.stack import wait_for
from wire.broker import BrokerAddress
from wire.control import encode_revocations
from wire.topics import CONTROL

NOTHING = encode_revocations([])
LinkFactory = Callable[..., BrokerLink]


@pytest.fixture
def realm(tmp_path: Path, plugin: Path) -> Iterator[Realm]:
    """Start a broker that waits for its first control message."""
    realm = Realm(Broker(tmp_path / "broker", plugin)).start(open_gate=False)
    yield realm
    realm.close()
    realm.broker.stop()


@pytest.fixture
def new_link(realm: Realm) -> Iterator[LinkFactory]:
    """Return a function that starts a link to that broker, or to another port."""
    with ExitStack() as ends:

        def make(on_change: Callable[[bool], None] = lambda _: None, *, port: int = 0, ttl: float = 3600) -> BrokerLink:
            def credentials() -> MqttToken:
                return MqttToken(realm.token("api", "api.link", ttl=ttl), "api", "api.link", 0)

            link = BrokerLink(BrokerAddress("127.0.0.1", port or realm.broker.port, False), credentials, on_change)
            ends.callback(link.stop)
            link.start()
            return link

        yield make


class SlowRoad:
    """Carries one connection to the broker. What the broker says comes `delay` seconds late."""

    def __init__(self, port: int) -> None:
        self.delay = 0.0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._far_port = port
        threading.Thread(target=self._carry, daemon=True).start()

    def close(self) -> None:
        """Take no other connection."""
        self._listener.close()

    def _carry(self) -> None:
        with suppress(OSError):
            near = self._listener.accept()[0]
            far = socket.create_connection(("127.0.0.1", self._far_port))
            on_its_way: queue.Queue[tuple[float, bytes]] = queue.Queue()
            threading.Thread(target=self._hear, args=(far, on_its_way), daemon=True).start()
            threading.Thread(target=self._arrive, args=(near, on_its_way), daemon=True).start()
            with near, far:
                while said := near.recv(65536):
                    far.sendall(said)

    def _hear(self, far: socket.socket, on_its_way: "queue.Queue[tuple[float, bytes]]") -> None:
        with suppress(OSError):
            while said := far.recv(65536):
                on_its_way.put((time.monotonic() + self.delay, said))
        on_its_way.put((0, b""))

    def _arrive(self, near: socket.socket, on_its_way: "queue.Queue[tuple[float, bytes]]") -> None:
        with suppress(OSError):
            while (due := on_its_way.get())[1]:
                time.sleep(max(0, due[0] - time.monotonic()))
                near.sendall(due[1])
            near.shutdown(socket.SHUT_RDWR)


def fresh(link: BrokerLink) -> BrokerConnection:
    """Wait for a connection that is not open yet."""
    wait_for(lambda: link.present is not None and not link.is_up, "there is a new connection")
    assert link.present
    return link.present


def lets_users_in(realm: Realm) -> bool:
    """Try to connect a user."""
    try:
        realm.connect("alice").close()
    except RefusedError:
        return False
    return True


def test_the_link_outlives_its_tokens(new_link: LinkFactory) -> None:
    """The broker cuts a connection when its token expires; the link is back within seconds with a new one."""
    changes: list[bool] = []
    link = new_link(changes.append, ttl=2)
    wait_for(lambda: changes[:3] == [True, False, True], "the link is up, cut, and up again")
    connection = fresh(link)
    link.open(connection)
    assert link.publish(CONTROL, NOTHING, 3)
    link.stop()
    assert not link.is_up
    assert link.present is None
    assert not link.publish(CONTROL, NOTHING, 0.1)


def test_a_broker_that_is_not_there_confirms_nothing_and_is_not_waited_for_long(new_link: LinkFactory) -> None:
    link = new_link(port=1)
    started = time.monotonic()
    assert not link.publish(CONTROL, NOTHING, 0.3)
    assert time.monotonic() - started < 10


def test_nobody_publishes_over_a_new_connection_before_it_is_opened(realm: Realm, new_link: LinkFactory) -> None:
    link = new_link()
    connection = fresh(link)
    assert not link.is_up
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(link.publish, CONTROL, NOTHING, 60)
        assert not link.publish(CONTROL, NOTHING, 0.5)
        assert not lets_users_in(realm)
        assert connection.publish(CONTROL, NOTHING, 5)
        assert lets_users_in(realm)
        assert not waiting.done()
        link.open(connection)
        assert waiting.result(timeout=60)


def test_what_a_connection_did_not_get_through_is_not_sent_over_the_next(realm: Realm, new_link: LinkFactory) -> None:
    link = new_link()
    link.open(fresh(link))
    assert realm.broker.process
    realm.broker.process.send(signal.SIGSTOP)
    with ThreadPoolExecutor(1) as thread:
        unconfirmed = thread.submit(link.publish, CONTROL, NOTHING, 600)
        assert not link.publish(CONTROL, NOTHING, 0.5)
        realm.broker.kill()
        assert not unconfirmed.result(timeout=60), "a cut ends the wait"
    realm.broker.start()
    connection = fresh(link)
    assert not lets_users_in(realm)
    assert connection.publish(CONTROL, NOTHING, 5)
    assert lets_users_in(realm)


def test_of_very_many_revocations_those_the_broker_has_not_confirmed_come_first(
    realm: Realm, new_link: LinkFactory, database_url: str
) -> None:
    [due] = session_revocations("alice", ["aaaaaaaaaa"], 0)
    with closing(psycopg2.connect(database_url)) as db, db, db.cursor() as cur:
        cur.execute(
            "INSERT INTO revocations (username, client_id, issued_before_ms, confirmed_at)"
            " SELECT 'u' || n, 'u' || n || '.aaaaaaaaaa', 1, now() FROM generate_series(1, 3000) AS n;"
            "INSERT INTO revocations (username, client_id, issued_before_ms)"
            " SELECT %s, %s, extract(epoch FROM now()) * 1000 + 10000",
            (due.username, due.client_id),
        )
    pool = Pool(database_url, 2)
    revoker = Revoker(pool, 3600, 60)
    link = new_link(revoker.follow)
    revoker.start(link)
    try:
        wait_for(lambda: link.is_up, "everything is told")
        assert "alice.aaaaaaaaaa" in realm.broker.revocations.read_text().splitlines()[0]
        assert not lets_users_in(realm), "alice's token is older than that"
    finally:
        revoker.stop()
        pool.close()


@pytest.mark.parametrize(("devices", "is_told"), [(1, True), (1300, False)])
def test_a_broker_that_answers_slowly_is_waited_for_no_longer_than_the_setting_says(
    realm: Realm, new_link: LinkFactory, database_url: str, devices: int, is_told: bool
) -> None:
    """One wait is for all that is to be told: each part of the revocations, and the presence that is forgotten."""
    with closing(SlowRoad(realm.broker.port)) as road, closing(Pool(database_url, 2)) as pool:
        revoker = Revoker(pool, 3600, 3)
        link = new_link(revoker.follow, port=road.port)
        revoker.start(link)
        try:
            wait_for(lambda: link.is_up, "the link is open")
            due = session_revocations("alice", [f"device{number:04}" for number in range(devices)], 0)
            stored = [StoredRevocation(number, each) for number, each in enumerate(due, 1)]
            road.delay = 2.5
            started = time.monotonic()
            assert revoker.tell(stored) == is_told
            assert time.monotonic() - started < 4.5
        finally:
            revoker.stop()
