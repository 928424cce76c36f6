"""Archive receipts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.receipts import encode_receipts
from wire.conversations import Conversation, direct
from wire.message import REJECT_REASONS
from wire.receipts import SEQ_MAX, Receipt, Rejected, Stored, decode_receipts, split_entries

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


keys = st.sampled_from(["messages", "id", "seq", "status", "reason", "x"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner),
)


@given(st.binary() | anything.map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_is_read_without_an_error(payload: bytes) -> None:
    assert isinstance(decode_receipts(payload), list)


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
