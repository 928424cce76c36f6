"""Markers into the archive: a part of `storage`."""

from collections.abc import Sequence

from psycopg2.extensions import cursor as Cursor  # noqa: N812  # a class by its name

from archiver.markings import Moved
from wire.receipts import Watermark


def mark(cursor: Cursor, statement: str, marks: Sequence[tuple[str, Watermark]]) -> list[Moved]:
    """Move users' watermarks to where they want them, never back, nor past the newest message; say which moved.

    `statement` is one of the two in `queries`. Whoever is not in a conversation, or there is none, moves nothing.
    """
    if not marks:
        return []
    users, wanted = zip(*marks, strict=True)
    cursor.execute(
        statement,
        (
            list(users),
            [to.name if to.kind == "direct" else None for to, _, _ in wanted],
            [to.name if to.kind == "group" else None for to, _, _ in wanted],
            [delivered for _, delivered, _ in wanted],
            [read for _, _, read in wanted],
        ),
    )
    return [
        Moved(users[place - 1], wanted[place - 1]._replace(delivered=delivered, read=read))
        for place, delivered, read in cursor.fetchall()
    ]
