"""A batch, sorted by what is done with it. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from archiver.letters import Item, Letter, Mail, Refused
from archiver.markings import Marking, furthest
from wire.receipts import Watermark


class Sorted(NamedTuple):
    """A batch: messages in their order, and how far who wants to have got where."""

    items: Sequence[Item]
    """All of it."""
    mail: Sequence[Mail]
    marks: Sequence[tuple[str, Watermark]]


def sort(items: Sequence[Item]) -> Sorted:
    """Sort a batch. Markers may go last: what they name was stored before they were sent."""
    mail = [item for item in items if isinstance(item, Letter) or isinstance(item, Refused)]  # noqa: SIM101  # half the time
    if len(mail) == len(items):
        return Sorted(items, mail, ())
    return Sorted(items, mail, furthest(item for item in items if isinstance(item, Marking)))
