"""COPY, as psycopg2 does it."""

import sys
import threading
from types import TracebackType
from typing import Protocol

from psycopg2.extensions import cursor as Cursor  # noqa: N812  # a class by its name

_CHUNK = 8192


class Source(Protocol):
    """What is copied: `read` returns the next part, nothing at the end, and `readline` is never called."""

    def read(self, size: int = ..., /) -> bytes:
        """Return the next part."""

    def readline(self, size: int = ..., /) -> bytes:
        """Return the next line."""


def copy_from(cursor: Cursor, statement: str, source: Source, size: int = _CHUNK) -> None:
    """Execute a `COPY … FROM STDIN`, reading `size` bytes at a time. Raises psycopg2.Error.

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
        cursor.copy_expert(statement, source, size)
    finally:
        sys.excepthook = hook
