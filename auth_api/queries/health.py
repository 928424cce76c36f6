"""Whether the database answers."""

from psycopg2.extensions import cursor


def answers_queries(cur: cursor) -> None:
    """Ask the database for its schema's first table; raises what the driver raises."""
    cur.execute("SELECT 1 FROM users LIMIT 1")
