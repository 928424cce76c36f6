"""Bring a database to the newest schema. Safe to run at any time, by several at once, and after a kill -9."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.resources import as_file, files

import yoyo
from psycopg2.extensions import cursor as Cursor  # noqa: N812  # a class by its name

from db.connection import DatabaseError, connect

_MIGRATION_LOCK = 0x6E6A6D6967726174


def migrate(url: str) -> list[str]:
    """Apply what is pending and name it. Raises DatabaseError.

    The lock is the server's own and ends with its connection; the row that yoyo locks with would outlive a crash.
    """
    with closing(connect(url, "migrate")) as holder, holder.cursor() as cursor:
        _demand_utf8(cursor)
        cursor.execute("SELECT pg_advisory_lock(%s)", (_MIGRATION_LOCK,))
        with _backend(url) as (backend, migrations):
            todo = backend.to_apply(migrations)
            backend.apply_migrations(todo)
            return [migration.id for migration in todo]


def _demand_utf8(cursor: Cursor) -> None:
    """Names and messages may be in any script."""
    cursor.execute("SHOW server_encoding")
    (encoding,) = cursor.fetchone() or ("unknown",)
    if encoding != "UTF8":
        raise DatabaseError(f"its encoding is {encoding}: make one with CREATE DATABASE … ENCODING 'UTF8'")


@contextmanager
def _backend(url: str) -> Iterator[tuple[yoyo.backends.DatabaseBackend, yoyo.migrations.MigrationList]]:
    with as_file(files("db") / "migrations") as folder:
        backend = yoyo.get_backend(url)
        try:
            yield backend, yoyo.read_migrations(str(folder))
        finally:
            backend.connection.close()
