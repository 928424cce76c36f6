"""Whether the database answers."""

from auth_api.pool import Cursor


def answers_queries(cur: Cursor) -> None:
    """Ask the database for its schema's first table; raises what the driver raises."""
    cur.execute("SELECT 1 FROM users LIMIT 1")
