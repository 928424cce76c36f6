"""`python -m db migrate`: bring the database of NIGHTJAR_DATABASE_URL to the newest schema."""

import os
import sys

from db.connection import DatabaseError, checked_url
from db.migrate import migrate


def main(arguments: list[str], environment: dict[str, str]) -> int:
    """Run one command; 0 done, 1 the database cannot be used, 2 usage."""
    if arguments != ["migrate"]:
        print("usage: python -m db migrate", file=sys.stderr)
        return 2
    url = environment.get("NIGHTJAR_DATABASE_URL", "")
    try:
        checked_url(url)
    except ValueError as error:
        print(f"NIGHTJAR_DATABASE_URL: {error}", file=sys.stderr)
        return 2
    try:
        applied = migrate(url)
    except DatabaseError as error:
        print(f"the database cannot be used: {error}", file=sys.stderr)
        return 1
    print(f"applied {', '.join(applied)}" if applied else "the schema is up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], dict(os.environ)))
