"""Snippets: the part of a text around what a search found, with that marked. No I/O."""

import re
from collections.abc import Sequence
from typing import Final

BEGIN: Final = "\ue000"
END: Final = "\ue001"
"""What stands before and after each match: characters for private use. A text's own are left out of its snippet."""
_LENGTH: Final = 160
_BEFORE: Final = 40
_CUT: Final = "…"
_BLANKS: Final = re.compile(r"\s+")
_MARKS: Final = str.maketrans("", "", BEGIN + END)


def snippet(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """Cut out some 160 characters of a text from shortly before the first match, each match in it marked.

    `spans` are (start, end) of the matches in ascending order. White space becomes one blank; a cut end is an ellipsis.
    Of a match that is longer itself the beginning is shown.
    """
    if spans:
        (from_, to), *others = spans
        spans = [(from_, min(to, from_ + _LENGTH)), *others]
    first = spans[0][0] if spans else 0
    start = 0 if len(text) <= _LENGTH or first <= _BEFORE else _word_border(text, first - _BEFORE, first)
    end = min(len(text), start + _LENGTH)
    end = max(end, spans[0][1]) if spans else end
    pieces, at = [], start
    for from_, to in spans:
        if to > end:
            break
        pieces += [_plain(text[at:from_]), BEGIN, _plain(text[from_:to]), END]
        at = to
    pieces.append(_plain(text[at:end]))
    return f"{_CUT if start else ''}{''.join(pieces)}{_CUT if end < len(text) else ''}"


def _plain(text: str) -> str:
    return _BLANKS.sub(" ", text.translate(_MARKS))


def _word_border(text: str, earliest: int, latest: int) -> int:
    """Find the first place after white space; the earliest when there is none."""
    blank = re.compile(r"\s").search(text, earliest, latest)
    return blank.end() if blank else earliest
