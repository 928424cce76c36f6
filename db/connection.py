"""Connections to the database, and what goes wrong with them."""

from typing import Final

import psycopg2
from psycopg2.extensions import connection, parse_dsn

ARCHIVE_LOCK: Final = 0x6E696768746A6172
"""Key of the advisory lock under which messages get their numbers; held until the commit."""


class DatabaseError(Exception):
    """The database cannot be used; the message is one line that says why."""


def is_url(text: str) -> bool:
    """Whether libpq can read the text as the URL of a database. Says nothing more: libpq's own words would quote it."""
    if not text.startswith(("postgresql://", "postgres://")):
        return False
    try:
        parse_dsn(text)
    except psycopg2.ProgrammingError:
        return False
    return True


def connect(url: str, application: str, connect_timeout: int = 5) -> connection:
    """Open a connection that speaks UTC and UTF-8. Timeout in seconds.

    Raises DatabaseError when the server is out of reach or the URL is none. Its message holds no password.
    """
    if not is_url(url):
        raise DatabaseError("the URL of the database cannot be read")
    try:
        opened = psycopg2.connect(
            url,
            application_name=f"nightjar-{application}",
            connect_timeout=connect_timeout,
            options="-c timezone=UTC -c client_encoding=UTF8",
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
        )
    except psycopg2.Error as error:
        raise DatabaseError(one_line(error)) from error
    return opened


def one_line(error: Exception) -> str:
    """Say what an error of the driver says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__
