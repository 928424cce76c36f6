"""Archive receipts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.receipts import encode_receipts
from wire.conversations import Conversation, direct
from wire.message import REJECT_REASONS
from wire.receipts import (
    SEQ_MAX,
    Receipt,
    Rejected,
    Stored,
    Watermark,
    decode_receipts,
    decode_watermarks,
    encode_entries,
    split_entries,
    stored_entry,
    watermark_entry,
)

usernames = st.from_regex(r"[a-z0-9][a-z0-9_-]{2,31}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8"))
conversations = st.builds(direct, usernames) | st.builds(
    lambda name: Conversation("group", name), st.from_regex(r"g[a-z2-7]{12}", fullmatch=True)
)
stored = st.builds(Stored, texts, st.integers(1, SEQ_MAX), conversations, usernames)
rejected = st.builds(Rejected, texts, st.sampled_from(sorted(REJECT_REASONS)))


@given(st.lists(stored | rejected))
def test_receipts_survive_the_wire(receipts: list[Receipt]) -> None:
    assert decode_receipts(encode_receipts(receipts)) == receipts


def test_receipts_look_as_the_contract_says() -> None:
    payload = encode_receipts([Stored("i", 42, direct("bob"), "alice"), Rejected("j", "malformed")])
    assert json.loads(payload) == {
        "messages": [
            {"id": "i", "seq": 42, "conversation": "direct:bob", "sender": "alice", "status": "stored"},
            {"id": "j", "status": "rejected", "reason": "malformed"},
        ]
    }


watermarks = st.builds(Watermark, conversations, st.integers(0, SEQ_MAX), st.integers(0, SEQ_MAX))


@given(st.lists(watermarks, min_size=1), st.lists(stored))
def test_watermarks_survive_the_wire_beside_receipts(marked: list[Watermark], receipts: list[Receipt]) -> None:
    entries = [
        stored_entry(one.id, one.seq, str(one.conversation), one.sender) for one in receipts if isinstance(one, Stored)
    ]
    payload = encode_entries(entries, [watermark_entry(one) for one in marked])
    assert decode_watermarks(payload) == marked
    assert decode_receipts(payload) == receipts


def test_watermarks_look_as_the_contract_says() -> None:
    payload = encode_entries((), [watermark_entry(Watermark(direct("bob"), 42, 40))])
    entry: dict[str, object] = {"conversation": "direct:bob", "delivered": 42, "read": 40}
    assert json.loads(payload) == {"messages": [], "markers": [entry]}
    assert json.loads(encode_entries(())) == {"messages": []}
    for wrong in ({"conversation": "bob"}, {"delivered": -1}, {"read": True}, {"read": 2**63}, {"delivered": None}):
        assert decode_watermarks(json.dumps({"markers": [{**entry, **wrong}, entry]}).encode()) == decode_watermarks(
            payload
        )


keys = st.sampled_from(
    ["messages", "markers", "conversation", "delivered", "read", "id", "seq", "status", "reason", "x"]
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner),
)


@given(st.binary() | anything.map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_is_read_without_an_error(payload: bytes) -> None:
    assert isinstance(decode_receipts(payload), list)
    assert isinstance(decode_watermarks(payload), list)


GOOD: dict[str, object] = {
    "id": "i",
    "seq": 1,
    "conversation": "direct:bob",
    "sender": "alice",
    "status": "stored",
}


@pytest.mark.parametrize(
    "changed",
    [
        {"id": 1},
        {"id": "half a character: \ud83d"},
        {"id": "\udc4d", "status": "rejected", "reason": "malformed"},
        {"seq": 0},
        {"seq": -1},
        {"seq": 1.5},
        {"seq": True},
        {"seq": SEQ_MAX + 1},
        {"seq": "1"},
        {"conversation": "bob"},
        {"sender": "Alice"},
        {"status": "kept"},
        {"status": "rejected"},
        {"status": "rejected", "reason": "because"},
        {"status": "rejected", "reason": []},
        {"status": []},
    ],
)
def test_an_entry_that_is_no_receipt_is_left_out_and_the_others_are_read(changed: dict[str, object]) -> None:
    payload = json.dumps({"messages": [GOOD, {**GOOD, **changed}, None, GOOD]}).encode()
    assert decode_receipts(payload) == [Stored("i", 1, direct("bob"), "alice")] * 2


def test_deeply_nested_json_is_no_receipt() -> None:
    assert decode_receipts(b"[" * 100_000) == []


@given(st.lists(st.text(), max_size=20), st.integers(1, 7))
def test_long_lists_are_cut_and_nothing_is_lost(entries: list[str], most: int) -> None:
    parts = split_entries(entries, most)
    assert [entry for part in parts for entry in part] == entries
    assert all(0 < len(part) <= most for part in parts)
