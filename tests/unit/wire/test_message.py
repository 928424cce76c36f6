"""Messages: what is read, what is refused, and the round trip."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.message import (
    BINARY,
    BODY_MAX,
    CONTENT_TYPE_MAX,
    REACTION_MAX,
    RELATIONS,
    TEXT,
    USER_PROPERTIES_MAX,
    Envelope,
    MessageId,
    RefusedError,
    claimed_id,
    default_content_type,
    is_textual,
    parse_uuid,
    read_message,
    user_properties,
)

ID = "0190aaaa-0000-7000-8000-000000000001"
OTHER = "0190aaaa-0000-7000-8000-000000000002"

_REACTION = [("relation", "reaction"), ("relates-to", OTHER)]

moments = st.datetimes(timezones=st.just(UTC)).map(lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000))


message_ids = st.uuids().map(lambda made: MessageId(str(made)))


@st.composite
def envelopes(draw: st.DrawFn) -> Envelope:
    """Make any envelope that the contract allows."""
    relation = draw(st.none() | st.sampled_from(sorted(RELATIONS)))
    return Envelope(
        id=draw(st.none() | message_ids),
        content_type=draw(st.none() | st.sampled_from(["text/plain", 'a/b; c="d"', TEXT])),
        sent_at=draw(st.none() | moments),
        relation=relation,  # type: ignore[arg-type]  # drawn from the Literal's own values
        relates_to=draw(message_ids) if relation else None,
    )


@given(envelopes())
def test_every_envelope_survives_the_wire(envelope: Envelope) -> None:
    body = b"" if envelope.relation == "retract" else b"x"
    assert read_message(body, envelope.content_type, user_properties(envelope)) == envelope


@given(st.binary(), st.none() | st.text(), st.lists(st.tuples(st.text(), st.text())))
def test_whatever_comes_is_read_or_refused(body: bytes, content_type: str | None, named: list[tuple[str, str]]) -> None:
    try:
        read_message(body, content_type, named)
    except RefusedError as error:
        reason, detail = error.reason, str(error)
    else:
        return
    assert reason in {"malformed", "bad_relation", "too_large"}
    assert detail


def refusal(body: bytes, content_type: str | None, *named: tuple[str, str]) -> str:
    """Return the reason for which a message is refused."""
    with pytest.raises(RefusedError) as caught:
        read_message(body, content_type, named)
    return caught.value.reason


@pytest.mark.parametrize("body", ["👍", "+1", "👨‍👩‍👧‍👦", "é" * 32, "x" * REACTION_MAX])
def test_a_reaction_is_a_short_text(body: str) -> None:
    assert read_message(body.encode(), None, _REACTION).relation == "reaction"


@pytest.mark.parametrize(
    "body", [b"x" * (REACTION_MAX + 1), "é".encode() * 33, b"\xff", b"a\nb", b"\x00", b"\xc2\x85", b""]
)
def test_anything_else_is_no_reaction(body: bytes) -> None:
    assert refusal(body, None, *_REACTION) == "malformed"
    assert not body or read_message(body, None, [("relation", "reply"), ("relates-to", OTHER)]).relation == "reply"


def test_a_body_has_one_byte_to_64_kib() -> None:
    assert refusal(b"", None) == "malformed"
    assert read_message(b"x", None, ()) == Envelope()
    assert read_message(bytes(BODY_MAX), None, ()) == Envelope()
    assert refusal(bytes(BODY_MAX + 1), None) == "too_large"


def test_user_properties_have_4_kib_together_counted_in_bytes() -> None:
    assert read_message(b"x", None, [("é", "é" * (USER_PROPERTIES_MAX // 2 - 1))]) == Envelope()
    assert refusal(b"x", None, ("é", "é" * (USER_PROPERTIES_MAX // 2))) == "too_large"
    assert refusal(b"x", None, *[("aa", "bb")] * (USER_PROPERTIES_MAX // 4 + 1)) == "too_large"


@pytest.mark.parametrize(
    "text", ["", "42", f"{{{ID}}}", f"urn:uuid:{ID}", ID.replace("-", ""), ID + "\n", ID[:-1] + "g"]
)
def test_an_id_is_a_uuid_of_36_characters(text: str) -> None:
    assert parse_uuid(text) is None
    assert refusal(b"x", None, ("id", text)) == "malformed"


@given(st.uuids(), st.booleans())
def test_a_uuid_is_read_in_either_case(value: UUID, upper: bool) -> None:
    assert parse_uuid(str(value).upper() if upper else str(value)) == str(value)


@pytest.mark.parametrize(
    "named",
    [
        [("relation", "reply")],
        [("relates-to", ID)],
        [("relation", "answer"), ("relates-to", ID)],
        [("relation", "Reply"), ("relates-to", ID)],
        [("relation", "reply"), ("relates-to", "1")],
        [("relation", "reply"), ("relation", "reply"), ("relates-to", ID)],
        [("relation", "reply"), ("relates-to", ID), ("relates-to", OTHER)],
    ],
)
def test_relations_that_are_none(named: list[tuple[str, str]]) -> None:
    assert refusal(b"x", None, *named) == "bad_relation"


def test_two_ids_are_malformed_even_if_they_are_the_same() -> None:
    assert refusal(b"x", None, ("id", ID), ("id", ID)) == "malformed"


def test_a_retraction_has_no_body_and_nothing_else_goes_without() -> None:
    named = [("relation", "retract"), ("relates-to", ID)]
    assert read_message(b"", None, named).relation == "retract"
    assert refusal(b"x", None, *named) == "malformed"
    assert refusal(b"", None, ("relation", "edit"), ("relates-to", ID)) == "malformed"


@pytest.mark.parametrize("text", ["", "text", "text/", "/plain", "text/plain\n", "text/plain; é=1", "te xt/plain"])
def test_content_types_that_are_none(text: str) -> None:
    assert refusal(b"x", text) == "malformed"


def test_a_content_type_has_at_most_255_characters() -> None:
    longest = "a/" + "b" * (CONTENT_TYPE_MAX - 2)
    assert read_message(b"x", longest, ()).content_type == longest
    assert refusal(b"x", longest + "b") == "malformed"


@pytest.mark.parametrize("times", [["yesterday"], [""], ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"]])
def test_a_sent_at_that_cannot_be_read_counts_as_absent(times: list[str]) -> None:
    assert read_message(b"x", None, [("sent-at", time) for time in times]).sent_at is None


def test_unknown_properties_are_let_pass_repeated_or_not() -> None:
    named = [("x", "1"), ("x", "2"), ("id", ID), ("sent-at", "2026-01-31T12:00:00.5+01:00")]
    assert read_message(b"x", None, named) == Envelope(
        MessageId(ID), None, datetime(2026, 1, 31, 11, 0, 0, 500_000, UTC)
    )


def test_the_content_type_defaults_to_text_where_the_body_is_text() -> None:
    assert default_content_type("grüß dich".encode()) == TEXT
    assert default_content_type(b"\xff") == BINARY


def test_a_claimed_id_is_as_it_was_written() -> None:
    assert claimed_id([("x", "y"), ("id", "ABC"), ("id", str(uuid4()))]) == "ABC"
    assert claimed_id([]) is None


@pytest.mark.parametrize(
    ("content_type", "textual"),
    [
        ("text/plain", True),
        ("TEXT/Markdown; charset=utf-8", True),
        ("application/json", True),
        ("application/problem+JSON ; a=b", True),
        ("application/jsonx", False),
        ("textual/plain", False),
        ("image/svg+xml", False),
    ],
)
def test_text_and_json_are_textual(content_type: str, textual: bool) -> None:
    assert is_textual(content_type) is textual
