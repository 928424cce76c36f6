"""A message: a body, and the MQTT 5 properties that describe it (contract, section 3)."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Final, Literal, NamedTuple, NewType, get_args

from wire.names import is_shown_name
from wire.times import format_time, parse_time

BODY_MAX: Final = 64 * 1024
"""Bytes of a body."""
USER_PROPERTIES_MAX: Final = 4 * 1024
"""Bytes of all user property names and values together."""
CONTENT_TYPE_MAX: Final = 255
"""Characters of a content type."""
REACTION_MAX: Final = 64
"""Bytes of the body of a reaction."""
TEXT: Final = "text/plain; charset=utf-8"
BINARY: Final = "application/octet-stream"

MessageId = NewType("MessageId", str)
"""A UUID in its canonical spelling: 36 characters, lower case."""
Relation = Literal["reply", "edit", "retract", "reaction", "thread"]
RejectReason = Literal["unknown_recipient", "not_a_member", "too_large", "id_conflict", "malformed", "bad_relation"]
RELATIONS: Final[frozenset[str]] = frozenset(get_args(Relation))
REJECT_REASONS: Final[frozenset[str]] = frozenset(get_args(RejectReason))

_ONCE: Final[Mapping[str, RejectReason]] = {
    "id": "malformed",
    "relation": "bad_relation",
    "relates-to": "bad_relation",
}
_UUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\Z", re.ASCII)
_MEDIA_TYPE = re.compile(r"[!-~]+/[!-~]+(?:[ \t]*;[ -~\t]*)?\Z", re.ASCII)


class RefusedError(Exception):
    """The message breaks the contract; `reason` is what its receipt and its dead letter say."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        """Give the reason of the contract, and a sentence for the dead letter."""
        super().__init__(detail)
        self.reason: RejectReason = reason


class Envelope(NamedTuple):
    """What describes a body. Absent things are None: the archive, or `default_content_type`, supplies them."""

    id: MessageId | None = None
    content_type: str | None = None
    sent_at: datetime | None = None
    relation: Relation | None = None
    relates_to: MessageId | None = None


def parse_uuid(text: str) -> MessageId | None:
    """Read a UUID in its 36-character form, in either case; None for every other spelling."""
    if not _UUID.match(text):
        return None
    lower = text.lower()
    return MessageId(text if text == lower else lower)  # nearly all are, and one string is enough


def default_content_type(body: bytes) -> str:
    """Name the media type of a body whose sender named none."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return BINARY
    return TEXT


def is_textual(content_type: str) -> bool:
    """Whether a media type is `text/*` or JSON, `application/…+json` too; parameters do not matter."""
    essence = content_type.partition(";")[0].strip().lower()
    main, _, sub = essence.partition("/")
    return main == "text" or essence == "application/json" or sub.endswith("+json")


def is_reaction(body: bytes) -> bool:
    """Whether a body can be a reaction: UTF-8 of 1 to `REACTION_MAX` bytes without control characters."""
    try:
        return 0 < len(body) <= REACTION_MAX and is_shown_name(body.decode(), REACTION_MAX)
    except UnicodeDecodeError:
        return False


def read_message(body: bytes, content_type: str | None, user_properties: Sequence[tuple[str, str]]) -> Envelope:
    """Check a received message and read its envelope.

    Raises RefusedError with `too_large`, `malformed` or `bad_relation`. Whether ids it relates to exist is not
    known here.
    """
    if len(body) > BODY_MAX:
        raise RefusedError("too_large", f"the body has {len(body)} bytes, {BODY_MAX} are allowed")
    if _properties_size(user_properties) > USER_PROPERTIES_MAX:
        raise RefusedError("too_large", f"the user properties have more than {USER_PROPERTIES_MAX} bytes")
    named = _by_name(user_properties)
    message_id = _read_id(named)
    relation, relates_to = _read_relation(named)
    if content_type is not None and not _is_media_type(content_type):
        raise RefusedError("malformed", "the content type is no media type")
    if bool(body) == (relation == "retract"):
        raise RefusedError("malformed", "a retraction has no body" if body else "the body is empty")
    if relation == "reaction" and not is_reaction(body):
        raise RefusedError("malformed", f"a reaction is a text of at most {REACTION_MAX} bytes")
    return Envelope(message_id, content_type, _read_sent_at(named), relation, relates_to)


def user_properties(envelope: Envelope) -> list[tuple[str, str]]:
    """Write an envelope's user properties; the content type travels as a property of its own."""
    named: list[tuple[str, str | None]] = [
        ("id", envelope.id),
        ("sent-at", format_time(envelope.sent_at) if envelope.sent_at else None),
        ("relation", envelope.relation),
        ("relates-to", envelope.relates_to),
    ]
    return [(name, value) for name, value in named if value is not None]


def claimed_id(properties: Sequence[tuple[str, str]]) -> str | None:
    """Return the `id` as its sender wrote it, for the receipt of a message that is refused; the first of several."""
    return next((value for name, value in properties if name == "id"), None)


def _by_name(properties: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return properties by name. Of those with a meaning none may stand there twice; a repeated `sent-at` is none."""
    named = dict(properties)
    if len(named) < len(properties):
        repeated = Counter(name for name, _ in properties)
        for name, reason in _ONCE.items():
            if repeated[name] > 1:
                raise RefusedError(reason, f"the user property {name} stands there {repeated[name]} times")
        if repeated["sent-at"] > 1:
            del named["sent-at"]
    return named


def _properties_size(properties: Sequence[tuple[str, str]]) -> int:
    """Return the size in bytes, exact if it may be more than what is allowed: a character has at most four bytes."""
    characters = 0
    for name, value in properties:  # a quarter of the time that `sum` takes
        characters += len(name) + len(value)
    most = 4 * characters
    return most if most <= USER_PROPERTIES_MAX else len("".join(chain.from_iterable(properties)).encode())


def _read_id(named: Mapping[str, str]) -> MessageId | None:
    text = named.get("id")
    if text is None:
        return None
    message_id = parse_uuid(text)
    if message_id is None:
        raise RefusedError("malformed", "the id is no UUID")
    return message_id


def _read_sent_at(named: Mapping[str, str]) -> datetime | None:
    text = named.get("sent-at")
    return None if text is None else parse_time(text)


def _read_relation(named: Mapping[str, str]) -> tuple[Relation | None, MessageId | None]:
    relation, target = named.get("relation"), named.get("relates-to")
    if relation is None and target is None:
        return None, None
    if relation is None or target is None:
        raise RefusedError("bad_relation", "relation and relates-to go together")
    if relation not in RELATIONS:
        raise RefusedError("bad_relation", "the relation is of no known kind")
    relates_to = parse_uuid(target)
    if relates_to is None:
        raise RefusedError("bad_relation", "relates-to is no UUID")
    kind: Relation = relation  # type: ignore[assignment]  # narrowed by the set of the Literal's own values
    return kind, relates_to


def _is_media_type(text: str) -> bool:
    return len(text) <= CONTENT_TYPE_MAX and _MEDIA_TYPE.match(text) is not None
