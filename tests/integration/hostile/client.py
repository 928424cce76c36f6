"""What our client makes of what it hears and reads: its log, its copy, its lines, and the app's rows of cells."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiomqtt import PublishPacket
from rich.style import Style as CellStyle

from archiver.plan import Outcome
from archiver.receipts import Gathered, to_senders
from mqtt_client.api import checked
from mqtt_client.app.changes import Change
from mqtt_client.app.config import Config
from mqtt_client.app.entries import Entry
from mqtt_client.app.first_screen import first_screen
from mqtt_client.app.lines import Setting, block, plain, preview, quote
from mqtt_client.app.notify import sequence
from mqtt_client.app.start import snapshot
from mqtt_client.app.storage import Chats
from mqtt_client.app.sync import Sync
from mqtt_client.events import Message, MessageArrived, ReceiptArrived, arrival, is_change, message_of
from mqtt_client.incoming import log_entry, read_live, receipts_in
from mqtt_client.models import RestMessage
from mqtt_client.render import Style, as_json, message_text
from mqtt_client.store import Result, Store
from wire.receipts import Rejected, Stored

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ZONES = (UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12)))
WIDTHS = (4, 24, 80)


class Client:
    """One user's store and copy, and what is shown of them."""

    def __init__(self, folder: Path, me: str) -> None:
        """Make them in a directory that is not there yet."""
        folder.mkdir()
        self._me = me
        self._store = Store(folder / "store.db")
        self._chats = Chats(folder / "chats.db", me)
        self._chats.move_cursor("*", 0)
        self._changes: list[Change] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._chats.close()
        self._store.__exit__(kind, error, trace)

    def hear(self, packets: Iterable[PublishPacket], outcomes: Sequence[Outcome]) -> None:
        """Take packets as they come, and the receipts to them, as `tail` and the app do."""
        gathered = Gathered()
        gathered.add(outcomes)
        receipts = [PublishPacket(each.topic, each.payload) for each in [*to_senders(outcomes), *gathered.take()]]
        entries = [entry for packet in packets if (entry := log_entry(packet, self._me))]
        self._store.log(entries)
        shown: list[Message] = []
        for logged in self._store.log_after(0):
            assert logged.kind == "message"
            if message := read_live(logged.content).message(NOW):
                shown.append(message)
        self._show(shown)
        results = [receipt for packet in receipts for receipt in receipts_in(packet, self._me)]
        self._store.settle(Result(each.id, each.seq if isinstance(each, Stored) else None, None) for each in results)
        asyncio.run(self._take([*map(MessageArrived, shown), *map(ReceiptArrived, results)]))
        assert all(isinstance(each, Stored | Rejected) for each in results)

    def read(self, feed: Iterable[dict[str, Any]]) -> None:
        """Take what the feed has."""
        messages = [message_of(checked(RestMessage, raw), raw) for raw in feed]
        self._show(messages)
        asyncio.run(self._take([arrival(message) for message in messages], refresh=messages))

    async def _take(self, events: Iterable[Any], refresh: Iterable[Message] = ()) -> None:
        sync = Sync(self._chats, self._me, self._changes.extend)
        for event in events:
            if not (isinstance(event, MessageArrived) and is_change(event.message)):
                sync.take(event)
        for message in refresh:
            sync.refresh(message)
        sync._flush()  # what a timer does
        sync.close()

    def _show(self, messages: Iterable[Message]) -> None:
        for message in messages:
            for zone in ZONES:
                text = message_text(message, Style(self._me, seqs=True, zone=zone), NOW)
                assert_is_safe(text.replace("\n", ""))
                assert all(line.startswith("      ") for line in text.split("\n")[1:])
            json.loads(as_json(message.rest or {}))

    def draw(self) -> None:
        """Draw everything that the copy has, as the app does."""
        for row in self._chats.rows():
            entries = self._chats.newest(row.name, 1000).entries
            for before, entry in zip([None, *entries], entries, strict=False):
                self._draw(entry, before)
            self._chats.find(row.name, "night", (2**62, 2**62), 10)
            self._chats.choose("opened", row.name)
            for size in ((20, 8), (80, 24)):
                first_screen(snapshot(self._chats), self._me, size, UTC)
        self._chats.search_apart("\u0301", 10)

    def _draw(self, entry: Entry, before: Entry | None) -> None:
        from mqtt_client.app.widgets.message_view import _NAMES, _strip  # noqa: PLC0415  # Textual is slow to load

        styles = {name: CellStyle() for name in _NAMES}
        for width in WIDTHS:
            for unfolded in (frozenset[int](), frozenset({entry.arrival})):
                if unfolded and len(entry.body) > 4000 and width < 80:
                    continue
                lines = block(entry, before, Setting(width, self._me, ZONES[width % 3], unfolded=unfolded))
                for line in lines:
                    assert_is_safe(plain(line))
                    assert _strip(line, width, CellStyle(), styles).cell_length == width
        for text in (preview(entry, self._me), quote(entry)):
            assert_is_safe(text)
        for in_tmux in (False, True):
            sequence(Config(), entry, in_tmux=in_tmux)


def assert_is_safe(text: str) -> None:
    """See that a terminal would act on nothing in a text."""
    assert not any(each < " " or "\x7f" <= each <= "\x9f" or each in "\u2028\u2029\u202e\u2066" for each in text)
    text.encode()
