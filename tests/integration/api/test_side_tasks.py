"""What runs beside the requests: purging; and what a transaction leaves."""

from contextlib import closing

import psycopg2
import pytest
from psycopg2.extensions import connection

from auth_api.pool import Pool
from auth_api.purge import Purger
from auth_api.queries import purge


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
        Purger(pool, 90).purge()
        assert one(db, "SELECT array_agg(id ORDER BY id) FROM devices") == ["live", "new"]
        assert one(db, "SELECT count(*) FROM refresh_tokens") == 1
        assert one(db, "SELECT array_agg(key) FROM rate_limits") == ["current"]
        assert one(db, "SELECT array_agg(username ORDER BY username) FROM revocations") == ["recent", "unconfirmed"]


OLD_TOKEN = """
    INSERT INTO users (username, password_hash) VALUES ('alice', 'x');
    INSERT INTO devices (id, user_id) SELECT 'dead', id FROM users;
    INSERT INTO refresh_tokens VALUES ('dead1', 'dead', now() - interval '1 day', NULL);
"""


def test_only_one_worker_purges_at_a_time(database_url: str, pool: Pool) -> None:
    with closing(psycopg2.connect(database_url)) as db, pool.transaction() as held:
        db.autocommit = True
        with db.cursor() as cur:
            cur.execute(OLD_TOKEN)
        assert purge.claim(held)
        Purger(pool, 90).purge()
        assert one(db, "SELECT count(*) FROM refresh_tokens") == 1


def test_purging_waits_for_nobody_and_leaves_a_session_that_somebody_changes(database_url: str, pool: Pool) -> None:
    """Whoever refreshes locks the session before its tokens; so does the purge, and takes the next one if it must."""
    with closing(psycopg2.connect(database_url)) as db, closing(psycopg2.connect(database_url)) as refreshing:
        db.autocommit = True
        with db.cursor() as cur:
            cur.execute(OLD_TOKEN)
        with refreshing.cursor() as cur:
            cur.execute("SELECT 1 FROM devices FOR UPDATE")
        Purger(pool, 90).purge()
        assert one(db, "SELECT count(*) FROM refresh_tokens") == 1
        refreshing.rollback()
        Purger(pool, 90).purge()
        assert one(db, "SELECT count(*) FROM devices") == 0


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
