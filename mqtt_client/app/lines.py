"""Laying messages out: days, senders, wrapped text and marks, as lines of styled spans. Pure."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import pairwise

from rich.cells import cell_len

from mqtt_client.app.entries import Entry, Mark
from mqtt_client.app.markup import Styled, styled
from mqtt_client.app.wrap import fitted, wrapped
from mqtt_client.text import shortened, visible, visible_lines

GROUP_SECONDS = 300
"""Messages of one sender that are not further apart stand under one name."""
RETRACTED = "(retracted)"
FOLD_ROWS = 200
"""Rows of a message that are shown at first: it may have 65,536."""
_PREVIEW = 80
_INDENT = "  "
_REACTION_ROWS = 3
_REACTED_NAMED = 3
_REACTIONS_MOST = 50
_MARKS = {"": "", "sending": " …", "stored": " ✓", "delivered": " ✓✓", "read": " ✓✓ read", "rejected": " ✗"}
_REASONS = {
    "unknown_recipient": "there is no such user",
    "not_a_member": "you are no member",
    "too_large": "it is too large",
    "id_conflict": "another message has its id",
    "malformed": "the archive could not read it",
    "bad_relation": "what it relates to is not there",
}


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a line: text, the names of its styles, and the address it leads to."""

    text: str
    styles: tuple[str, ...] = ()
    link: str = ""


Line = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """What a layout depends on beside the messages.

    `resend` and `unfold` name the keys that send a rejected message again, and show all of a long one; `unfolded` are
    the arrivals of those that are shown whole. `their_delivered` and `their_read` are the seqs up to which the other
    side of a direct conversation has got.
    """

    width: int
    me: str
    zone: tzinfo | None = None
    unread_from: int | None = None
    resend: str = "Ctrl+R"
    unfold: str = "Alt+V"
    unfolded: frozenset[int] = frozenset()
    their_delivered: int = 0
    their_read: int = 0


def block(entry: Entry, before: Entry | None, setting: Setting) -> list[Line]:
    """Lay one message out below the one before it."""
    lines: list[Line] = []
    moment = local(entry.sent_at, setting.zone)
    earlier = local(before.sent_at, setting.zone) if before else None
    is_new_day = earlier is None or earlier.date() != moment.date()
    if is_new_day:
        lines.append(_ruled(moment.strftime("%A, %d %B %Y"), "day", setting.width))
    is_unread_line = entry.arrival == setting.unread_from
    if is_unread_line:
        lines.append(_ruled("new", "unread", setting.width))
    if is_new_day or is_unread_line or not _continues(entry, before):
        if not (is_new_day or is_unread_line):
            lines.append(())
        style = "me" if entry.sender == setting.me else "sender"
        lines.append((Span(visible(entry.sender), (style,)), Span(f" {moment:%H:%M}", ("time",))))
    if entry.quote:
        lines.append(_quoted(entry.quote, setting))
    lines += _body(entry, setting)
    if entry.reactions:
        lines += _reactions(entry, setting)
    if entry.mark is Mark.REJECTED:
        reason = _REASONS.get(entry.reason, visible(entry.reason) or "rejected")
        said = f"not sent: {reason}. {setting.resend} sends it again"
        lines += [(Span(_INDENT + said[start:end], ("error",)),) for start, end in wrapped(said, _room(setting))]
    return lines


def local(timestamp: float, zone: tzinfo | None) -> datetime:
    """Read a time by the clock on the wall (`zone`, or the machine's); what it has not got is shown as in UTC."""
    try:
        return datetime.fromtimestamp(timestamp, UTC).astimezone(zone)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(min(max(timestamp, 0.0), 253402300799.0), UTC)


def shown_text(entry: Entry, most: int | None = None) -> list[str]:
    """Write a body, or its first `most` characters, as lines that are safe to show.

    What is no text is named by its type and size.
    """
    is_plain = entry.relation in {None, "reply", "thread"}
    relation = "" if is_plain else f"[{visible(entry.relation or '')}] "
    if entry.retracted_at is not None or not entry.body:
        return [RETRACTED if is_plain else relation.rstrip()]
    if not entry.is_text:
        return [f"{relation}[{visible(entry.content_type)}, {len(entry.body)} bytes]"]
    first, *rest = visible_lines(entry.text if most is None else entry.text[:most])
    return [relation + first, *rest]


def quote(entry: Entry) -> str:
    """Write a line of a message for those that answer it."""
    return shortened(f"{visible(entry.sender)}: {shown_text(entry, _PREVIEW)[0]}", _PREVIEW)


def reach(entry: Entry, setting: Setting) -> str:
    """Say how far a message of our own has come."""
    if entry.mark is Mark.STORED and entry.seq is not None and entry.retracted_at is None:
        if entry.seq <= setting.their_read:
            return "read"
        if entry.seq <= setting.their_delivered:
            return "delivered"
    return str(entry.mark)


def preview(entry: Entry, me: str) -> str:
    """Write the beginning of a message for the list of conversations."""
    text = shown_text(entry, _PREVIEW)[0]
    return f"you: {text}" if entry.sender == me else text


def plain(line: Line) -> str:
    """Return a line's characters."""
    return "".join(span.text for span in line)


def _room(setting: Setting) -> int:
    return max(2, setting.width - len(_INDENT) - 2)


def _continues(entry: Entry, before: Entry | None) -> bool:
    return (
        before is not None
        and before.sender == entry.sender
        and before.mark is not Mark.REJECTED
        and -GROUP_SECONDS <= entry.sent_at - before.sent_at <= GROUP_SECONDS
    )


def _body(entry: Entry, setting: Setting) -> list[Line]:
    lines: list[Line] = []
    is_text = entry.is_text and bool(entry.body) and entry.retracted_at is None
    is_whole = entry.arrival in setting.unfolded
    texts = entry.text.split("\n", FOLD_ROWS)[:FOLD_ROWS] if is_text and not is_whole else []
    most = None if is_whole else min(_room(setting) * FOLD_ROWS, sum(map(len, texts)) + FOLD_ROWS)
    for text in shown_text(entry, most if is_text else None):
        if len(lines) > FOLD_ROWS and not is_whole:
            break
        coming = deque(styled(text) if is_text else [])
        here: list[Styled] = []
        for start, end in wrapped(text, _room(setting)):
            here = [part for part in here if part.end > start]
            while coming and coming[0].start < end:
                here.append(coming.popleft())
            spans = _spans(text, start, end, here) if is_text else [Span(text[start:end], ("notice",))]
            lines.append((Span(_INDENT), *spans))
    if most is not None and is_text and (len(lines) > FOLD_ROWS or len(entry.text) > most):
        lines[FOLD_ROWS:] = [(Span(f"{_INDENT}… it goes on: {setting.unfold} shows all of it", ("notice",)),)]
    ending = _ending(entry, setting)
    if ending:
        if cell_len(plain(lines[-1])) + sum(cell_len(span.text) for span in ending) > setting.width:
            lines.append((Span(_INDENT[:-1]),))
        lines[-1] = (*lines[-1], *ending)
    return lines


def _ending(entry: Entry, setting: Setting) -> list[Span]:
    """Write what stands behind a message: whether it was edited, and how far it has come."""
    is_edited = entry.edited_at is not None and entry.retracted_at is None
    mark = reach(entry, setting)
    parts = [Span(" (edited)", ("time",)) if is_edited else Span(""), Span(_MARKS[mark], (mark,))]
    return [part for part in parts if part.text]


def _quoted(text: str, setting: Setting) -> Line:
    start, end = wrapped(text, max(2, _room(setting) - 3))[0]
    is_cut = end < len(text)
    return (Span(f"{_INDENT}│ {text[start:end].rstrip()}{'…' if is_cut else ''}", ("quote",)),)


def _reactions(entry: Entry, setting: Setting) -> list[Line]:
    """Write who reacted what in a few rows: names while they are few, else how many."""
    parts = []
    for reaction, names in entry.reactions[:_REACTIONS_MOST]:
        who = ", ".join(visible(name) for name in names) if len(names) <= _REACTED_NAMED else str(len(names))
        parts.append(f"{visible(reaction)} {who}")
    said = "  ".join(parts)
    rows = wrapped(said, _room(setting))
    shown: list[Line] = [(Span(_INDENT + said[start:end], ("reaction",)),) for start, end in rows[:_REACTION_ROWS]]
    if len(rows) > _REACTION_ROWS or len(entry.reactions) > _REACTIONS_MOST:
        shown[-1] = (*shown[-1], Span("…", ("reaction",)))
    return shown


def _spans(text: str, start: int, end: int, here: Sequence[Styled]) -> list[Span]:
    """Cut one row of a line into spans of one look each; `here` is what is styled in it."""
    if not here:
        return [Span(text[start:end])]
    edges = sorted({start, end, *(min(max(edge, start), end) for part in here for edge in (part.start, part.end))})
    spans: list[Span] = []
    for left, right in pairwise(edges):
        over = [part for part in here if part.start <= left and part.end >= right]
        link = next((text[part.start : part.end] for part in over if part.kind == "link"), "")
        styles = tuple(dict.fromkeys(part.kind for part in over))
        spans.append(Span(text[left:right], styles, link))
    return spans


def _ruled(text: str, style: str, width: int) -> Line:
    room = max(0, width - len(text) - 2)
    return (Span(fitted(f"{'─' * (room // 2)} {text} {'─' * (room - room // 2)}", width), (style,)),)
