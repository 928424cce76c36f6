"""What the archiver and its process that stores say to each other."""

from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.delivery import Delivery, Origin
from archiver.errors import OutageError, UnstorableError
from archiver.exchange import decode_answer, decode_request, encode_answer, encode_error, encode_request
from archiver.letters import Item, Letter, Refused, reject
from archiver.plan import Archived, Outcome
from wire.message import RELATIONS, Envelope, MessageId, RejectReason

ids = st.uuids().map(lambda uuid: MessageId(str(uuid)))
reasons = st.sampled_from(get_args(RejectReason))
times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001  # naive bounds are asked for
deliveries = st.builds(
    Delivery,
    st.integers(1, 2**63),
    st.integers(1, 65_535),
    st.booleans(),
    st.text(),
    st.binary(max_size=100),
    st.none() | st.text(),
    st.lists(st.tuples(st.text(), st.text()), max_size=4),
    st.integers(0, 2**63),
)
envelopes = st.builds(
    Envelope,
    st.none() | ids,
    st.none() | st.text(),
    st.none() | times,
    st.none() | st.sampled_from(sorted(RELATIONS)),
    st.none() | ids,
)
letters = st.builds(Letter, deliveries, st.text(), st.text(), ids, st.booleans(), envelopes)
refusals = st.builds(Refused, deliveries, st.none() | st.text(), st.text(), reasons, st.text())
origins = st.builds(Origin, st.text(), st.integers(0, 2**63), st.booleans())


@given(origins, st.lists(letters | refusals, max_size=20))
def test_a_batch_arrives_as_it_was(origin: Origin, items: list[Item]) -> None:
    assert decode_request(encode_request(origin, items)) == (origin, items)


@st.composite
def decided(draw: st.DrawFn) -> tuple[list[Item], list[Outcome]]:
    """Items, and something that may become of each."""
    items = draw(st.lists(letters | refusals, max_size=20))
    outcomes: list[Outcome] = []
    for item in items:
        if isinstance(item, Refused):
            outcomes.append(item)
        elif draw(st.booleans()):
            outcomes.append(reject(item, draw(reasons), draw(st.text())))
        else:
            id_ = draw(st.just(item.id) | ids)
            outcomes.append(Archived(id_, draw(st.integers(1, 2**63 - 1)), item.sender, item.to))
    return items, outcomes


@given(decided())
def test_an_answer_arrives_as_it_was(answer: tuple[list[Item], list[Outcome]]) -> None:
    items, outcomes = answer
    assert decode_answer(items, encode_answer(items, outcomes)) == outcomes


@pytest.mark.parametrize("error", [OutageError("it is away"), UnstorableError("the database refuses it")])
def test_an_error_is_raised_where_the_answer_is_read(error: OutageError | UnstorableError) -> None:
    with pytest.raises(type(error), match=str(error)):
        decode_answer([], encode_error(error))


def test_an_answer_for_other_items_is_an_error() -> None:
    letter = Letter(Delivery(1, 1, False, "t", b"x", None, [], 0), "alice", "bob", MessageId("i"), False, Envelope())
    with pytest.raises(ValueError, match="shorter"):
        decode_answer([letter], encode_answer([], []))
