"""Messages as the archive gets them, and what it makes of them."""

from collections.abc import Sequence
from contextlib import closing
from typing import Any
from uuid import uuid4

import psycopg2

from archiver.delivery import Delivery, Origin
from archiver.letters import Item, read_delivery
from archiver.plan import Archived
from wire.message import MessageId

US = 1_700_000_000_000_000
ORIGIN = Origin("archiver.1", 1, resumed=False)


def item(
    body: bytes, *, sender: int = 0, to: int = 1, ids: bool = True, number: int = 1, duplicate: bool = False
) -> Item:
    """Make a message; its packet id is its number."""
    properties = [("id", str(uuid4()))] if ids else []
    topic = f"users/user{to}/inbox/user{sender}"
    packet_id = (number - 1) % 65_535 + 1
    return read_delivery(Delivery(number, packet_id, duplicate, topic, body, None, properties, US), uuid4)


def new_id() -> MessageId:
    """Make an id as the archiver does for a message without one."""
    return MessageId(str(uuid4()))


def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Run a query."""
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def change(url: str, statement: str) -> None:
    """Change the database behind the archiver's back."""
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)


def numbers(outcomes: Sequence[object]) -> list[int]:
    """Return the numbers of what is stored."""
    return [outcome.seq for outcome in outcomes if isinstance(outcome, Archived)]
