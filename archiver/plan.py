"""What becomes of a batch, given what the database knows. Pure; called under the archive lock."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from archiver.known import Identity, Known, Route, Target
from archiver.letters import Letter, Mail, Refused, reject
from archiver.markings import Moved
from wire.conversations import Conversation
from wire.message import TEXT, MessageId, default_content_type


class Archived(NamedTuple):
    """A message that is stored, by this batch or before."""

    id: MessageId
    seq: int
    sender: str
    to: Conversation
    """As the sender names it."""
    muted: bool = False
    """Whether only the sender is told."""


Filing = Archived | Refused
"""What became of a message."""
Outcome = Filing | Moved
"""What is told of."""


class Row(NamedTuple):
    """A new row of `messages`."""

    seq: int
    conversation_id: int
    sender_id: int
    relates_to_seq: int | None
    content_type: str | None
    letter: Letter

    @property
    def edit_of(self) -> int | None:
        """The number of the message that it edits, if it is an edit."""
        return self.relates_to_seq if self.letter.envelope.relation == "edit" else None


@dataclass(slots=True)
class Plan:
    """What one transaction writes, and what it means for each item, in order."""

    outcomes: list[Filing] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    changed: set[int] = field(default_factory=set)
    """Numbers of messages that are edited, retracted or reacted to."""
    retracted: set[int] = field(default_factory=set)
    """Of those whose bodies go, and those of their edits."""
    doubtful: bool = False
    """Whether a letter is refused: if it is filed, it was stored before the reason arose, and must not be."""


def make_plan(items: Sequence[Mail], known: Known, next_seq: int, edit_seconds: int) -> Plan:
    """Decide about each item in its order of arrival; new messages are numbered from `next_seq`.

    For `edit_seconds` after its arrival a message may be edited and retracted; 0 is for ever.
    """
    planner = _Planner(known, next_seq, edit_seconds)
    for item in items:
        outcome = item if isinstance(item, Refused) else planner.file(item)
        planner.plan.outcomes.append(outcome)
        if isinstance(outcome, Refused):
            planner.plan.refused.append(outcome)
            planner.plan.doubtful = planner.plan.doubtful or isinstance(item, Letter)
    return planner.plan


class _Planner:
    """The state of one pass over a batch."""

    def __init__(self, known: Known, next_seq: int, edit_seconds: int) -> None:
        self.plan = Plan()
        self._known = known
        self._next_seq = next_seq
        self._edit_us = edit_seconds * 1_000_000
        self._rows: dict[Identity, Row] = {}
        self._targets: dict[tuple[MessageId, int], Row] = {}
        self._indexed = 0
        """How many rows are among the targets: they are put there when somebody asks, few messages relate to others."""
        self._root_times: dict[int, int] = {}
        """When messages that are edited in this batch arrived, by their numbers."""

    def file(self, letter: Letter) -> Filing:
        """Number a message, find that it has a number already, or refuse it."""
        route = self._known.routes[letter.sender, letter.to]
        if route.sender_id is None:
            return reject(letter, "malformed", "the sender is no user")
        identity = letter.id, route.sender_id
        row = self._rows.get(identity)
        if row and route.conversation_id:
            same = row.letter.delivery.body == letter.delivery.body or self._is_emptied(row.seq, row.edit_of)
            return self._again(letter, route, row.seq, same and row.conversation_id == route.conversation_id)
        filed = self._known.filed.get(identity)
        if filed and (route.conversation_id or filed.orphaned):
            same = (
                filed.body_sha256 is None
                or filed.body_sha256 == _sha256(letter.delivery.body)
                or self._is_emptied(filed.seq, filed.edit_of)
            )
            here = not route.conversation_id or filed.conversation_id == route.conversation_id
            return self._again(letter, route, filed.seq, same and here)
        return self._number(letter, route.sender_id, route)

    def _again(self, letter: Letter, route: Route, seq: int, same: bool) -> Filing:
        if not same:
            return reject(letter, "id_conflict", "the sender has used this id for another message")
        return Archived(letter.id, seq, letter.sender, letter.to, route.muted)

    def _number(self, letter: Letter, sender_id: int, route: Route) -> Filing:
        _, conversation_id, closed, muted, _ = route
        if closed:
            return reject(letter, *closed)
        target_seq = None
        if letter.envelope.relates_to is not None:
            target = self._target(letter.envelope.relates_to, sender_id, conversation_id)
            if target is None or not target.readable:
                return reject(
                    letter, "bad_relation", "what it relates to is not in this conversation, or not for its sender"
                )
            fault = self._fault(letter, sender_id, target) if letter.envelope.relation in {"edit", "retract"} else None
            if fault:
                return reject(letter, "bad_relation", fault)
            target_seq = self._relate(letter, target)
        seq = self._next_seq
        self._next_seq += 1
        row = Row(seq, conversation_id, sender_id, target_seq, stored_content_type(letter), letter)
        self._rows[letter.id, sender_id] = row
        self.plan.rows.append(row)
        return Archived(letter.id, seq, letter.sender, letter.to, muted)

    def _target(self, message_id: MessageId, sender_id: int, conversation_id: int) -> Target | None:
        """Find the message of an id in a conversation: stored before, or earlier in this batch; the lowest seq."""
        stored = self._known.targets.get((message_id, conversation_id, sender_id))
        if stored:
            return stored
        for row in self.plan.rows[self._indexed :]:
            self._targets.setdefault((row.letter.id, row.conversation_id), row)
        self._indexed = len(self.plan.rows)
        found = self._targets.get((message_id, conversation_id))
        if found is None:
            return None
        root = found.edit_of or found.seq
        arrived = self._root_times.get(root, found.letter.delivery.received_at)
        readable = (sender_id, found.sender_id) not in self._known.blocked
        return Target(found.seq, found.sender_id, found.letter.envelope.relation, root, arrived, False, readable)

    def _fault(self, letter: Letter, sender_id: int, target: Target) -> str | None:
        """Say why a message may not be edited or retracted so."""
        is_edit = letter.envelope.relation == "edit"
        fault = None
        if target.sender_id != sender_id:
            fault = "the message it changes is by another author"
        elif target.relation == "retract" or (target.relation == "reaction" and is_edit):
            fault = "what it relates to cannot be changed so"
        elif is_edit and (target.retracted or self._is_emptied(target.seq, target.root)):
            fault = "the message it changes is retracted"
        elif target.relation != "reaction" and (
            0 < self._edit_us < letter.delivery.received_at - target.root_received_at
        ):
            fault = "the message it changes is too old"
        return fault

    def _relate(self, letter: Letter, target: Target) -> int:
        """Note what a message does to the one that it relates to; returns the number of what it counts for."""
        match letter.envelope.relation:
            case "edit":
                self._root_times[target.root] = target.root_received_at
                self.plan.changed.add(target.root)
                return target.root
            case "retract":
                self.plan.retracted.add(target.seq)
                self.plan.changed.add(target.seq)
            case "reaction":
                self.plan.changed.add(target.seq)
        return target.seq

    def _is_emptied(self, seq: int, edit_of: int | None) -> bool:
        """Whether a message, or the one that it edits, is retracted in this batch."""
        return seq in self.plan.retracted or edit_of in self.plan.retracted


def stored_content_type(letter: Letter) -> str | None:
    """Name the media type as `messages` has it: None for plain text."""
    named = letter.envelope.content_type or default_content_type(letter.delivery.body)
    return None if named == TEXT else named


def _sha256(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()
