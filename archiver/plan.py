"""What becomes of a batch, given what the database knows. Pure; called under the archive lock."""

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from archiver.letters import Item, Letter, Refused, reject
from wire.message import TEXT, MessageId, RejectReason, default_content_type


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
Identity = tuple[MessageId, int]
"""Message id and sender."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the database knows of the names and ids in a batch."""

    users: Mapping[str, int]
    """User ids, deleted accounts too: what they sent and got before is kept."""
    live: Set[str]
    """Names of accounts that are not deleted: only they get new messages."""
    conversations: Mapping[Pair, int]
    filed: Mapping[Identity, Filed]
    targets: Mapping[tuple[MessageId, int], Filed]
    """By message id and conversation; the lowest seq if senders share the id."""


@dataclass(slots=True)
class Plan:
    """What one transaction writes, and what it means for each item, in order."""

    outcomes: list[Outcome] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    newest: dict[int, int] = field(default_factory=dict)
    """The newest seq of each conversation that gets a message."""


def pair_of(sender: str, to: str, users: Mapping[str, int]) -> Pair | None:
    """Name the direct conversation of two users by their ids, the lower first; None when one is unknown."""
    low, high = users.get(sender), users.get(to)
    if low is None or high is None:
        return None
    return (low, high) if low <= high else (high, low)


def make_plan(items: Sequence[Item], known: Known, next_seq: int) -> Plan:
    """Decide about each item in its order of arrival; new messages are numbered from `next_seq`."""
    planner = _Planner(known, next_seq)
    for item in items:
        outcome = item if isinstance(item, Refused) else planner.file(item)
        planner.plan.outcomes.append(outcome)
        if isinstance(outcome, Refused):
            planner.plan.refused.append(outcome)
    return planner.plan


class _Route(NamedTuple):
    """From whom to whom, looked up once a batch. `refused` says why such messages are not taken at all."""

    sender_id: int
    conversation_id: int
    refused: tuple[RejectReason, str] | None
    live: bool


class _Planner:
    """The state of one pass over a batch."""

    def __init__(self, known: Known, next_seq: int) -> None:
        self.plan = Plan()
        self._known = known
        self._next_seq = next_seq
        self._routes: dict[tuple[str, str], _Route] = {}
        self._rows: dict[Identity, Row] = {}
        self._targets: dict[tuple[MessageId, int], Row] = {}
        self._indexed = 0
        """How many rows are among the targets: they are put there when somebody asks, few messages relate to others."""

    def file(self, letter: Letter) -> Outcome:
        """Number a message, find that it has a number already, or refuse it."""
        names = letter.sender, letter.to
        route = self._routes.get(names)
        if route is None:
            route = self._routes[names] = self._route(*names)
        if route.refused:
            return reject(letter, *route.refused)
        identity = letter.id, route.sender_id
        row = self._rows.get(identity)
        if row:
            same = row.conversation_id == route.conversation_id and row.letter.delivery.body == letter.delivery.body
            return self._again(letter, row.seq, same)
        filed = self._known.filed.get(identity)
        if filed:
            same = filed.conversation_id == route.conversation_id and filed.body_sha256 == _sha256(letter.delivery.body)
            return self._again(letter, filed.seq, same)
        return self._number(letter, route)

    def _route(self, sender: str, to: str) -> _Route:
        sender_id = self._known.users.get(sender)
        if sender_id is None:
            return _Route(0, 0, ("malformed", "the sender is no user"), False)
        pair = pair_of(sender, to, self._known.users)
        if pair is None:
            return _Route(sender_id, 0, ("unknown_recipient", "the recipient is no user"), False)
        return _Route(sender_id, self._known.conversations[pair], None, to in self._known.live)

    def _again(self, letter: Letter, seq: int, same: bool) -> Outcome:
        if not same:
            return reject(letter, "id_conflict", "the sender has used this id for another message")
        return Archived(letter.id, seq, letter.sender, letter.to)

    def _number(self, letter: Letter, route: _Route) -> Outcome:
        if not route.live:
            return reject(letter, "unknown_recipient", "the recipient's account is deleted")
        target_seq = None
        if letter.envelope.relates_to is not None:
            target = self._target(letter.envelope.relates_to, route.conversation_id)
            if target is None:
                return reject(letter, "bad_relation", "the message it relates to is not in this conversation")
            if letter.envelope.relation in {"edit", "retract"} and target.sender_id != route.sender_id:
                return reject(letter, "bad_relation", "the message it changes is by another author")
            target_seq = target.seq
        seq = self._next_seq
        self._next_seq += 1
        row = Row(seq, route.conversation_id, route.sender_id, target_seq, _content_type(letter), letter)
        self._rows[letter.id, route.sender_id] = row
        self.plan.newest[route.conversation_id] = seq
        self.plan.rows.append(row)
        return Archived(letter.id, seq, letter.sender, letter.to)

    def _target(self, message_id: MessageId, conversation_id: int) -> Row | Filed | None:
        """Find the message of an id in a conversation: stored before, or earlier in this batch; the lowest seq."""
        for row in self.plan.rows[self._indexed :]:
            self._targets.setdefault((row.letter.id, row.conversation_id), row)
        self._indexed = len(self.plan.rows)
        named = message_id, conversation_id
        return self._known.targets.get(named) or self._targets.get(named)


def _content_type(letter: Letter) -> str | None:
    named = letter.envelope.content_type or default_content_type(letter.delivery.body)
    return None if named == TEXT else named


def _sha256(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()
