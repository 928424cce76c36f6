"""Whatever comes beside messages: nothing of it is an error, and what is believed of it can be kept and shown."""

import asyncio
import itertools
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiomqtt import PublishPacket
from hypothesis import given, settings
from hypothesis import strategies as st

from archiver.delivery import Delivery
from archiver.letters import read_delivery
from archiver.markings import Ignored, Marking
from mqtt_client.app.changes import Change
from mqtt_client.app.storage import Chats
from mqtt_client.app.sync import Sync
from mqtt_client.events import MarkerMoved, PresenceChanged, ReceiptArrived
from mqtt_client.incoming import log_entry, read_signal, receipts_in
from mqtt_client.signals import is_group_hint, is_token_stale
from mqtt_client.store import Result, Store
from mqtt_client.store_live import Marker
from wire.receipts import SEQ_MAX, Stored
from wire.times import format_time

GROUP = "gabcdefabcdef"
TOPICS = (
    "users/alice/archived", f"groups/{GROUP}/archived", "users/alice/events", "users/bob/events",
    "users/bob/presence", "users/alice/presence", "users//presence", "users/B/presence",
    "users/alice/markers/bob", "users/bob/markers/alice", f"groups/{GROUP}/markers/bob", "groups/x/markers/bob",
    "users/alice/typing/bob", f"groups/{GROUP}/typing/bob", "users/alice/typing/B\n", "users/alice/devices/x/inbox/bob",
)  # fmt: skip
NUMBERS = (
    "0",
    "-1",
    "1",
    str(SEQ_MAX),
    str(SEQ_MAX + 1),
    "9" * 400,
    "9" * 5000,
    "1.0",
    "1e3",
    "1e999",
    "-0",
    "NaN",
    "Infinity",
)
_texts = st.sampled_from([
    "bob", "alice", "direct:bob", f"group:{GROUP}", "direct:B", "stored", "rejected", "malformed", "token_stale",
    "group_added",
    "group_changed", "session_added", "online", "away", "abcdefghij", GROUP, "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
    "2026-06-30T23:59:60Z", "\ud800", "\0", "\u202e", "", "x" * 2000,
])  # fmt: skip
_leaves = st.one_of(
    st.sampled_from(NUMBERS),
    _texts.map(json.dumps),
    st.sampled_from(["null", "true", "false", '"\\u12"', "[" * 500 + "]" * 500, "[" * 100_000, "{}", "[]"]),
)
_names = st.sampled_from([
    "messages", "markers", "id", "seq", "conversation", "sender", "status", "reason", "delivered", "read", "type",
    "group",
    "device", "since",
]).map(json.dumps)  # fmt: skip


def _written(pairs: list[tuple[str, str]]) -> str:
    """Write an object; a name may stand there twice."""
    return f"{{{','.join(f'{name}:{value}' for name, value in pairs)}}}"


_values = st.recursive(
    _leaves,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda some: f"[{','.join(some)}]")
        | st.lists(st.tuples(_names, inner), max_size=6).map(_written)
    ),
    max_leaves=8,
)


def _member(usual: list[str]) -> st.SearchStrategy[str]:
    return st.integers(0, 7).flatmap(lambda drawn: _leaves if drawn == 5 else st.sampled_from(usual))


def _like(**usual: str) -> st.SearchStrategy[str]:
    """Write objects with these members, as agreed but for a few; a bar stands between what is agreed."""
    members = [_member(some.split("|")) for some in usual.values()]
    return st.tuples(st.tuples(*members), st.lists(st.tuples(_names, _leaves), max_size=1)).map(
        lambda drawn: _written([*zip(map(json.dumps, usual), drawn[0], strict=True), *drawn[1]])
    )


_CONVERSATION = f'"direct:bob"|"group:{GROUP}"'
_receipts = _like(
    id='"0190a3c4-0000-7000-8000-000000000001"|"I"|"\\ud800"', seq="1|2", conversation=_CONVERSATION,
    sender='"bob"|"alice"', status='"stored"|"rejected"', reason='"malformed"',
)  # fmt: skip
_watermarks = _like(conversation=_CONVERSATION, delivered="5|7", read="5|9")
_archived = st.tuples(st.lists(_receipts, max_size=4), st.lists(_watermarks, max_size=4)).map(
    lambda both: f'{{"messages": [{",".join(both[0])}], "markers": [{",".join(both[1])}]}}'
)
_events = _like(type='"group_added"|"token_stale"|"session_added"', group=f'"{GROUP}"', device='"abcdefghij"')
_presences = _like(status='"online"|"away"|"offline"', since='"2026-01-31T12:00:00Z"')
_markers = _like(delivered="5|7", read="5|9")
_payloads = st.one_of(
    st.binary(max_size=50),
    st.sampled_from([b"", b"0", b"1", b"[" * 100_000, b'{"a":' * 100_000, b'"\xff"', b"\xff\xfe{\0}\0"]),
    _values.map(str.encode),
)


def _on(topics: tuple[str, ...], texts: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, bytes]]:
    return st.tuples(st.sampled_from(topics), texts.map(str.encode))


publications = st.one_of(
    st.tuples(st.sampled_from(TOPICS), _payloads),
    _on(("users/alice/archived", f"groups/{GROUP}/archived"), _archived),
    _on(("users/alice/events",), _events),
    _on(("users/bob/presence", "users/alice/presence"), _presences),
    _on(("users/alice/markers/bob", f"groups/{GROUP}/markers/bob"), _markers),
)


def test_nothing_of_it_is_an_error(tmp_path: Path) -> None:
    numbers = itertools.count(1)

    @settings(max_examples=300)
    @given(st.lists(publications, max_size=20))
    def comes(told: list[tuple[str, bytes]]) -> None:
        folder = tmp_path / str(next(numbers) % 10)
        folder.mkdir(exist_ok=True)
        packets = [PublishPacket(topic, payload) for topic, payload in told]
        with Store(folder / "store.db") as store, Chats(folder / "chats.db", "alice") as chats:
            asyncio.run(take(packets, store, chats))
        for topic, payload in told:
            if "/markers/" in topic:
                read = read_delivery(Delivery(1, 1, False, topic, payload, None, [], 0), uuid4)
                assert isinstance(read, Ignored | Marking)

    comes()


async def take(packets: list[PublishPacket], store: Store, chats: Chats) -> None:
    """Do what a session and an app do with packets."""
    changes: list[Change] = []
    sync = Sync(chats, "alice", changes.extend)
    end = store.log_end()
    for packet in packets:
        receipts = receipts_in(packet, "alice")
        store.settle(Result(each.id.lower(), getattr(each, "seq", None), None) for each in receipts)
        for receipt in receipts:
            sync.take(ReceiptArrived(receipt))
            if isinstance(receipt, Stored):
                store.mark(str(receipt.conversation), delivered=receipt.seq)
        if entry := log_entry(packet, "alice"):
            store.log([entry])
        is_token_stale(packet.topic, packet.payload, "alice")
        is_group_hint(packet.topic, packet.payload, "alice")
    for logged in store.log_after(end, 1000):
        assert logged.kind == "signal"
        for signal in read_signal(logged.content, "alice"):
            sync.take(signal)
            keep(signal, store)
    sync._flush()  # what a timer does
    sync.close()


def keep(signal: Any, store: Store) -> None:
    """Do what a follower and `whois` do with a signal."""
    match signal:
        case MarkerMoved(conversation, delivered, read):
            store.markers_sent(Marker(str(conversation), delivered, read))
        case PresenceChanged(_, _, since) if since:
            assert format_time(since)
