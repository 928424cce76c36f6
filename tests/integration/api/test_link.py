"""The link to a real broker with the plugin, which lets users in with the first control message."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg2
import pytest

from auth_api.broker import BrokerConnection, BrokerLink
from auth_api.pool import Pool
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
