"""COPY, while its server ends."""

import itertools
import time
from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from db import copy_from


def endless(url: str, process: int) -> Iterator[bytes]:
    """Yield lines without end; with the third part the connection they go to is ended by the server."""
    for part in itertools.count(1):
        if part == 3:
            with closing(psycopg2.connect(url)) as other, other.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", (process,))
            time.sleep(0.1)
        yield b"x" * 4000 + b"\n"


def test_a_server_that_ends_within_copy_is_one_error(database_url: str, capfd: pytest.CaptureFixture[str]) -> None:
    """It is raised, and nothing else is printed: the driver alone prints a traceback of its own."""
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE lines (line text)")
        with pytest.raises(psycopg2.OperationalError):
            copy_from(cursor, "COPY lines FROM STDIN", endless(database_url, connection.info.backend_pid))
    assert capfd.readouterr() == ("", "")
