"""Archive receipts: proof that a message is stored, or why it is not (contract, section 4)."""

import json
from collections.abc import Iterable, Sequence
from json.encoder import encode_basestring
from typing import NamedTuple

from wire.conversations import Conversation, parse_conversation
from wire.message import REJECT_REASONS, RejectReason
from wire.names import is_username

SEQ_MAX = 2**63 - 1


class Stored(NamedTuple):
    """The message is in the archive, as number `seq`; `conversation` is named from the reader's side."""

    id: str
    seq: int
    conversation: Conversation
    sender: str


class Rejected(NamedTuple):
    """The message is refused for good. `id` is as its sender wrote it, or the one the archiver gave it."""

    id: str
    reason: RejectReason


Receipt = Stored | Rejected


class Watermark(NamedTuple):
    """How far a user has got in a conversation, as that user's devices are told: highest seqs, 0 for none."""

    conversation: Conversation
    delivered: int
    read: int


def stored_entry(message_id: str, seq: int, conversation: str, sender: str) -> str:
    """Write one entry of a payload: a message is stored; the conversation is named as its reader sees it."""
    return (
        f'{{"id":{encode_basestring(message_id)},"seq":{seq},"conversation":"{conversation}",'
        f'"sender":"{sender}","status":"stored"}}'
    )


def rejected_entry(message_id: str, reason: RejectReason) -> str:
    """Write one entry of a payload: a message is refused."""
    return f'{{"id":{encode_basestring(message_id)},"status":"rejected","reason":"{reason}"}}'


def watermark_entry(watermark: Watermark) -> str:
    """Write one entry of a payload: a user's markers in a conversation have moved."""
    conversation, delivered, read = watermark
    return f'{{"conversation":"{conversation}","delivered":{delivered},"read":{read}}}'


def encode_entries(entries: Iterable[str], watermarks: Iterable[str] = ()) -> bytes:
    """Write the payload of one publication from its entries; the key `markers` is there if there are watermarks."""
    messages, markers = ",".join(entries), ",".join(watermarks)
    more = f',"markers":[{markers}]' if markers else ""
    return f'{{"messages":[{messages}]{more}}}'.encode()


def decode_receipts(payload: bytes) -> list[Receipt]:
    """Read the receipts in such a payload; entries that are none, or are of a kind not known yet, are left out."""
    return [receipt for receipt in map(_from_json, _entries(payload, "messages")) if receipt is not None]


def decode_watermarks(payload: bytes) -> list[Watermark]:
    """Read the watermarks in such a payload; entries that are none are left out."""
    return [watermark for watermark in map(_watermark_from_json, _entries(payload, "markers")) if watermark is not None]


def split_entries(entries: Sequence[str], most: int = 500) -> list[Sequence[str]]:
    """Cut a long list into parts of at most `most`, so that no publication grows past what a device accepts."""
    return [entries[start : start + most] for start in range(0, len(entries), most)]


def _entries(payload: bytes, key: str) -> list[object]:
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError):
        return []
    entries = content.get(key) if isinstance(content, dict) else None
    return entries if isinstance(entries, list) else []


def _watermark_from_json(entry: object) -> Watermark | None:
    match entry:
        case {"conversation": str(name), "delivered": int(delivered), "read": int(read)}:
            conversation = parse_conversation(name)
            if conversation and all(0 <= seq <= SEQ_MAX and not isinstance(seq, bool) for seq in (delivered, read)):
                return Watermark(conversation, delivered, read)
    return None


def _from_json(entry: object) -> Receipt | None:
    if not isinstance(entry, dict) or not _is_text(entry.get("id")):
        return None
    if entry.get("status") == "rejected":
        reason = entry.get("reason")
        return Rejected(entry["id"], reason) if isinstance(reason, str) and reason in REJECT_REASONS else None  # type: ignore[arg-type]  # narrowed by the set
    return _stored_from_json(entry) if entry.get("status") == "stored" else None


def _is_text(value: object) -> bool:
    """Whether it is a text without half a character, which nobody could keep."""
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def _stored_from_json(entry: dict[str, object]) -> Stored | None:
    match entry:
        case {"id": str(id_), "seq": int(seq), "conversation": str(name), "sender": str(sender)}:
            conversation = parse_conversation(name)
            if conversation and 0 < seq <= SEQ_MAX and not isinstance(seq, bool) and is_username(sender):
                return Stored(id_, seq, conversation, sender)
    return None
