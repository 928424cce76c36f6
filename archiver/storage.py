"""The archive in Postgres: with `redelivery` and `queries`, all the archiver's SQL. One thread uses it; any may
`interrupt` or `end`.

A batch is one transaction under the advisory lock `db.ARCHIVE_LOCK`, held until the commit. So numbers become visible
in their order, and what is looked up stays true until the commit. Round trips are few, because others wait meanwhile.

Nearly all messages are new. So a batch is first taken to be new as a whole, and the unique index says if it is not;
then, and for `CAREFUL_SECONDS` after that, what is stored already is looked up first. Whether a message that cannot be
taken was stored before its receiver was deleted, say, is always looked up.

What is known of messages without an id is in `redelivery`.
"""

import io
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import psycopg2
from psycopg2.errors import UniqueViolation
from psycopg2.extensions import connection as Connection  # noqa: N812  # a class by its name
from psycopg2.extensions import cursor as Cursor  # noqa: N812  # a class by its name
from psycopg2.extras import execute_values

from archiver import queries
from archiver.delivery import Origin
from archiver.errors import OutageError, UnstorableError
from archiver.letters import Item, Letter, Refused
from archiver.plan import Filed, Identity, Known, Names, Outcome, Pair, Plan, Route, Row, make_plan, pair_of
from archiver.redelivery import NOTHING_SWEPT, Swept, recognize, remember, sweep
from archiver.rows import copy_data
from db import ARCHIVE_LOCK, DatabaseError, connect, one_line
from wire.message import MessageId

CONNECT_SECONDS: Final = 3

_DATA_ERRORS: Final = ("22", "23514", "54")
"""SQLSTATEs, or classes of them, that find fault with a row's own values. Every other is an outage: the same may
succeed later. So are the rest of class 23, which speak of other rows or of the schema: a message has no part in them.
"""
CAREFUL_SECONDS: Final = 60.0
"""How long after a message that was stored already the next ones are looked up first."""


class Storage:
    """The archive in Postgres."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the URL of the database; it is connected to when it is needed, and again after an outage.

        `clock` counts seconds.
        """
        self._url = url
        self._clock = clock
        self._careful_until = float("-inf")
        self._connection: Connection | None = None
        self._swept = NOTHING_SWEPT
        self._guard = threading.Lock()
        self._ended = False

    def check(self) -> None:
        """See whether the database can be used. Raises OutageError."""
        try:
            with self._connected().cursor() as cursor:
                cursor.execute(queries.CHECK)
        except (psycopg2.Error, DatabaseError) as error:
            self._drop()
            raise OutageError(one_line(error)) from error

    def store(self, origin: Origin, items: Sequence[Item]) -> list[Outcome]:
        """Store a batch of one connection and say what became of each item.

        Doing it again with the same items says the same and stores no message twice. Raises OutageError when the
        database cannot be used, UnstorableError when something in the batch cannot be stored.
        """
        try:
            outcomes = self._store(origin, items)
        except (psycopg2.Error, DatabaseError, MemoryError) as error:
            self._drop()
            if (getattr(error, "pgcode", None) or "").startswith(_DATA_ERRORS):
                raise UnstorableError(f"the database refuses it ({type(error).__name__})") from error
            raise OutageError(_why(error)) from error
        except Exception as error:
            self._drop()
            raise UnstorableError(f"it cannot be stored ({type(error).__name__})") from error
        return outcomes

    def _store(self, origin: Origin, items: Sequence[Item]) -> list[Outcome]:
        careful = self._clock() < self._careful_until or any(item.delivery.duplicate for item in items)
        with self._connected().cursor() as cursor:
            try:
                outcomes, swept = _Transaction(cursor, careful).run(origin, items, self._swept)
            except UniqueViolation as error:
                if careful or error.diag.constraint_name != "messages_by_identity":
                    raise
                self._careful_until = self._clock() + CAREFUL_SECONDS
                cursor.execute("ROLLBACK")
                outcomes, swept = _Transaction(cursor, careful=True).run(origin, items, self._swept)
        self._swept = swept
        return outcomes

    def end(self) -> None:
        """Let whatever the other thread is doing, and everything later, fail with OutageError."""
        self._ended = True
        self.interrupt()

    def interrupt(self) -> None:
        """Cut the connection under whatever the other thread is doing, which then fails with OutageError."""
        with self._guard:
            if self._connection and not self._connection.closed:
                with (
                    suppress(OSError, psycopg2.InterfaceError),
                    socket.socket(fileno=os.dup(self._connection.fileno())) as cut,
                ):
                    cut.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Leave the database."""
        self._drop()

    def _connected(self) -> Connection:
        if self._ended:
            raise DatabaseError("the archiver is ending")
        if self._connection is None:
            opened = connect(self._url, "archiver", CONNECT_SECONDS)
            opened.autocommit = True  # `_Transaction` begins and commits, without round trips of their own
            with opened.cursor() as cursor:
                cursor.execute("SET idle_in_transaction_session_timeout = '30s'")  # for the lock's sake, if we freeze
            with self._guard:
                self._connection = opened
        return self._connection

    def _drop(self) -> None:
        with self._guard:
            if self._connection:
                self._connection.close()
            self._connection = None


class _Transaction:
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
            queries.BEGIN,
            {
                "lock": ARCHIVE_LOCK,
                "senders": [sender for sender, _ in wanted],
                "recipients": [recipient for _, recipient in wanted],
            },
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


def _why(error: Exception) -> str:
    """Say in one line what went wrong, without the server's details: they may quote a message."""
    primary = error.diag.message_primary if isinstance(error, psycopg2.Error) else None
    return " ".join(primary.split()) if primary else one_line(error)
