"""What runs beside the requests: the link to the broker, and purging."""

import time
from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest
from psycopg2.extensions import connection

from auth_api.broker import BrokerLink
from auth_api.clock import now_ms
from auth_api.keys import load_signing_key
from auth_api.pool import Pool
from auth_api.purge import Purger
from auth_api.settings import BrokerAddress
from auth_api.tokens import MqttToken, TokenMaker
from tests.support.stack import RunningStack, wait_for
from wire.control import encode_revocations
from wire.tokens import api_acl
from wire.topics import CONTROL


def test_the_link_outlives_its_tokens(api_stack: RunningStack) -> None:
    """The broker cuts a connection when its token expires; the link is back within seconds with a new one."""
    tokens = TokenMaker(load_signing_key(api_stack.config.state / "keys" / "private"), now_ms, 900, 3600)
    changes: list[bool] = []

    def credentials() -> MqttToken:
        return tokens.broker_token("api", "api.test-of-expiry", api_acl(), 2)

    link = BrokerLink(
        BrokerAddress("127.0.0.1", api_stack.mqtt_port, False), "api.test-of-expiry", credentials, changes.append
    )
    link.start()
    try:
        wait_for(lambda: changes[:3] == [True, False, True], "the link is up, cut, and up again", 15)
        wait_for(lambda: link.publish(CONTROL, encode_revocations([]), 3), "the broker confirms again", 15)
    finally:
        link.stop()
    assert not link.is_up
    assert not link.publish(CONTROL, encode_revocations([]), 0.1)


def test_a_broker_that_is_not_there_confirms_nothing_and_is_not_waited_for_long(api_stack: RunningStack) -> None:
    tokens = TokenMaker(load_signing_key(api_stack.config.state / "keys" / "private"), now_ms, 900, 3600)
    link = BrokerLink(
        BrokerAddress("127.0.0.1", 1, False),
        "api.x",
        lambda: tokens.broker_token("api", "api.x", api_acl(), 60),
        lambda _: None,
    )
    link.start()
    started = time.monotonic()
    assert not link.publish(CONTROL, encode_revocations([]), 0.3)
    assert time.monotonic() - started < 2
    link.stop()


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    """Open a pool over a database of this test's own."""
    opened = Pool(database_url, 2)
    yield opened
    opened.close()


def one(db: connection, query: str) -> object:
    with db.cursor() as cur:
        cur.execute(query)
        row = cur.fetchone()
    assert row is not None
    return row[0]


def test_purging_drops_what_has_expired_and_nothing_else(database_url: str, pool: Pool) -> None:
    with closing(psycopg2.connect(database_url)) as db:
        db.autocommit = True
        with db.cursor() as cur:
            cur.execute(
                """
                INSERT INTO users (username, password_hash) VALUES ('alice', 'x');
                INSERT INTO devices (id, user_id) SELECT d, id FROM users, unnest(ARRAY['dead', 'live', 'new']) d;
                INSERT INTO refresh_tokens VALUES
                    ('dead1', 'dead', now() - interval '2 days', now()),
                    ('dead2', 'dead', now() - interval '1 day', NULL),
                    ('live1', 'live', now() - interval '1 day', now()),
                    ('live2', 'live', now() + interval '1 day', NULL);
                INSERT INTO rate_limits VALUES ('old', 1, now()), ('current', 1, now() + interval '1 minute');
                INSERT INTO revocations (username, issued_before_ms, created_at, confirmed_at) VALUES
                    ('old', 1, now() - interval '3 days', now()), ('unconfirmed', 1, now() - interval '3 days', NULL),
                    ('recent', 1, now(), now());
                """
            )
        Purger(pool).purge()
        assert one(db, "SELECT array_agg(id ORDER BY id) FROM devices") == ["live", "new"]
        assert one(db, "SELECT count(*) FROM refresh_tokens") == 1
        assert one(db, "SELECT array_agg(key) FROM rate_limits") == ["current"]
        assert one(db, "SELECT array_agg(username ORDER BY username) FROM revocations") == ["recent", "unconfirmed"]


def test_a_transaction_that_fails_leaves_nothing(database_url: str, pool: Pool) -> None:
    def fail() -> None:
        with pool.transaction() as cur:
            cur.execute("INSERT INTO rate_limits VALUES ('x', 1, now())")
            raise LookupError("something")

    with pytest.raises(LookupError):
        fail()
    with closing(psycopg2.connect(database_url)) as db:
        assert one(db, "SELECT count(*) FROM rate_limits") == 0
    with pool.reading() as cur:
        cur.execute("SELECT 1")
