"""The embedded database of scripts/up and the tests."""

from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from scripts.stack.errors import StackError
from scripts.stack.postgres import EmbeddedPostgres


def test_a_database_keeps_its_rows_over_a_kill_and_a_restart(reachable_directory: Path) -> None:
    """What was committed is there after kill -9."""
    server = EmbeddedPostgres(reachable_directory / "postgres", reachable_directory / "log")
    server.start()
    url = server.create_database("kept")
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert server.process
    server.process.kill()
    server.start()
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT answer FROM kept")
        assert cursor.fetchall() == [(42,)]
    server.stop()


def test_a_long_path_still_gets_a_socket(reachable_directory: Path) -> None:
    """The kernel allows a socket's path 107 bytes; deeper directories use one in the temporary directory."""
    directory = reachable_directory / ("d" * 100)
    server = EmbeddedPostgres(directory, reachable_directory / "log")
    server.start()
    assert server.ready()
    server.stop()


def test_sockets_of_somebody_else_are_refused(reachable_directory: Path) -> None:
    """A directory that another user made first, where all can write, is not used."""
    directory = reachable_directory / "postgres"
    directory.mkdir()
    (directory / "socket").symlink_to(reachable_directory)
    with pytest.raises(StackError, match="belongs to somebody else"):
        EmbeddedPostgres(directory, reachable_directory / "log").start()
