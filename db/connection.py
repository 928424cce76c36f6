"""Connections to the database, and what goes wrong with them."""

from typing import Final

import psycopg2
from psycopg2.extensions import connection, parse_dsn

ARCHIVE_LOCK: Final = 0x6E696768746A6172
"""Key of the advisory lock under which messages get their numbers; held until the commit."""

PLAN_ONCE: Final = """
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET jit = off;
"""
"""For connections whose prepared statements find a few rows by their keys, and are planned once.

Whatever the tables held then, maybe nothing, that plan has to do: one made for small tables would read them as a whole,
and go on so as they grow. Such a plan cannot tell how little it will read, nor can one for which there is no index:
both seem to cost enough to be compiled, which would take longer than running them.
"""


class DatabaseError(Exception):
    """The database cannot be used; the message is one line that says why."""


def checked_url(text: str) -> str:
    """Return the text if libpq can read it as the URL of a database. Raises ValueError.

    Its message quotes nothing: libpq's own words would, password included.
    """
    if not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("must be a postgresql:// URL")
    try:
        ports = parse_dsn(text).get("port", "")
    except psycopg2.ProgrammingError:
        raise ValueError("is a postgresql:// URL that cannot be read") from None
    if not all(_is_port(port) for port in ports.split(",") if port):
        raise ValueError("has a port that is no number from 1 to 65535")
    return text


_SERVER_KEEP_ALIVES = "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
"""The server's side of it: a host that is gone must not hold a lock for hours."""


def connect(url: str, application: str, connect_timeout: int = 5) -> connection:
    """Open a connection that speaks UTC and UTF-8. Timeout in seconds.

    Raises DatabaseError when the server is out of reach or the URL is none. Its message holds no password.
    """
    try:
        checked_url(url)
    except ValueError as error:
        raise DatabaseError(f"its URL {error}") from None
    try:
        opened = psycopg2.connect(
            url,
            application_name=f"nightjar-{application}",
            connect_timeout=connect_timeout,
            options=f"-c timezone=UTC -c client_encoding=UTF8 {_SERVER_KEEP_ALIVES}",
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


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) < 65536
