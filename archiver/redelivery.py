"""Messages without an id, known again after a crash: a part of `storage`, in its transaction, with SQL of its own.

A row of `unacknowledged` says under which packet id of which connection of ours the broker delivered a message, and as
what it was stored. It is used for redeliveries (DUP) in a resumed session only. Rows of earlier connections go with
the first batch that has a delivery which is no redelivery, because the broker redelivers first; rows of this
connection go `WINDOW` deliveries later: more than the receive maximum, so the broker has processed the PUBACK, and
less than the 65,535 packet ids there are.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from psycopg2.extensions import cursor as Cursor  # noqa: N812  # a class by its name
from psycopg2.extras import execute_values

from archiver.delivery import Origin
from archiver.letters import Item, Letter, Mail, digest
from archiver.plan import Archived, Filing
from archiver.settings import RECEIVE_MAXIMUM_MOST
from wire.message import MessageId

WINDOW: Final = RECEIVE_MAXIMUM_MOST
SWEEP_EVERY: Final = 1000
"""Deliveries between two clearings of the table."""


class Swept(NamedTuple):
    """When the table was last cleared: over which connection, after which delivery."""

    connection: int
    delivery: int


NOTHING_SWEPT: Final = Swept(0, 0)


def recognize(cursor: Cursor, origin: Origin, items: Sequence[Mail]) -> Sequence[Mail]:
    """Give redelivered messages without an id the id that they are stored under."""
    again = [item for item in items if isinstance(item, Letter) and item.given and item.delivery.duplicate]
    if not again or not origin.resumed:
        return items
    cursor.execute(
        "SELECT packet_id, digest, message_id FROM unacknowledged WHERE client_id = %s AND packet_id = ANY(%s)",
        (origin.client_id, [letter.delivery.packet_id for letter in again]),
    )
    stored = {(packet_id, bytes(found)): MessageId(id_) for packet_id, found, id_ in cursor.fetchall()}
    ids = {letter.id: stored.get((letter.delivery.packet_id, digest(letter.delivery))) for letter in again}
    return [
        item._replace(id=ids.get(item.id) or item.id) if isinstance(item, Letter) and item.given else item
        for item in items
    ]


def remember(cursor: Cursor, origin: Origin, decided: Iterable[tuple[Mail, Filing]]) -> None:
    """Note under which id each message that came without one is stored."""
    rows = {
        item.delivery.packet_id: (
            origin.client_id,
            item.delivery.packet_id,
            origin.connection,
            item.delivery.number,
            digest(item.delivery),
            item.id,
        )
        for item, outcome in decided
        if isinstance(item, Letter) and item.given and isinstance(outcome, Archived)
    }
    execute_values(
        cursor,
        "INSERT INTO unacknowledged (client_id, packet_id, connection, delivery, digest, message_id) VALUES %s"
        " ON CONFLICT (client_id, packet_id) DO UPDATE SET connection = excluded.connection,"
        " delivery = excluded.delivery, digest = excluded.digest, message_id = excluded.message_id",
        list(rows.values()),
        page_size=1000,
    )


def sweep(cursor: Cursor, origin: Origin, last: Swept, items: Sequence[Item]) -> Swept:
    """Forget packet ids that the broker cannot redeliver any more, if it is time; says when that was done last."""
    connection, newest = origin.connection, items[-1].delivery.number
    new_here = last.connection != connection
    if new_here and origin.resumed and all(item.delivery.duplicate for item in items):
        return last
    if not new_here and newest - last.delivery < SWEEP_EVERY:
        return last
    cursor.execute(
        "DELETE FROM unacknowledged WHERE client_id = %s AND (connection <> %s OR delivery <= %s)",
        (origin.client_id, connection, newest - WINDOW),
    )
    return Swept(connection, newest)
