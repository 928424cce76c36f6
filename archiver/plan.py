"""What becomes of a batch, given what the database knows. Pure; called under the archive lock."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from archiver.letters import Item, Letter, Refused, reject
from wire.message import TEXT, MessageId, default_content_type


class Filed(NamedTuple):
    """A message that has its number."""

    seq: int
    conversation_id: int
    sender_id: int
    body_sha256: bytes | None
    """None where it is not needed: of a message in the same batch, and of a target."""


class Archived(NamedTuple):
    """A message that is stored, by this batch or before."""

    id: MessageId
    seq: int
    sender: str
    to: str


Outcome = Archived | Refused


class Row(NamedTuple):
    """A new row of `messages`."""

    seq: int
    conversation_id: int
    sender_id: int
    relates_to_seq: int | None
    content_type: str | None
    letter: Letter


Pair = tuple[int, int]
"""Ids of two users, the lower first: what a direct conversation is known by."""
Names = tuple[str, str]
"""Of a sender and a recipient."""
Identity = tuple[MessageId, int]
"""Message id and sender."""


class Route(NamedTuple):
    """What the database knows of a sender and a recipient. Ids are None where there is no such user."""

    sender_id: int | None
    recipient_id: int | None
    conversation_id: int
    """Negative if it is not made yet; nothing if one of the users is unknown."""
    live: bool
    """Whether the recipient's account is not deleted: what a deleted one got before is kept, but it gets no more."""


class Known(NamedTuple):
    """What the database knows of the names and ids in a batch."""

    routes: Mapping[Names, Route]
    filed: Mapping[Identity, Filed]
    """Empty, too, when it has not been asked yet."""
    targets: Mapping[tuple[MessageId, int], Filed]
    """By message id and conversation; the lowest seq if senders share the id."""


@dataclass(slots=True)
class Plan:
    """What one transaction writes, and what it means for each item, in order."""

    outcomes: list[Outcome] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    doubtful: bool = False
    """Whether a letter is refused: if it is filed, it was stored before the reason arose, and must not be."""


def pair_of(user_id: int, other_id: int) -> Pair:
    """Name the direct conversation of two users by their ids."""
    return (user_id, other_id) if user_id <= other_id else (other_id, user_id)


def make_plan(items: Sequence[Item], known: Known, next_seq: int) -> Plan:
    """Decide about each item in its order of arrival; new messages are numbered from `next_seq`."""
    planner = _Planner(known, next_seq)
    for item in items:
        outcome = item if isinstance(item, Refused) else planner.file(item)
        planner.plan.outcomes.append(outcome)
        if isinstance(outcome, Refused):
            planner.plan.refused.append(outcome)
            planner.plan.doubtful = planner.plan.doubtful or isinstance(item, Letter)
    return planner.plan


class _Planner:
    """The state of one pass over a batch."""

    def __init__(self, known: Known, next_seq: int) -> None:
        self.plan = Plan()
        self._known = known
        self._next_seq = next_seq
        self._rows: dict[Identity, Row] = {}
        self._targets: dict[tuple[MessageId, int], Row] = {}
        self._indexed = 0
        """How many rows are among the targets: they are put there when somebody asks, few messages relate to others."""

    def file(self, letter: Letter) -> Outcome:
        """Number a message, find that it has a number already, or refuse it."""
        route = self._known.routes[letter.sender, letter.to]
        if route.sender_id is None:
            return reject(letter, "malformed", "the sender is no user")
        if route.recipient_id is None:
            return reject(letter, "unknown_recipient", "the recipient is no user")
        identity = letter.id, route.sender_id
        row = self._rows.get(identity)
        if row:
            same = row.conversation_id == route.conversation_id and row.letter.delivery.body == letter.delivery.body
            return self._again(letter, row.seq, same)
        filed = self._known.filed.get(identity)
        if filed:
            same = filed.conversation_id == route.conversation_id and filed.body_sha256 == _sha256(letter.delivery.body)
            return self._again(letter, filed.seq, same)
        return self._number(letter, route.sender_id, route)

    def _again(self, letter: Letter, seq: int, same: bool) -> Outcome:
        if not same:
            return reject(letter, "id_conflict", "the sender has used this id for another message")
        return Archived(letter.id, seq, letter.sender, letter.to)

    def _number(self, letter: Letter, sender_id: int, route: Route) -> Outcome:
        if not route.live:
            return reject(letter, "unknown_recipient", "the recipient's account is deleted")
        target_seq = None
        if letter.envelope.relates_to is not None:
            target = self._target(letter.envelope.relates_to, route.conversation_id)
            if target is None:
                return reject(letter, "bad_relation", "the message it relates to is not in this conversation")
            if letter.envelope.relation in {"edit", "retract"} and target.sender_id != sender_id:
                return reject(letter, "bad_relation", "the message it changes is by another author")
            target_seq = target.seq
        seq = self._next_seq
        self._next_seq += 1
        row = Row(seq, route.conversation_id, sender_id, target_seq, stored_content_type(letter), letter)
        self._rows[letter.id, sender_id] = row
        self.plan.rows.append(row)
        return Archived(letter.id, seq, letter.sender, letter.to)

    def _target(self, message_id: MessageId, conversation_id: int) -> Row | Filed | None:
        """Find the message of an id in a conversation: stored before, or earlier in this batch; the lowest seq."""
        for row in self.plan.rows[self._indexed :]:
            self._targets.setdefault((row.letter.id, row.conversation_id), row)
        self._indexed = len(self.plan.rows)
        named = message_id, conversation_id
        return self._known.targets.get(named) or self._targets.get(named)


def stored_content_type(letter: Letter) -> str | None:
    """Name the media type as `messages` has it: None for plain text."""
    named = letter.envelope.content_type or default_content_type(letter.delivery.body)
    return None if named == TEXT else named


def _sha256(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()
