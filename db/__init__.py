"""The database: its schema (`migrations/`, the only owner), and how to reach it."""

from db.connection import ARCHIVE_LOCK, DatabaseError, connect, is_url, one_line

__all__ = ["ARCHIVE_LOCK", "DatabaseError", "connect", "is_url", "one_line"]
