"""Messages and conversations for tests of the app."""

from typing import Any

from mqtt_client.app.entries import PENDING, Entry, Mark, Row
from mqtt_client.app.storage import Incoming

TEN = 1_767_261_600.0
"""2026-01-01 10:00 UTC."""


def an_entry(text: str = "hello", **changes: Any) -> Entry:
    """Make a message of bob's, the tenth, but for the changes."""
    named: dict[str, Any] = {
        "arrival": 10,
        "conversation": "direct:bob",
        "sender": "bob",
        "id": f"id-{changes.get('arrival', 10)}",
        "content_type": "text/plain; charset=utf-8",
        "body": text.encode(errors="surrogatepass"),
        "sent_at": TEN,
        "mark": Mark.NONE,
        **changes,
    }
    seq = named.setdefault("seq", named["arrival"])
    return Entry(**{"place": PENDING if seq is None else seq, **named})


def an_incoming(number: int, text: str = "", **changes: Any) -> Incoming:
    """Make a message with bob, to be kept."""
    named: dict[str, Any] = {
        "conversation": "direct:bob",
        "sender": "bob",
        "id": f"00000000-0000-7000-8000-{number:012d}",
        "content_type": "text/plain; charset=utf-8",
        "body": (text or f"message {number}").encode(),
        "sent_at": TEN + number,
        "seq": number,
        **changes,
    }
    return Incoming(**named)


def a_row(who: str, **changes: Any) -> Row:
    """Make a conversation."""
    return Row(f"direct:{who}", who, **changes)
