"""What the archiver and its process that stores say to each other, as bytes. Pure.

Both ends are the same program at the same version, and nobody else writes to them, so `marshal` will do: `pickle` takes
four times as long, and that is a part of what every message costs.
"""

import marshal
from collections.abc import Sequence
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

from archiver.delivery import Delivery, Origin
from archiver.errors import OutageError, UnstorableError
from archiver.letters import Item, Letter, Refused
from archiver.plan import Archived, Outcome
from wire.message import Envelope

CHECK: Final = b""
"""The request to see whether the database can be used; it is answered like the storing of nothing."""

_Flat: TypeAlias = tuple[Any, ...]
"""Values of built-in types: an item's delivery and then its other fields, or what an outcome adds to its item."""

_DELIVERY = len(Delivery._fields)
_REFUSAL = len(Refused._fields) - 1
_RENAMED = 2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ERRORS: Final = (OutageError, UnstorableError)


def encode_request(origin: Origin, items: Sequence[Item]) -> bytes:
    """Write the request to store items."""
    flat = [_flat_letter(item) if isinstance(item, Letter) else _flat_refused(item) for item in items]
    return marshal.dumps((astuple(origin), flat))


def decode_request(data: bytes) -> tuple[Origin, list[Item]]:
    """Read such a request."""
    origin, flat = marshal.loads(data)  # noqa: S302  # from our own other half
    items = [_refused(some) if len(some) == _DELIVERY + _REFUSAL else _letter(some) for some in flat]
    return Origin(*origin), items


def encode_answer(items: Sequence[Item], outcomes: Sequence[Outcome]) -> bytes:
    """Write what became of items: of nearly all of them the number says it."""
    return marshal.dumps([_flat_outcome(item, outcome) for item, outcome in zip(items, outcomes, strict=True)])


def encode_error(error: OutageError | UnstorableError) -> bytes:
    """Write why nothing was stored."""
    return marshal.dumps((_ERRORS.index(type(error)), str(error)))


def decode_answer(items: Sequence[Item], data: bytes) -> list[Outcome]:
    """Read what became of the same items. Raises OutageError or UnstorableError, whichever was the answer."""
    answer = marshal.loads(data)  # noqa: S302  # from our own other half
    if isinstance(answer, tuple):
        kind, text = answer
        raise _ERRORS[kind](text)
    return [_outcome(item, flat) for item, flat in zip(items, answer, strict=True)]


def _flat_letter(letter: Letter) -> _Flat:
    delivery, sender, to, id_, given, (own_id, content_type, sent_at, relation, relates_to) = letter
    moment = None if sent_at is None else (sent_at - _EPOCH) // _MICROSECOND
    return (*delivery, sender, to, id_, given, own_id, content_type, moment, relation, relates_to)


def _letter(flat: _Flat) -> Letter:
    sender, to, id_, given, own_id, content_type, moment, relation, relates_to = flat[_DELIVERY:]
    sent_at = None if moment is None else _EPOCH + timedelta(microseconds=moment)
    envelope = Envelope(own_id, content_type, sent_at, relation, relates_to)
    return Letter(Delivery._make(flat[:_DELIVERY]), sender, to, id_, given, envelope)


def _flat_refused(refused: Refused) -> _Flat:
    return (*refused.delivery, *refused[1:])


def _refused(flat: _Flat) -> Refused:
    return Refused(Delivery._make(flat[:_DELIVERY]), *flat[_DELIVERY:])


def _flat_outcome(item: Item, outcome: Outcome) -> _Flat:
    if isinstance(outcome, Refused):
        return outcome[1:]
    return (outcome.seq,) if outcome.id == item.id else (outcome.seq, outcome.id)


def _outcome(item: Item, flat: _Flat) -> Outcome:
    if len(flat) == _REFUSAL or isinstance(item, Refused):
        return Refused(item.delivery, *flat)
    seq, id_ = flat if len(flat) == _RENAMED else (*flat, item.id)
    return Archived(id_, seq, item.sender, item.to)
