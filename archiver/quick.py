"""A few plain messages, stored by one statement: a part of `storage`.

While little is sent, what a receipt waits for is the round trips to the database: here it is one, of four or so. A
message is plain that came with an id and relates to nothing. Whatever else there is to know of it the statement sees
for itself: it stores all, or none when somebody, a conversation or a membership is not there. Then `storage` goes the
long way.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from psycopg2.extensions import cursor as Cursor  # noqa: N812  # a class by its name

from archiver import queries
from archiver.letters import Letter, Mail
from archiver.plan import Archived, Filing, stored_content_type

MOST: Final = 25
"""Messages; of about 30 on the long way, with its COPY, is the shorter."""
MOST_BYTES: Final = 64 * 1024
"""Bodies of all together, as long as they need not be: they are sent in hexadecimal."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def store(cursor: Cursor, items: Sequence[Mail]) -> list[Filing] | None:
    """Store new messages and commit; None if that cannot be done so, and then nothing is stored.

    The cursor is of a connection that commits each statement.
    """
    letters = _plain(items)
    if letters is None:
        return None
    in_group = [letter.to.kind == "group" for letter in letters]
    values: list[object] = [
        [letter.sender for letter in letters],
        [letter.to.name for letter in letters],
        "{" + ",".join([letter.id for letter in letters]) + "}",
        [_EPOCH + timedelta(microseconds=letter.delivery.received_at) for letter in letters],
        [letter.envelope.sent_at for letter in letters],
        [stored_content_type(letter) for letter in letters],
        [letter.delivery.body for letter in letters],
    ]
    if any(in_group):
        cursor.execute(queries.QUICK_MIXED, [*values, in_group])
    else:
        cursor.execute(queries.QUICK, values)
    [(newest, muted)] = cursor.fetchall()
    if newest is None:
        return None
    before = newest - len(letters)
    return [
        Archived(letter.id, before + place, letter.sender, letter.to, place in (muted or ()))
        for place, letter in enumerate(letters, 1)
    ]


def _plain(items: Sequence[Mail]) -> list[Letter] | None:
    """Return the items as letters if there are few, all are plain, and none is there twice."""
    if len(items) > MOST:
        return None
    letters = [
        item for item in items if isinstance(item, Letter) and not item.given and item.envelope.relates_to is None
    ]
    size = sum([len(letter.delivery.body) for letter in letters])
    different = len({(letter.id, letter.sender) for letter in letters})
    return letters if different == len(items) and size <= MOST_BYTES else None
