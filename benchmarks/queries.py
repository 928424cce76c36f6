"""What the benchmarks ask the database themselves."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from uuid import uuid4

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812  # a class by its name
from psycopg2.extras import execute_values

from benchmarks.errors import BenchmarkError
from benchmarks.load.messages import BODY
from benchmarks.load.pace import WARM_UP
from db import one_line

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


@contextmanager
def cursor_of(database_url: str, options: str = "") -> Iterator[Cursor]:
    """Open a connection that commits each statement, for as long as the block lasts.

    What goes wrong in the database within the block is raised as BenchmarkError.
    """
    try:
        with closing(psycopg2.connect(database_url, options=options)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                yield cursor
    except psycopg2.Error as error:
        raise BenchmarkError(f"the database: {one_line(error)}") from error


def device_of(number: int, template: str) -> str:
    """Name the device of the how many-th user: the template, with the number at its end."""
    end = ""
    while number:
        number, digit = divmod(number, len(_ALPHABET))
        end = _ALPHABET[digit] + end
    return template[: len(template) - len(end)] + end


def add_users(database_url: str, names: Sequence[str], device: str, password_hash: str | None) -> None:
    """Add users that are not there yet, and a device for each."""
    with cursor_of(database_url) as cursor:
        execute_values(
            cursor,
            "INSERT INTO users (username, password_hash) VALUES %s ON CONFLICT DO NOTHING",
            [(name, password_hash) for name in names],
            page_size=1000,
        )
        execute_values(
            cursor,
            "INSERT INTO devices (id, user_id) SELECT given.id, users.id FROM (VALUES %s) AS given (name, id)"
            " JOIN users ON username = given.name ON CONFLICT DO NOTHING",
            [(name, device_of(number, device)) for number, name in enumerate(names)],
            page_size=1000,
        )


def stored_messages(database_url: str) -> int:
    """Count the archive."""
    with cursor_of(database_url) as cursor:
        cursor.execute("SELECT count(*) FROM messages")
        return int(_one(cursor)[0])


def archive_bytes(database_url: str) -> tuple[int, int]:
    """Return the bytes that the archive takes with its indexes, and those of the table alone."""
    with cursor_of(database_url) as cursor:
        cursor.execute("SELECT pg_total_relation_size('messages'), pg_table_size('messages')")
        total, table = _one(cursor)
        return int(total), int(table)


def _one(cursor: Cursor) -> tuple[int, ...]:
    found = cursor.fetchone()
    return tuple(found) if found else (0, 0)


def commit_times(database_url: str, count: int, rate: float) -> list[float]:
    """Insert rows as the archive's, one a transaction, `rate` a second; returns the seconds that each took.

    They go into a table of their own with the same columns and indexes, which is gone afterwards. As many as of the
    messages beside them are not counted at first.
    """
    seconds = []
    with cursor_of(database_url) as cursor:
        cursor.execute("CREATE TABLE commit_times (LIKE messages INCLUDING ALL)")
        began = time.perf_counter()
        for number in range(count + WARM_UP):
            time.sleep(max(0.0, began + number / rate - time.perf_counter()))
            started = time.perf_counter()
            cursor.execute(
                "INSERT INTO commit_times (seq, conversation_id, sender_id, sent_at, received_at, message_id, body)"
                " VALUES (%s, 1, 1, now(), now(), %s, %s)",
                (number + 1, str(uuid4()), BODY),
            )
            seconds.append(time.perf_counter() - started)
        cursor.execute("DROP TABLE commit_times")
    return seconds[WARM_UP:]
