"""The archive in Postgres: with `redelivery`, all the archiver's SQL. One thread uses it; any may `interrupt` or `end`.

A batch is one transaction under the advisory lock `db.ARCHIVE_LOCK`, held until the commit. So numbers become visible
in their order, and what is looked up stays true until the commit.

What is known of messages without an id is in `redelivery`.
"""

import io
import json
import os
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812  # a class by its name
from psycopg2.extensions import cursor as Cursor  # noqa: N812  # a class by its name
from psycopg2.extras import execute_values

from archiver.delivery import Origin
from archiver.errors import OutageError, UnstorableError
from archiver.letters import Item, Letter, Refused
from archiver.plan import Filed, Identity, Known, Outcome, Pair, Plan, make_plan, pair_of
from archiver.redelivery import NOTHING_SWEPT, recognize, remember, sweep
from archiver.rows import COLUMNS, copy_data
from db import ARCHIVE_LOCK, DatabaseError, connect, one_line
from wire.message import MessageId

CONNECT_SECONDS: Final = 3

_DATA_ERRORS: Final = ("22", "23514", "54")
"""SQLSTATEs, or classes of them, that find fault with a row's own values. Every other is an outage: the same may
succeed later. So are the rest of class 23, which speak of other rows or of the schema: a message has no part in them.
"""
_COPY: Final = f"COPY messages ({', '.join(COLUMNS)}) FROM STDIN (FORMAT binary)"


class Storage:
    """The archive in Postgres."""

    def __init__(self, url: str) -> None:
        """Take the URL of the database; it is connected to when it is needed, and again after an outage."""
        self._url = url
        self._connection: Connection | None = None
        self._swept = NOTHING_SWEPT
        self._guard = threading.Lock()
        self._ended = False

    def check(self) -> None:
        """See whether the database can be used. Raises OutageError."""
        try:
            with self._connected(), self._connected().cursor() as cursor:
                cursor.execute("SELECT 1 FROM message_seq, (SELECT FROM unacknowledged LIMIT 1) AS newest_table")
        except (psycopg2.Error, DatabaseError) as error:
            self._drop()
            raise OutageError(one_line(error)) from error

    def store(self, origin: Origin, items: Sequence[Item]) -> list[Outcome]:
        """Store a batch of one connection and say what became of each item.

        Doing it again with the same items says the same and stores no message twice. Raises OutageError when the
        database cannot be used, UnstorableError when something in the batch cannot be stored.
        """
        try:
            database = self._connected()
            with database, database.cursor() as cursor:
                outcomes = _Transaction(cursor).run(origin, items)
                swept = sweep(cursor, origin, self._swept, items)
        except (psycopg2.Error, DatabaseError, MemoryError) as error:
            self._drop()
            if (getattr(error, "pgcode", None) or "").startswith(_DATA_ERRORS):
                raise UnstorableError(f"the database refuses it ({type(error).__name__})") from error
            raise OutageError(_why(error)) from error
        except Exception as error:
            self._drop()
            raise UnstorableError(f"it cannot be stored ({type(error).__name__})") from error
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
                with suppress(OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as cut:
                    cut.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Leave the database."""
        self._drop()

    def _connected(self) -> Connection:
        if self._ended:
            raise DatabaseError("the archiver is ending")
        if self._connection is None:
            opened = connect(self._url, "archiver", CONNECT_SECONDS)
            with opened, opened.cursor() as cursor:
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

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor

    def run(self, origin: Origin, items: Sequence[Item]) -> list[Outcome]:
        """Write the batch; say what became of each item."""
        self._cursor.execute("SELECT pg_advisory_xact_lock(%s)", (ARCHIVE_LOCK,))
        items = recognize(self._cursor, origin, items)
        known = self._look_up([item for item in items if isinstance(item, Letter)])
        plan = make_plan(items, known, self._next_seq())
        self._write_messages(plan, known)
        self._write_dead_letters(plan.refused)
        remember(self._cursor, origin, zip(items, plan.outcomes, strict=True))
        return plan.outcomes

    def _look_up(self, letters: Sequence[Letter]) -> Known:
        users, live = self._look_up_users(letters)
        pairs = {pair_of(letter.sender, letter.to, users) for letter in letters} - {None}
        conversations = self._look_up_conversations([pair for pair in pairs if pair])
        filed = self._look_up_filed([letter.id for letter in letters])
        related = {letter.envelope.relates_to for letter in letters} - {None}
        targets = self._look_up_targets([id_ for id_ in related if id_]) if related else {}
        return Known(users, live, conversations, filed, targets)

    def _look_up_users(self, letters: Sequence[Letter]) -> tuple[dict[str, int], set[str]]:
        names = {name for letter in letters for name in (letter.sender, letter.to)}
        self._cursor.execute(
            "SELECT username, id, deleted_at IS NULL FROM users WHERE username = ANY(%s::text[])", (list(names),)
        )
        found = self._cursor.fetchall()
        return {name: id_ for name, id_, _ in found}, {name for name, _, active in found if active}

    def _look_up_conversations(self, pairs: Sequence[Pair]) -> dict[Pair, int]:
        """Find conversations; one that does not exist yet is named by a negative number."""
        self._cursor.execute(
            "SELECT user_low, user_high, id FROM conversations"
            " JOIN unnest(%s::bigint[], %s::bigint[]) AS wanted (low, high) ON user_low = low AND user_high = high",
            ([low for low, _ in pairs], [high for _, high in pairs]),
        )
        found = {(low, high): id_ for low, high, id_ in self._cursor.fetchall()}
        return {pair: found.get(pair, -number) for number, pair in enumerate(pairs, 1)}

    def _look_up_filed(self, ids: Sequence[MessageId]) -> dict[Identity, Filed]:
        self._cursor.execute(
            "SELECT message_id, seq, conversation_id, sender_id, sha256(body) FROM messages"
            " WHERE message_id = ANY(%s::uuid[])",
            (_uuids(ids),),
        )
        return {
            (MessageId(id_), sender): Filed(seq, conversation, sender, bytes(body_sha256))
            for id_, seq, conversation, sender, body_sha256 in self._cursor.fetchall()
        }

    def _look_up_targets(self, ids: Sequence[MessageId]) -> dict[tuple[MessageId, int], Filed]:
        self._cursor.execute(
            "SELECT DISTINCT ON (message_id, conversation_id) message_id, seq, conversation_id, sender_id FROM messages"
            " WHERE message_id = ANY(%s::uuid[]) ORDER BY message_id, conversation_id, seq",
            (_uuids(ids),),
        )
        return {
            (MessageId(id_), conversation): Filed(seq, conversation, sender, None)
            for id_, seq, conversation, sender in self._cursor.fetchall()
        }

    def _next_seq(self) -> int:
        """Read the number that comes next: under the lock nobody else draws one.

        The sequence may lag behind the messages after a restore or a failover; it is set right with the next message.
        """
        self._cursor.execute(
            "SELECT GREATEST(last_value + is_called::integer, (SELECT max(seq) + 1 FROM messages)) FROM message_seq"
        )
        (next_seq,) = self._cursor.fetchone() or (1,)
        return int(next_seq)

    def _write_messages(self, plan: Plan, known: Known) -> None:
        if not plan.rows:
            return
        made = self._make_conversations(plan, known)
        rows = plan.rows
        if made:
            rows = [row._replace(conversation_id=made.get(row.conversation_id, row.conversation_id)) for row in rows]
        self._cursor.copy_expert(_COPY, io.BytesIO(copy_data(rows)))
        self._cursor.execute(
            "UPDATE conversations SET last_seq = GREATEST(last_seq, newest.seq)"
            " FROM unnest(%s::bigint[], %s::bigint[]) AS newest (id, seq) WHERE conversations.id = newest.id",
            ([made.get(id_, id_) for id_ in plan.newest], list(plan.newest.values())),
        )
        self._cursor.execute("SELECT setval('message_seq', %s)", (rows[-1].seq,))

    def _make_conversations(self, plan: Plan, known: Known) -> dict[int, int]:
        """Make the conversations that get their first message; returns their ids by their negative numbers."""
        numbers = {pair: id_ for pair, id_ in known.conversations.items() if id_ < 0 and id_ in plan.newest}
        if not numbers:
            return {}
        made = execute_values(
            self._cursor,
            "INSERT INTO conversations (user_low, user_high) VALUES %s RETURNING user_low, user_high, id",
            list(numbers),
            page_size=len(numbers),
            fetch=True,
        )
        members = {(user, id_) for low, high, id_ in made for user in (low, high)}
        execute_values(
            self._cursor,
            "INSERT INTO participants (user_id, conversation_id) VALUES %s",
            sorted(members),
            page_size=len(members),
        )
        return {numbers[low, high]: id_ for low, high, id_ in made}

    def _write_dead_letters(self, refused: Sequence[Refused]) -> None:
        execute_values(
            self._cursor,
            "INSERT INTO dead_letters (received_at, topic, reason, detail, content_type, properties, body) VALUES %s",
            [_dead_letter(item) for item in refused],
        )


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
