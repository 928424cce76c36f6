"""COPY, as psycopg2 does it."""

import io
import sys
import threading
from collections.abc import Iterable
from types import TracebackType

from psycopg2.extensions import cursor as Cursor  # noqa: N812  # a class by its name


class _Source(io.RawIOBase):
    """What the driver reads from."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)

    def read(self, _size: int = -1, /) -> bytes:
        """Return the next part, however long it is; nothing at the end."""
        return next(self._parts, b"")


def copy_from(cursor: Cursor, statement: str, parts: Iterable[bytes]) -> None:
    """Execute a `COPY … FROM STDIN` of parts, none of which is empty, cut anywhere. Raises psycopg2.Error.

    When a server ends within it, two errors come at once: that it was told to end, and that it is gone. While psycopg2
    reads the second, the first is set as the exception already, which Python reports to psycopg2 as a SystemError, and
    that it prints. What it raises is right. So nothing is printed of a SystemError in this thread meanwhile.
    """
    hook, here = sys.excepthook, threading.get_ident()

    def quieter(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if threading.get_ident() != here or not issubclass(kind, SystemError):
            hook(kind, error, trace)

    sys.excepthook = quieter
    try:
        cursor.copy_expert(statement, _Source(parts))
    finally:
        sys.excepthook = hook
