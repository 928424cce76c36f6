"""Markers: what is read and what is not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.markers import PAYLOAD_MAX, Marker, encode_marker, parse_marker
from wire.receipts import SEQ_MAX

seqs = st.integers(1, SEQ_MAX)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["delivered", "read", "x"]), inner),
)


@given(st.builds(Marker, seqs, st.none() | seqs) | st.builds(Marker, st.none(), seqs))
def test_every_marker_survives_the_wire(marker: Marker) -> None:
    assert parse_marker(encode_marker(marker)) == marker


def test_markers_look_as_the_contract_says() -> None:
    assert json.loads(encode_marker(Marker(42, 40))) == {"delivered": 42, "read": 40}
    assert json.loads(encode_marker(Marker(read=40))) == {"read": 40}
    assert parse_marker(b'{"read": 7, "typed": [1]}') == Marker(None, 7), "what is not known yet is ignored"


@given(st.binary() | anything.map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_is_read_without_an_error_and_never_as_something_else(payload: bytes) -> None:
    marker = parse_marker(payload)
    if marker is not None:
        assert any(marker)
        assert all(seq is None or (type(seq) is int and 0 < seq <= SEQ_MAX) for seq in marker)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"7",
        b"[7]",
        b'"read"',
        b'{"read": 0}',
        b'{"read": -1}',
        b'{"read": true}',
        b'{"read": 7.0}',
        b'{"read": 7e0}',
        b'{"read": "7"}',
        b'{"read": null, "delivered": 7}',
        b'{"read": [7]}',
        b'{"read": NaN}',
        b'{"read": Infinity}',
        b'{"read": 9223372036854775808}',
        b'{"read": 7}}',
        b'\xff{"read": 7}',
        b'{"read": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"read": 7' + b" " * PAYLOAD_MAX + b"}",
    ],
)
def test_what_is_no_marker_is_none(payload: bytes) -> None:
    assert parse_marker(payload) is None
