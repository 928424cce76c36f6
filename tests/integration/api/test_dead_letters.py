"""What was refused is dropped when it is old: how much at a time, and at what cost."""

from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import connection

from auth_api.keys import init_keys
from auth_api.pool import Cursor, Pool
from auth_api.purge import Purger
from auth_api.queries import purge
from auth_api.services import build
from auth_api.settings import Settings

ROUND = 5000
"""The most that goes at a time."""


def keep(own_db: connection, age: str, count: int = 1, sender: str = "alice") -> None:
    """Keep what was refused so long ago, or a moment before that; its reason says when."""
    with own_db.cursor() as cur:
        cur.execute(
            """
            INSERT INTO dead_letters (received_at, topic, reason, detail, properties, body)
            SELECT now() - %(age)s::interval - n * interval '1 microsecond',
                   'users/bobby/inbox/' || %(sender)s, %(age)s, n, '[]', 'x'
            FROM generate_series(1, %(count)s) n
            """,
            {"age": age, "count": count, "sender": sender},
        )


def kept(own_db: connection) -> dict[str, int]:
    """Count what is kept by how long ago it was refused."""
    with own_db.cursor() as cur:
        cur.execute("SELECT reason, count(*) FROM dead_letters GROUP BY reason")
        return dict(cur.fetchall())


def read_so_far(cur: Cursor) -> tuple[int, int]:
    """Count how often this connection has read all dead letters, and how many rows it has found by an index."""
    cur.execute("SELECT seq_scan, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'dead_letters'")
    [(scans, rows)] = cur.fetchall()
    return scans, rows


def test_the_old_are_dropped_and_the_young_stay(own_db: connection, pool: Pool) -> None:
    for age in ("10 years", "90 days 1 minute", "89 days 23:59", "1 second", "-1 day"):
        keep(own_db, age)
    Purger(pool, 90).purge()
    assert kept(own_db) == {"89 days 23:59": 1, "1 second": 1, "-1 day": 1}
    Purger(pool, 1).purge()
    assert kept(own_db) == {"1 second": 1, "-1 day": 1}


@pytest.mark.parametrize(
    "detail", ["our own error, KeyError at rows.py:7", "it cannot be read (X)", "the database refuses it"]
)
def test_what_was_refused_by_a_fault_of_ours_stays(own_db: connection, pool: Pool, detail: str) -> None:
    """Nothing is lost: it is a message, and nowhere else."""
    keep(own_db, "10 years")
    with own_db.cursor() as cur:
        cur.execute("UPDATE dead_letters SET detail = %s", (detail,))
    keep(own_db, "9 years", 2)
    Purger(pool, 90).purge()
    assert kept(own_db) == {"10 years": 1}


def test_with_0_days_they_stay_for_ever(own_db: connection, pool: Pool) -> None:
    keep(own_db, "100 years")
    keep(own_db, "1 second")
    Purger(pool, 0).purge()
    assert kept(own_db) == {"100 years": 1, "1 second": 1}


def test_the_service_drops_them_after_as_many_days_as_are_set(
    own_db: connection, database_url: str, tmp_path: Path
) -> None:
    init_keys(tmp_path / "private", tmp_path / "public")
    built = build(
        Settings(
            keys_dir=tmp_path / "private",
            public_keys_dir=tmp_path / "public",
            database_url=database_url,
            dead_letter_days=7,
        )
    )
    keep(own_db, "8 days")
    keep(own_db, "6 days")
    built.purger.purge()
    built.pool.close()
    assert kept(own_db) == {"6 days": 1}


def test_a_round_drops_a_bounded_part_and_the_oldest_first(own_db: connection, pool: Pool) -> None:
    purger = Purger(pool, 90)
    keep(own_db, "100 days", 2 * ROUND)
    keep(own_db, "200 days", 3)
    keep(own_db, "1 day", 3)
    for left in ({"100 days": ROUND + 3}, {"100 days": 3}, {}):
        purger.purge()
        assert kept(own_db) == {**left, "1 day": 3}


@pytest.mark.parametrize("analyzed", [False, True], ids=["without statistics", "with statistics"])
def test_only_what_is_dropped_is_read(own_db: connection, pool: Pool, analyzed: bool) -> None:
    """Each minute, however many there are: none of a table in which none is old, and never all of one."""
    keep(own_db, "80 days", 50_000)
    with own_db.cursor() as cur:
        if analyzed:
            cur.execute("ANALYZE dead_letters")
    for old in (0, 7, 2000):
        keep(own_db, "91 days", old)
        with pool.transaction() as cur:
            before = read_so_far(cur)
            dropped = purge.old_dead_letters(cur, 1000, days=90)
            assert dropped == min(old, 1000)
            scans, rows = (now - then for then, now in zip(before, read_so_far(cur), strict=True))
            assert scans == 0
            assert rows <= 2 * dropped + 5, "each is found by its age and then by its id; a few are read to plan that"


@pytest.mark.parametrize("names", [0, 1000])
@pytest.mark.parametrize("analyzed", [False, True], ids=["without statistics", "with statistics"])
def test_looking_for_those_of_deleted_accounts_reads_no_others(
    own_db: connection, pool: Pool, names: int, analyzed: bool
) -> None:
    keep(own_db, "1 day", 50_000)
    with own_db.cursor() as cur:
        cur.execute(
            "INSERT INTO retired_names SELECT 'gone' || n, now() + interval '1 day' FROM generate_series(1, %s) n",
            (names,),
        )
        if analyzed:
            cur.execute("ANALYZE dead_letters")
    for late in (0, 7, 2000) if names else (0,):
        keep(own_db, "1 day", late, "gone500")
        with pool.transaction() as cur:
            before = read_so_far(cur)
            dropped = purge.dead_letters_of_deleted(cur, 1000)
            assert dropped == min(late, 1000)
            scans, rows = (now - then for then, now in zip(before, read_so_far(cur), strict=True))
            assert scans == 0
            assert rows <= 2 * late + 5


def test_nobody_is_waited_for(own_db: connection, database_url: str, pool: Pool) -> None:
    """An operator looks at some of them in a transaction that stays open; the others go."""
    keep(own_db, "100 days")
    with closing(psycopg2.connect(database_url)) as looking, looking.cursor() as cur:
        cur.execute("SELECT FROM dead_letters FOR UPDATE")
        keep(own_db, "200 days")
        keep(own_db, "99 days")
        Purger(pool, 90).purge()
        assert kept(own_db) == {"100 days": 1}
        looking.rollback()
    Purger(pool, 90).purge()
    assert kept(own_db) == {}


def test_another_worker_at_it_is_left_to_it(own_db: connection, pool: Pool) -> None:
    keep(own_db, "100 days")
    with pool.transaction() as held:
        assert purge.claim(held)
        Purger(pool, 90).purge()
    assert kept(own_db) == {"100 days": 1}


@pytest.mark.parametrize(("age", "sender"), [("100 days", "alice"), ("1 day", "gone")], ids=["old", "of the deleted"])
def test_if_they_cannot_be_dropped_the_rest_has_been(own_db: connection, pool: Pool, age: str, sender: str) -> None:
    """They may be large, and the disk slow: what takes too long is taken back."""
    keep(own_db, age, sender=sender)
    with own_db.cursor() as cur:
        cur.execute(
            """
            INSERT INTO rate_limits VALUES ('old', 1, now());
            INSERT INTO retired_names VALUES ('gone', now() + interval '1 day');
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$;
            CREATE TRIGGER refuse BEFORE DELETE ON dead_letters FOR EACH ROW EXECUTE FUNCTION refuse();
            """
        )
    with pytest.raises(psycopg2.errors.RaiseException):
        Purger(pool, 90).purge()
    with own_db.cursor() as cur:
        cur.execute("SELECT FROM rate_limits")
        assert cur.fetchall() == []
