"""The archive in Postgres: the archiver's only SQL. Used from one thread; `interrupt` and `end` from any.

A batch is one transaction under the advisory lock `db.ARCHIVE_LOCK`, held until the commit. So numbers become visible
in their order, and what is looked up stays true until the commit.

Messages without an id are known again after a crash by the table `unacknowledged`: a row says under which packet id
of which connection of ours the broker delivered it, and as what it was stored. It is used for redeliveries (DUP) in a
resumed session only. Rows of earlier connections go with the first batch that has a delivery which is no
redelivery, because the broker redelivers first; rows of this connection go `WINDOW` deliveries later: more than the
receive maximum, so the broker has processed the PUBACK, and less than the 65,535 packet ids there are.
"""

import io
import json
import os
import socket
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812  # a class by its name
from psycopg2.extensions import cursor as Cursor  # noqa: N812  # a class by its name
from psycopg2.extras import execute_values

from archiver.delivery import Origin
from archiver.errors import OutageError, UnstorableError
from archiver.letters import Item, Letter, Refused, digest
from archiver.plan import Archived, Filed, Known, Outcome, Pair, Plan, make_plan, pair_of
from archiver.rows import COLUMNS, copy_data
from archiver.settings import RECEIVE_MAXIMUM_MOST
from db import ARCHIVE_LOCK, DatabaseError, connect, one_line

CONNECT_SECONDS: Final = 3
WINDOW: Final = RECEIVE_MAXIMUM_MOST
SWEEP_EVERY: Final = 1000
"""Deliveries between two clearings of `unacknowledged`."""

_DATA_ERROR_CLASSES: Final = frozenset({"21", "22", "23", "54"})
"""SQLSTATE classes that say that the data is at fault. Every other is an outage: the same may succeed later."""
_COPY: Final = f"COPY messages ({', '.join(COLUMNS)}) FROM STDIN (FORMAT binary)"


class Storage:
    """The archive in Postgres."""

    def __init__(self, url: str) -> None:
        """Take the URL of the database; it is connected to when it is needed, and again after an outage."""
        self._url = url
        self._connection: Connection | None = None
        self._swept: tuple[int, int] = (0, 0)
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
                outcomes, swept = _Transaction(cursor, origin, self._swept).run(items)
        except (psycopg2.Error, DatabaseError, MemoryError) as error:
            self._drop()
            if _blames_data(error):
                raise UnstorableError(f"the database refuses it ({type(error).__name__})") from error
            raise OutageError(one_line(error)) from error
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

    def __init__(self, cursor: Cursor, origin: Origin, swept: tuple[int, int]) -> None:
        self._cursor = cursor
        self._origin = origin
        self._swept = swept

    def run(self, items: Sequence[Item]) -> tuple[list[Outcome], tuple[int, int]]:
        """Write the batch; say what became of each item, and up to where `unacknowledged` is cleared."""
        self._cursor.execute("SELECT pg_advisory_xact_lock(%s)", (ARCHIVE_LOCK,))
        items = self._recognize(items)
        known = self._look_up([item for item in items if isinstance(item, Letter)])
        plan = make_plan(items, known, self._next_seq())
        self._write_messages(plan, known)
        self._write_dead_letters(plan.refused)
        self._write_unacknowledged(zip(items, plan.outcomes, strict=True))
        return plan.outcomes, self._sweep(items)

    def _recognize(self, items: Sequence[Item]) -> Sequence[Item]:
        """Give redelivered messages without an id the id that they are stored under."""
        again = [item for item in items if isinstance(item, Letter) and item.given and item.delivery.duplicate]
        if not again or not self._origin.resumed:
            return items
        self._cursor.execute(
            "SELECT packet_id, digest, message_id FROM unacknowledged WHERE client_id = %s AND packet_id = ANY(%s)",
            (self._origin.client_id, [letter.delivery.packet_id for letter in again]),
        )
        stored = {(packet_id, bytes(found)): UUID(id_) for packet_id, found, id_ in self._cursor.fetchall()}
        ids = {letter.id: stored.get((letter.delivery.packet_id, digest(letter.delivery))) for letter in again}
        return [
            item._replace(id=ids.get(item.id) or item.id) if isinstance(item, Letter) and item.given else item
            for item in items
        ]

    def _look_up(self, letters: Sequence[Letter]) -> Known:
        senders, recipients = self._look_up_users(letters)
        pairs = {pair_of(letter.sender, letter.to, senders, recipients) for letter in letters} - {None}
        conversations = self._look_up_conversations([pair for pair in pairs if pair])
        filed = self._look_up_filed([letter.id for letter in letters])
        related = {letter.envelope.relates_to for letter in letters} - {None}
        targets = self._look_up_targets([id_ for id_ in related if id_]) if related else {}
        return Known(senders, recipients, conversations, filed, targets)

    def _look_up_users(self, letters: Sequence[Letter]) -> tuple[dict[str, int], dict[str, int]]:
        names = {name for letter in letters for name in (letter.sender, letter.to)}
        self._cursor.execute(
            "SELECT username, id, deleted_at IS NULL FROM users WHERE username = ANY(%s::text[])", (list(names),)
        )
        found = self._cursor.fetchall()
        return {name: id_ for name, id_, _ in found}, {name: id_ for name, id_, active in found if active}

    def _look_up_conversations(self, pairs: Sequence[Pair]) -> dict[Pair, int]:
        """Find conversations; one that does not exist yet is named by a negative number."""
        self._cursor.execute(
            "SELECT user_low, user_high, id FROM conversations"
            " JOIN unnest(%s::bigint[], %s::bigint[]) AS wanted (low, high) ON user_low = low AND user_high = high",
            ([low for low, _ in pairs], [high for _, high in pairs]),
        )
        found = {(low, high): id_ for low, high, id_ in self._cursor.fetchall()}
        return {pair: found.get(pair, -number) for number, pair in enumerate(pairs, 1)}

    def _look_up_filed(self, ids: Sequence[UUID]) -> dict[tuple[int, int], Filed]:
        self._cursor.execute(
            "SELECT message_id, seq, conversation_id, sender_id, sha256(body) FROM messages"
            " WHERE message_id = ANY(%s::uuid[])",
            ([id_.hex for id_ in ids],),
        )
        return {
            (UUID(id_).int, sender): Filed(seq, conversation, sender, bytes(body_sha256))
            for id_, seq, conversation, sender, body_sha256 in self._cursor.fetchall()
        }

    def _look_up_targets(self, ids: Sequence[UUID]) -> dict[tuple[int, int], Filed]:
        self._cursor.execute(
            "SELECT DISTINCT ON (message_id, conversation_id) message_id, seq, conversation_id, sender_id FROM messages"
            " WHERE message_id = ANY(%s::uuid[]) ORDER BY message_id, conversation_id, seq",
            ([id_.hex for id_ in ids],),
        )
        return {
            (UUID(id_).int, conversation): Filed(seq, conversation, sender, None)
            for id_, seq, conversation, sender in self._cursor.fetchall()
        }

    def _next_seq(self) -> int:
        """Read the number that the sequence gives next: under the lock nobody else draws one."""
        self._cursor.execute("SELECT last_value + is_called::integer FROM message_seq")
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

    def _write_unacknowledged(self, decided: Iterable[tuple[Item, Outcome]]) -> None:
        rows = {
            item.delivery.packet_id: (
                self._origin.client_id,
                item.delivery.packet_id,
                self._origin.connection,
                item.delivery.number,
                digest(item.delivery),
                str(item.id),
            )
            for item, outcome in decided
            if isinstance(item, Letter) and item.given and isinstance(outcome, Archived)
        }
        execute_values(
            self._cursor,
            "INSERT INTO unacknowledged (client_id, packet_id, connection, delivery, digest, message_id) VALUES %s"
            " ON CONFLICT (client_id, packet_id) DO UPDATE SET connection = excluded.connection,"
            " delivery = excluded.delivery, digest = excluded.digest, message_id = excluded.message_id",
            list(rows.values()),
            page_size=1000,
        )

    def _sweep(self, items: Sequence[Item]) -> tuple[int, int]:
        """Forget packet ids that the broker cannot redeliver any more: see the module's page."""
        connection, newest = self._origin.connection, items[-1].delivery.number
        new_here = self._swept[0] != connection
        if new_here and self._origin.resumed and all(item.delivery.duplicate for item in items):
            return self._swept
        if not new_here and newest - self._swept[1] < SWEEP_EVERY:
            return self._swept
        self._cursor.execute(
            "DELETE FROM unacknowledged WHERE client_id = %s AND (connection <> %s OR delivery <= %s)",
            (self._origin.client_id, connection, newest - WINDOW),
        )
        return connection, newest


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


def _blames_data(error: Exception) -> bool:
    code = getattr(error, "pgcode", None)
    return isinstance(code, str) and code[:2] in _DATA_ERROR_CLASSES
