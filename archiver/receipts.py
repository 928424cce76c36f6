"""Receipts of what was archived: to senders at once, to receivers gathered (contract, section 4)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from archiver.connection import Publication
from archiver.plan import Archived, Outcome
from wire.conversations import direct
from wire.receipts import encode_entries, rejected_entry, split_entries, stored_entry
from wire.topics import archived


class Gathered:
    """Receipts to receivers, kept for up to a second."""

    def __init__(self) -> None:
        """Begin with none."""
        self._entries: dict[str, list[str]] = defaultdict(list)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Gather what receivers are told. A note to oneself is in the receipt to its sender already."""
        sides = _Sides()
        for outcome in outcomes:
            if isinstance(outcome, Archived) and outcome.to != outcome.sender:
                entry = stored_entry(outcome.id, outcome.seq, sides[outcome.sender], outcome.sender)
                self._entries[outcome.to].append(entry)
                self._count += 1

    def take(self) -> list[Publication]:
        """Take all that is gathered, as publications."""
        publications = _publications(self._entries)
        self._entries.clear()
        self._count = 0
        return publications


class _Sides(dict[str, str]):
    """Direct conversations, as they are written, by the other side's name; each is written once a batch."""

    def __missing__(self, name: str) -> str:
        self[name] = str(direct(name))
        return self[name]


def to_senders(outcomes: Iterable[Outcome]) -> list[Publication]:
    """Write what senders are told of a batch."""
    entries: dict[str, list[str]] = defaultdict(list)
    sides = _Sides()
    for outcome in outcomes:
        if isinstance(outcome, Archived):
            entry = stored_entry(outcome.id, outcome.seq, sides[outcome.to], outcome.sender)
            entries[outcome.sender].append(entry)
        elif outcome.sender is not None:
            entries[outcome.sender].append(rejected_entry(outcome.id, outcome.reason))
    return _publications(entries)


def _publications(entries: Mapping[str, Sequence[str]]) -> list[Publication]:
    return [
        Publication(archived(username), encode_entries(part))
        for username, some in entries.items()
        for part in split_entries(some)
    ]
