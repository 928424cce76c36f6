"""A batch of whatever kind in one transaction, written with COPY: a part of `storage`."""

import json
from collections.abc import Mapping, Sequence, Set
from datetime import UTC, datetime
from typing import Final

from psycopg2.extensions import cursor as Cursor  # noqa: N812  # a class by its name
from psycopg2.extras import execute_values

from archiver import queries
from archiver.delivery import Origin
from archiver.known import Filed, Identity, Known, Names, Pair, Route, Target, pair_of
from archiver.letters import Letter, Mail, Refused
from archiver.marks import mark
from archiver.plan import Outcome, Plan, Row, make_plan
from archiver.redelivery import Swept, recognize, remember, sweep
from archiver.rows import copy_data
from archiver.sorting import Sorted
from db import copy_from
from wire.message import MessageId, RejectReason

EDITS_AT_ONCE: Final = 1000
"""Emptied in one transaction: it takes some fifty milliseconds."""
_GONE: Final[tuple[RejectReason, str]] = "unknown_recipient", "the recipient's account is deleted"
_NO_MEMBER: Final[tuple[RejectReason, str]] = "not_a_member", "the sender is no member of such a group"


_Found = tuple[int | None, int | None, bool, int | None, bool, bool]
"""What `routes` says: the ids of a sender and of who a direct message is for, whether that account is not deleted (what
it got before is kept, it gets no more) or the sender is a member of the group, the conversation's id, whether the
receiver blocks the sender, and whether the sender may block anybody."""


class Transaction:
    """One batch, inside one transaction."""

    def __init__(self, cursor: Cursor, careful: bool, edit_seconds: int) -> None:
        self._cursor = cursor
        self._careful = careful
        self._edit_seconds = edit_seconds
        self._new: dict[Pair, int] = {}
        """Negative numbers of direct conversations that are not made yet."""
        self._emptied: dict[int, int] = {}
        """Of messages that are retracted, up to which number their edits have been emptied."""

    def run(self, origin: Origin, batch: Sorted, last: Swept) -> tuple[list[Outcome], Swept]:
        """Write the batch and commit; say what became of it, and when packet ids were last cleared."""
        names = {(item.sender, item.to) for item in batch.mail if isinstance(item, Letter)}
        while True:
            routes, next_seq = self._begin(names)
            items = recognize(self._cursor, origin, batch.mail)
            plan = self._plan(items, routes, next_seq)
            if self._empty_edits(plan):
                break
            self._cursor.execute("COMMIT")
        rows = self._with_conversations(plan)
        self._write_messages(rows)
        self._apply_changes(plan)
        self._write_dead_letters(plan.refused)
        remember(self._cursor, origin, zip(items, plan.outcomes, strict=True))
        swept = sweep(self._cursor, origin, last, batch.items)
        moved = mark(self._cursor, queries.MARK, batch.marks)
        self._commit(rows)
        return [*plan.outcomes, *moved], swept

    def _begin(self, names: Set[Names]) -> tuple[dict[Names, Route], int]:
        """Take the lock and look up the routes, and the number that comes next."""
        direct = [name for name in names if name[1].kind == "direct"]
        grouped = [name for name in names if name[1].kind == "group"]
        self._cursor.execute(
            queries.BEGIN if len(names) < queries.MANY else queries.BEGIN_WITH_MANY,
            (*_columns(direct), *_columns(grouped)),
        )
        routes: dict[Names, Route] = {}
        next_seq = 1
        for row in self._cursor.fetchall():
            is_group, place, next_seq = row[:3]
            if is_group:
                routes[grouped[place - 1]] = _group_route(row[3:])
            else:
                routes[direct[place - 1]] = self._direct_route(row[3:])
        return routes, next_seq

    def _direct_route(self, found: _Found) -> Route:
        """Give a conversation that is not made yet a negative number."""
        sender_id, other_id, live, conversation_id, muted, blocks = found
        if sender_id is None or other_id is None:
            return Route(sender_id, 0, ("unknown_recipient", "the recipient is no user"))
        if conversation_id is None:
            conversation_id = self._new.setdefault(pair_of(sender_id, other_id), -len(self._new) - 1)
        return Route(sender_id, conversation_id, None if live else _GONE, muted, blocks)

    def _plan(self, items: Sequence[Mail], routes: Mapping[Names, Route], next_seq: int) -> Plan:
        letters = [item for item in items if isinstance(item, Letter)]
        related = [letter for letter in letters if letter.envelope.relates_to]
        known = Known(routes, {}, {})
        if related:
            targets = self._look_up_targets(related, routes)
            known = known._replace(targets=targets, blocked=self._look_up_blocked(related, routes))
        plan = None if self._careful else make_plan(items, known, next_seq, self._edit_seconds)
        if plan is None or plan.doubtful:
            known = known._replace(filed=self._look_up_filed(letters))
            plan = make_plan(items, known, next_seq, self._edit_seconds)
        return plan

    def _look_up_filed(self, letters: Sequence[Letter]) -> dict[Identity, Filed]:
        self._cursor.execute(queries.FILED, (_uuids([letter.id for letter in letters]),))
        return {
            (MessageId(id_), sender): Filed(seq, conversation, None if sha256 is None else bytes(sha256), *more)
            for id_, sender, seq, conversation, sha256, *more in self._cursor.fetchall()
        }

    def _look_up_targets(
        self, related: Sequence[Letter], routes: Mapping[Names, Route]
    ) -> dict[tuple[MessageId, int, int], Target]:
        """Look up what messages relate to, in conversations that are there already."""
        wanted = set()
        for letter in related:
            route = routes[letter.sender, letter.to]
            if letter.envelope.relates_to and route.sender_id is not None and route.conversation_id > 0:
                wanted.add((letter.envelope.relates_to, route.conversation_id, route.sender_id))
        if not wanted:
            return {}
        ids, conversations, readers = zip(*wanted, strict=True)
        self._cursor.execute(queries.TARGETS, (_uuids(ids), list(conversations), list(readers)))
        return {
            (MessageId(id_), conversation, reader): Target(*target)
            for id_, conversation, reader, *target in self._cursor.fetchall()
        }

    def _look_up_blocked(self, related: Sequence[Letter], routes: Mapping[Names, Route]) -> Set[tuple[int, int]]:
        senders = [routes[letter.sender, letter.to] for letter in related]
        blockers = {route.sender_id for route in senders if route.sender_blocks}
        if not blockers:
            return frozenset()
        self._cursor.execute(queries.BLOCKED, (list(blockers),))
        return {(user, blocked) for user, blocked in self._cursor.fetchall()}

    def _with_conversations(self, plan: Plan) -> list[Row]:
        """Return the new rows, each with a conversation that is there."""
        made = self._make_conversations(plan)
        if not made:
            return plan.rows
        return [row._replace(conversation_id=made.get(row.conversation_id, row.conversation_id)) for row in plan.rows]

    def _write_messages(self, rows: Sequence[Row]) -> None:
        if rows:
            copy_from(self._cursor, queries.COPY_MESSAGES, copy_data(rows))

    def _commit(self, rows: Sequence[Row]) -> None:
        """Note the numbers that are in use now, and commit."""
        if not rows:
            self._cursor.execute("COMMIT")
            return
        newest = {row.conversation_id: row.seq for row in rows}
        self._cursor.execute(queries.COMMIT_NUMBERS, (list(newest), list(newest.values()), rows[-1].seq))

    def _make_conversations(self, plan: Plan) -> dict[int, int]:
        """Make the conversations that get their first message; returns their ids by their negative numbers."""
        used = {row.conversation_id for row in plan.rows if row.conversation_id < 0}
        if not used:
            return {}
        numbers = {pair: number for pair, number in self._new.items() if number in used}
        made = execute_values(
            self._cursor, queries.MAKE_CONVERSATIONS, list(numbers), page_size=len(numbers), fetch=True
        )
        members = {(user, id_) for low, high, id_ in made for user in (low, high)}
        execute_values(self._cursor, queries.MAKE_PARTICIPANTS, sorted(members), page_size=len(members))
        return {numbers[low, high]: id_ for low, high, id_ in made}

    def _apply_changes(self, plan: Plan) -> None:
        """Do to messages what others of this batch say, also if they are in this batch themselves."""
        if plan.changed:
            self._cursor.execute(queries.CHANGE, (list(plan.changed),))
        if plan.retracted:
            first = plan.rows[0].seq
            self._cursor.execute(queries.EMPTY, {"retracted": list(plan.retracted), "first": first})

    def _empty_edits(self, plan: Plan) -> bool:
        """Empty earlier edits of what is retracted; whether that is all of them.

        There may be very many, and others wait for the lock. So a part of them goes at a time, each in a transaction of
        its own, before the retraction is stored: if that is broken off, the retraction comes again.
        """
        if not plan.retracted:
            return True
        targets = list(plan.retracted)
        after = [self._emptied.get(target, 0) for target in targets]
        self._cursor.execute(queries.EMPTY_EDITS, {"retracted": targets, "after": after, "most": EDITS_AT_ONCE})
        looked_at = 0
        for target, seq, count in self._cursor.fetchall():
            self._emptied[target] = seq
            looked_at += count
        return looked_at < EDITS_AT_ONCE

    def _write_dead_letters(self, refused: Sequence[Refused]) -> None:
        execute_values(self._cursor, queries.KEEP_DEAD_LETTERS, [_dead_letter(item) for item in refused])


def _columns(names: Sequence[Names]) -> tuple[list[str], list[str]]:
    return [sender for sender, _ in names], [to.name for _, to in names]


def _group_route(found: _Found) -> Route:
    sender_id, _, member, conversation_id, _, blocks = found
    closed = None if member and conversation_id else _NO_MEMBER
    return Route(sender_id, conversation_id or 0, closed, sender_blocks=blocks)


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
