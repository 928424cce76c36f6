"""Receipts of what was archived: to senders at once, to receivers gathered (contract, section 4)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from archiver.connection import Publication
from archiver.markings import Moved
from archiver.plan import Archived, Outcome
from wire.conversations import Conversation, direct
from wire.receipts import encode_entries, rejected_entry, split_entries, stored_entry, watermark_entry
from wire.topics import archived, group_archived


class Gathered:
    """Receipts to receivers, kept for up to a second. The members of a group are told together."""

    def __init__(self) -> None:
        """Begin with none."""
        self._entries: dict[Conversation, list[str]] = defaultdict(list)
        """By where the messages went."""
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Gather what receivers are told. A note to oneself is in the receipt to its sender already."""
        sides = _Sides()
        for outcome in outcomes:
            if not isinstance(outcome, Archived):
                continue
            id_, seq, sender, to, muted = outcome
            kind, name = to
            if muted or (name == sender and kind == "direct"):
                continue
            conversation = sides[sender] if kind == "direct" else str(to)
            self._entries[to].append(stored_entry(id_, seq, conversation, sender))
            self._count += 1

    def take(self) -> list[Publication]:
        """Take all that is gathered, as publications."""
        publications = [
            publication
            for to, some in self._entries.items()
            for publication in _publications(group_archived(to.name) if to.kind == "group" else archived(to.name), some)
        ]
        self._entries.clear()
        self._count = 0
        return publications


class _Sides(dict[str, str]):
    """Direct conversations, as they are written, by the other side's name; each is written once a batch."""

    def __missing__(self, name: str) -> str:
        self[name] = str(direct(name))
        return self[name]


class _Written(dict[Conversation, str]):
    """Conversations, as they are written; each is written once a batch."""

    def __missing__(self, conversation: Conversation) -> str:
        self[conversation] = str(conversation)
        return self[conversation]


def to_senders(outcomes: Iterable[Outcome]) -> list[Publication]:
    """Write what senders are told of a batch, and users of their own markers."""
    entries: dict[str, list[str]] = defaultdict(list)
    moved: dict[str, list[str]] = defaultdict(list)
    written = _Written()
    for outcome in outcomes:
        if isinstance(outcome, Archived):
            id_, seq, sender, to, _ = outcome
            entries[sender].append(stored_entry(id_, seq, written[to], sender))
        elif isinstance(outcome, Moved):
            moved[outcome.user].append(watermark_entry(outcome.watermark))
        elif outcome.sender is not None:
            entries[outcome.sender].append(rejected_entry(outcome.id, outcome.reason))
    told = [publication for sender, some in entries.items() for publication in _publications(archived(sender), some)]
    return told + [
        Publication(archived(user), encode_entries((), part))
        for user, some in moved.items()
        for part in split_entries(some)
    ]


def _publications(topic: str, entries: Sequence[str]) -> list[Publication]:
    return [Publication(topic, encode_entries(part)) for part in split_entries(entries)]
