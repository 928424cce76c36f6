"""Migrations: on an empty database, again, by several at once, and after one that was killed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Final

import psycopg2
import pytest
import yoyo

from db import ARCHIVE_LOCK, DatabaseError, connect
from db.__main__ import main
from db.migrate import migrate
from scripts.stack.config import ROOT
from scripts.stack.postgres import EmbeddedPostgres
from tests.support.stack import wait_for

ALL = ["0001_accounts", "0002_archive"]
TABLES = {"users", "devices", "refresh_tokens", "conversations", "participants", "messages", "dead_letters"}


@pytest.fixture
def empty_database(postgres_server: EmbeddedPostgres, request: pytest.FixtureRequest) -> Iterator[str]:
    """Make a database without any table."""
    name = f"empty_{abs(hash(request.node.name))}"
    yield postgres_server.create_database(name)
    with closing(psycopg2.connect(postgres_server.url())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def tables(url: str) -> set[str]:
    """Name the tables of a database."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {name for (name,) in cursor.fetchall()}


def command() -> list[str]:
    """Write the command that migrates."""
    return [sys.executable, "-m", "db", "migrate"]


def start(url: str) -> subprocess.Popen[str]:
    """Start `python -m db migrate`."""
    return subprocess.Popen(
        command(),
        cwd=ROOT,
        env={**os.environ, "NIGHTJAR_DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_an_empty_database_gets_the_schema_and_the_second_time_nothing_happens(empty_database: str) -> None:
    applied = migrate(empty_database)
    assert applied[: len(ALL)] == ALL
    assert tables(empty_database) >= TABLES
    assert migrate(empty_database) == []


def test_several_at_once_apply_each_migration_once(empty_database: str) -> None:
    running = [start(empty_database) for _ in range(4)]
    said = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0] * 4, said
    assert sum("applied" in out for out, _ in said) == 1
    assert sum(out == "the schema is up to date\n" for out, _ in said) == 3
    assert tables(empty_database) >= TABLES


def test_after_one_that_was_killed_the_next_goes_on(empty_database: str) -> None:
    """It is killed while it waits for a table that somebody else holds."""
    with closing(psycopg2.connect(empty_database)) as other:
        with other.cursor() as cursor:
            cursor.execute("CREATE TABLE dead_letters (id integer)")
        killed = start(empty_database)

        def waits() -> bool:
            with closing(psycopg2.connect(empty_database)) as watcher, watcher.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND wait_event_type = 'Lock'"
                )
                return cursor.fetchone() == (1,)

        wait_for(waits, "the migration waits for the table")
        killed.kill()
        killed.communicate(timeout=60)
        other.rollback()
    following = start(empty_database)
    out, err = following.communicate(timeout=60)
    assert following.returncode == 0, err
    assert "0002_archive" in out
    assert tables(empty_database) >= TABLES
    assert migrate(empty_database) == []


def test_the_command_says_what_it_did(empty_database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate"], {"NIGHTJAR_DATABASE_URL": empty_database}) == 0
    assert capsys.readouterr().out.startswith("applied 0001_accounts, 0002_archive")
    assert main(["migrate"], {"NIGHTJAR_DATABASE_URL": empty_database}) == 0
    assert capsys.readouterr().out == "the schema is up to date\n"


@pytest.mark.parametrize(
    ("arguments", "environment", "status", "said"),
    [
        ([], {}, 2, "usage: python -m db migrate"),
        (["migrate"], {}, 2, "NIGHTJAR_DATABASE_URL: must be a postgresql:// URL"),
        (
            ["migrate"],
            {"NIGHTJAR_DATABASE_URL": "mysql://x"},
            2,
            "NIGHTJAR_DATABASE_URL: must be a postgresql:// URL",
        ),
        (["migrate"], {"NIGHTJAR_DATABASE_URL": "postgresql://127.0.0.1:1/x"}, 1, "the database cannot be used: "),
        (
            ["migrate"],
            {"NIGHTJAR_DATABASE_URL": "postgresql://[/x"},
            2,
            "NIGHTJAR_DATABASE_URL: is a postgresql:// URL that cannot be read",
        ),
        (
            ["migrate"],
            {"NIGHTJAR_DATABASE_URL": "postgresql://h:abc/x"},
            2,
            "NIGHTJAR_DATABASE_URL: has a port that is no number from 1 to 65535",
        ),
    ],
)
def test_what_goes_wrong_is_one_line(
    arguments: list[str], environment: dict[str, str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments, environment) == status
    error = capsys.readouterr().err
    assert error.startswith(said)
    assert error.count("\n") == 1


def test_a_connection_speaks_utc_and_names_itself(database_url: str) -> None:
    with closing(connect(database_url, "test")) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('timezone'), current_setting('application_name')")
        assert cursor.fetchone() == ("UTC", "nightjar-test")


def test_a_database_out_of_reach_is_one_error() -> None:
    with pytest.raises(DatabaseError, match="refused"):
        connect("postgresql://127.0.0.1:1/x", "test")


def test_the_archive_lock_is_a_key_that_postgres_takes(database_url: str) -> None:
    with closing(connect(database_url, "test")) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (ARCHIVE_LOCK,))


def test_a_conversation_is_one_pair_in_one_order(database_url: str) -> None:
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO users (username) VALUES ('alice'), ('bob')")
        cursor.execute("INSERT INTO conversations (user_low, user_high) VALUES (1, 2), (1, 1)")
        connection.commit()
        with pytest.raises(psycopg2.errors.UniqueViolation):
            cursor.execute("INSERT INTO conversations (user_low, user_high) VALUES (1, 2)")
        connection.rollback()
        with pytest.raises(psycopg2.errors.CheckViolation):
            cursor.execute("INSERT INTO conversations (user_low, user_high) VALUES (2, 1)")


def test_a_database_that_cannot_hold_every_script_is_refused(postgres_server: EmbeddedPostgres) -> None:
    with closing(psycopg2.connect(postgres_server.url())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE ascii_only ENCODING 'SQL_ASCII' TEMPLATE template0")
    with pytest.raises(DatabaseError, match=r"^its encoding is SQL_ASCII: make one with CREATE DATABASE"):
        migrate(postgres_server.url("ascii_only"))


@pytest.mark.parametrize(
    "url", ["postgresql://u:s3cret@[::1/db", "postgresql://u:s3cret@h:1:2/%zz", "mysql://u:s3cret@h/db"]
)
def test_a_url_that_cannot_be_read_is_not_quoted(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It may hold a password."""
    with pytest.raises(DatabaseError) as raised:
        connect(url, "test")
    assert "s3cret" not in str(raised.value)
    assert main(["migrate"], {"NIGHTJAR_DATABASE_URL": url}) == 2
    assert "s3cret" not in capsys.readouterr().err


def test_a_password_is_not_quoted_when_the_server_is_out_of_reach(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate"], {"NIGHTJAR_DATABASE_URL": "postgresql://u:s3cret@127.0.0.1:1/db"}) == 1
    assert "s3cret" not in capsys.readouterr().err


_OLD: Final = """
    INSERT INTO users (username) VALUES ('alice'), ('bobby');
    INSERT INTO conversations (user_low, user_high, last_seq) SELECT min(id), max(id), 200007 FROM users;
    INSERT INTO participants (user_id, conversation_id) SELECT u.id, c.id FROM users u, conversations c;
    INSERT INTO messages (seq, conversation_id, sender_id, received_at, message_id, body)
        SELECT n, c.id, c.user_low, now(), gen_random_uuid(), 'hello'
        FROM conversations c, generate_series(1, 200000) n;
    INSERT INTO messages (seq, conversation_id, sender_id, received_at, message_id, relation, relates_to_seq, body)
        SELECT 200000 + n, c.id, c.user_low, now(), gen_random_uuid(), kind, target, body
        FROM conversations c, (VALUES
            (1, 'edit', 5, 'once'::bytea), (2, 'edit', 200001, 'twice'), (3, 'edit', 200002, 'three times'),
            (4, 'reaction', 6, ':)'), (5, 'reply', 7, 'well'), (6, 'edit', 8, 'secret'), (7, 'retract', 8, '')
        ) given (n, kind, target, body);
"""


def test_what_was_sent_before_it_counted_counts_after_the_migration(empty_database: str) -> None:
    backend = yoyo.get_backend(empty_database)
    backend.apply_migrations(yoyo.read_migrations(str(ROOT / "db" / "migrations"))[: len(ALL)])
    backend.connection.close()
    with closing(psycopg2.connect(empty_database)) as db, db.cursor() as cursor:
        cursor.execute(_OLD)
        db.commit()
        migrate(empty_database)
        cursor.execute("SELECT seq FROM messages WHERE changed ORDER BY seq")
        assert cursor.fetchall() == [(5,), (6,), (8,)]
        cursor.execute("SELECT seq, relates_to_seq FROM messages WHERE relation = 'edit' ORDER BY seq")
        assert cursor.fetchall() == [(200_001, 5), (200_002, 5), (200_003, 5), (200_006, 8)]
        cursor.execute("SELECT seq FROM messages WHERE body = '' ORDER BY seq")
        assert cursor.fetchall() == [(8,), (200_006,), (200_007,)]
        cursor.execute("SELECT count(*) FROM messages")
        assert cursor.fetchall() == [(200_007,)]
