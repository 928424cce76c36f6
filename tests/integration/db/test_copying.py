"""COPY, while its server ends."""

import io
import time
from contextlib import closing

import psycopg2
import pytest

from db import copy_from


class Endless(io.RawIOBase):
    """Lines without end; with the third part the connection they go to is ended by the server."""

    def __init__(self, url: str, process: int) -> None:
        self._url = url
        self._process = process
        self._parts = 0

    def read(self, _size: int = -1, /) -> bytes:
        """Return the next part."""
        self._parts += 1
        if self._parts == 3:
            with closing(psycopg2.connect(self._url)) as other, other.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", (self._process,))
            time.sleep(0.1)
        return b"x" * 4000 + b"\n"


def test_a_server_that_ends_within_copy_is_one_error(database_url: str, capfd: pytest.CaptureFixture[str]) -> None:
    """It is raised, and nothing else is printed: the driver alone prints a traceback of its own."""
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE lines (line text)")
        with pytest.raises(psycopg2.OperationalError):
            copy_from(cursor, "COPY lines FROM STDIN", Endless(database_url, connection.info.backend_pid))
    assert capfd.readouterr() == ("", "")
