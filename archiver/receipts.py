"""Receipts of what was archived: to senders at once, to receivers gathered (contract, section 4)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from archiver.connection import Publication
from archiver.plan import Archived, Outcome
from wire.conversations import Conversation, direct
from wire.receipts import Receipt, Rejected, Stored, encode_receipts, split_receipts
from wire.topics import archived


class Gathered:
    """Receipts to receivers, kept for up to a second."""

    def __init__(self) -> None:
        """Begin with none."""
        self._receipts: dict[str, list[Receipt]] = defaultdict(list)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Gather what receivers are told. A note to oneself is in the receipt to its sender already."""
        sides = _Sides()
        for outcome in outcomes:
            if isinstance(outcome, Archived) and outcome.to != outcome.sender:
                receipt = Stored(outcome.id, outcome.seq, sides[outcome.sender], outcome.sender)
                self._receipts[outcome.to].append(receipt)
                self._count += 1

    def take(self) -> list[Publication]:
        """Take all that is gathered, as publications."""
        publications = _publications(self._receipts)
        self._receipts.clear()
        self._count = 0
        return publications


class _Sides(dict[str, Conversation]):
    """Direct conversations by the other side's name, each made once a batch."""

    def __missing__(self, name: str) -> Conversation:
        self[name] = direct(name)
        return self[name]


def to_senders(outcomes: Iterable[Outcome]) -> list[Publication]:
    """Write what senders are told of a batch."""
    receipts: dict[str, list[Receipt]] = defaultdict(list)
    sides = _Sides()
    for outcome in outcomes:
        if isinstance(outcome, Archived):
            receipt = Stored(outcome.id, outcome.seq, sides[outcome.to], outcome.sender)
            receipts[outcome.sender].append(receipt)
        elif outcome.sender is not None:
            receipts[outcome.sender].append(Rejected(outcome.id, outcome.reason))
    return _publications(receipts)


def _publications(receipts: Mapping[str, Sequence[Receipt]]) -> list[Publication]:
    return [
        Publication(archived(username), encode_receipts(part))
        for username, some in receipts.items()
        for part in split_receipts(some)
    ]
