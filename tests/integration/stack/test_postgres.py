"""The embedded database of scripts/up and the tests."""

from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from scripts.stack.errors import StackError
from scripts.stack.postgres import EmbeddedPostgres


def test_a_database_keeps_its_rows_over_a_kill_and_a_restart(tmp_path: Path) -> None:
    """What was committed is there after kill -9."""
    server = EmbeddedPostgres(tmp_path / "postgres", tmp_path / "log")
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


def test_a_long_path_still_gets_a_socket(tmp_path: Path) -> None:
    """The kernel allows a socket's path 107 bytes; deeper directories use one in the temporary directory."""
    directory = tmp_path / ("d" * 100)
    server = EmbeddedPostgres(directory, tmp_path / "log")
    server.start()
    assert server.ready()
    server.stop()


def test_sockets_of_somebody_else_are_refused(tmp_path: Path) -> None:
    """A directory that another user made first, where all can write, is not used."""
    directory = tmp_path / "postgres"
    directory.mkdir()
    (directory / "socket").symlink_to(tmp_path)
    with pytest.raises(StackError, match="belongs to somebody else"):
        EmbeddedPostgres(directory, tmp_path / "log").start()
