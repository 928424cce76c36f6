"""The database: its schema (`migrations/`, the only owner), and how to reach it."""

from db.connection import ARCHIVE_LOCK, PLAN_ONCE, DatabaseError, checked_url, connect, one_line
from db.copying import copy_from

__all__ = ["ARCHIVE_LOCK", "PLAN_ONCE", "DatabaseError", "checked_url", "connect", "copy_from", "one_line"]
