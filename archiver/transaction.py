"""A batch of whatever kind in one transaction, written with COPY: a part of `storage`."""

import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType

from psycopg2.extensions import cursor as Cursor  # noqa: N812  # a class by its name
from psycopg2.extras import execute_values

from archiver import queries
from archiver.delivery import Origin
from archiver.letters import Item, Letter, Refused
from archiver.plan import Filed, Identity, Known, Names, Outcome, Pair, Plan, Route, Row, make_plan, pair_of
from archiver.redelivery import Swept, recognize, remember, sweep
from archiver.rows import copy_data
from wire.message import MessageId


class Transaction:
    """One batch, inside one transaction."""

    def __init__(self, cursor: Cursor, careful: bool) -> None:
        self._cursor = cursor
        self._careful = careful

    def run(self, origin: Origin, items: Sequence[Item], last: Swept) -> tuple[list[Outcome], Swept]:
        """Write the batch and commit; say what became of each item, and when packet ids were last cleared."""
        routes, next_seq = self._begin({(item.sender, item.to) for item in items if isinstance(item, Letter)})
        items = recognize(self._cursor, origin, items)
        letters = [item for item in items if isinstance(item, Letter)]
        known = Known(routes, {}, self._look_up_targets(letters))
        plan = None if self._careful else make_plan(items, known, next_seq)
        if plan is None or plan.doubtful:
            plan = make_plan(items, known._replace(filed=self._look_up_filed(letters)), next_seq)
        rows = self._with_conversations(plan, routes)
        self._write_messages(rows)
        self._write_dead_letters(plan.refused)
        remember(self._cursor, origin, zip(items, plan.outcomes, strict=True))
        swept = sweep(self._cursor, origin, last, items)
        self._commit(rows)
        return plan.outcomes, swept

    def _begin(self, names: Set[Names]) -> tuple[dict[Names, Route], int]:
        """Take the lock and look up the routes; conversations that are not made yet get a negative number."""
        wanted = list(names)
        self._cursor.execute(
            queries.BEGIN if len(wanted) < queries.MANY else queries.BEGIN_WITH_MANY,
            ([sender for sender, _ in wanted], [recipient for _, recipient in wanted]),
        )
        rows = self._cursor.fetchall()
        routes: dict[Names, Route] = {}
        new: dict[Pair, int] = {}
        for sender, recipient, sender_id, recipient_id, live, found, _ in rows:
            conversation_id = found or 0
            if found is None and sender_id is not None and recipient_id is not None:
                conversation_id = new.setdefault(pair_of(sender_id, recipient_id), -len(new) - 1)
            routes[sender, recipient] = Route(sender_id, recipient_id, conversation_id, live)
        return routes, rows[0][-1] if rows else 1

    def _look_up_filed(self, letters: Sequence[Letter]) -> dict[Identity, Filed]:
        self._cursor.execute(queries.FILED, (_uuids([letter.id for letter in letters]),))
        return {
            (MessageId(id_), sender): Filed(seq, conversation, sender, bytes(body_sha256))
            for id_, seq, conversation, sender, body_sha256 in self._cursor.fetchall()
        }

    def _look_up_targets(self, letters: Sequence[Letter]) -> dict[tuple[MessageId, int], Filed]:
        related = [letter.envelope.relates_to for letter in letters if letter.envelope.relates_to]
        if not related:
            return {}
        self._cursor.execute(queries.TARGETS, (_uuids(related),))
        return {
            (MessageId(id_), conversation): Filed(seq, conversation, sender, None)
            for id_, seq, conversation, sender in self._cursor.fetchall()
        }

    def _with_conversations(self, plan: Plan, routes: Mapping[Names, Route]) -> list[Row]:
        """Return the new rows, each with a conversation that is there."""
        made = self._make_conversations(plan, routes)
        if not made:
            return plan.rows
        return [row._replace(conversation_id=made.get(row.conversation_id, row.conversation_id)) for row in plan.rows]

    def _write_messages(self, rows: Sequence[Row]) -> None:
        if rows:
            data = copy_data(rows)
            with _no_traceback_of_the_driver():
                self._cursor.copy_expert(queries.COPY_MESSAGES, io.BytesIO(data), len(data))  # in one piece

    def _commit(self, rows: Sequence[Row]) -> None:
        """Note the numbers that are in use now, and commit."""
        if not rows:
            self._cursor.execute("COMMIT")
            return
        newest = {row.conversation_id: row.seq for row in rows}
        self._cursor.execute(queries.COMMIT_NUMBERS, (list(newest), list(newest.values()), rows[-1].seq))

    def _make_conversations(self, plan: Plan, routes: Mapping[Names, Route]) -> dict[int, int]:
        """Make the conversations that get their first message; returns their ids by their negative numbers."""
        used = {row.conversation_id for row in plan.rows if row.conversation_id < 0}
        if not used:
            return {}
        numbers = {
            pair_of(route.sender_id, route.recipient_id): route.conversation_id
            for route in routes.values()
            if route.sender_id is not None and route.recipient_id is not None and route.conversation_id in used
        }
        made = execute_values(
            self._cursor, queries.MAKE_CONVERSATIONS, list(numbers), page_size=len(numbers), fetch=True
        )
        members = {(user, id_) for low, high, id_ in made for user in (low, high)}
        execute_values(self._cursor, queries.MAKE_PARTICIPANTS, sorted(members), page_size=len(members))
        return {numbers[low, high]: id_ for low, high, id_ in made}

    def _write_dead_letters(self, refused: Sequence[Refused]) -> None:
        execute_values(self._cursor, queries.KEEP_DEAD_LETTERS, [_dead_letter(item) for item in refused])


@contextmanager
def _no_traceback_of_the_driver() -> Iterator[None]:
    """Keep psycopg2 quiet when a server ends within COPY.

    Two errors come at once then, that it was told to end and that it is gone. While psycopg2 reads the second, the
    first is set as the exception already, which Python reports to psycopg2 as a SystemError, and that it prints. What
    it raises is right.
    """
    hook = sys.excepthook

    def quieter(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, SystemError):
            hook(kind, error, trace)

    sys.excepthook = quieter
    try:
        yield
    finally:
        sys.excepthook = hook


def _uuids(ids: Sequence[MessageId]) -> str:
    """Write a uuid[] as one text: the driver is slow about lists of thousands, and ids need no quotes."""
    return "{" + ",".join(ids) + "}"


def _dead_letter(item: Refused) -> tuple[object, ...]:
    delivery = item.delivery
    return (
        datetime.fromtimestamp(delivery.received_at / 1e6, UTC),
        _storable(delivery.topic),
        item.reason,
        _storable(item.detail),
        None if delivery.content_type is None else _storable(delivery.content_type),
        json.dumps(delivery.properties),
        delivery.body,
    )


def _storable(text: str) -> str:
    """Replace what a text column cannot hold."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()
