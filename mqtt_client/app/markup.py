"""Markdown-lite: which parts of a line are bold, italic, code or a link. It only styles; every character stays. Pure.

The time is linear in the length of the line, whatever stands in it: others write these lines.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal

Kind = Literal["bold", "italic", "code", "link"]

_TOKEN = re.compile(r"(?P<link>\b(?:https?|ftp)://[^\s<>\"`]+)|(?P<mark>`+|\*\*|\*|_)")
_KINDS: dict[str, Kind] = {"**": "bold", "*": "bold", "_": "italic"}
_AFTER_LINK = ".,;:!?'"
_AFTER_LINK_MOST = 8
_PAIRS = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class Styled:
    """A part of a line, marks included."""

    start: int
    end: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class _Mark:
    start: int
    end: int
    text: str
    opens: bool
    closes: bool


def styled(line: str) -> list[Styled]:
    """Find what is styled in one line, by where it starts; parts may lie within each other."""
    if not any(sign in line for sign in ("*", "_", "`", "://")):
        return []
    marks, links = _scan(line)
    found: list[Styled] = []
    code_starts: list[int] = []
    code_ends: list[int] = []
    closers = _closers(marks)
    until = dict.fromkeys(_KINDS, 0)
    index = 0
    while index < len(marks):
        mark, closer = marks[index], closers[index]
        index += 1
        if closer is None or not mark.opens:
            continue
        end = marks[closer].end
        if mark.text.startswith("`"):
            found.append(Styled(mark.start, end, "code"))
            code_starts.append(mark.start)
            code_ends.append(end)
            index = closer + 1
        elif mark.start >= until[mark.text] and marks[closer].start > mark.end:
            found.append(Styled(mark.start, end, _KINDS[mark.text]))
            until[mark.text] = end
    for link in links:
        before = bisect_right(code_starts, link.start) - 1
        if before < 0 or code_ends[before] <= link.start:
            found.append(link)
    return sorted(found, key=lambda part: (part.start, -part.end))


def _scan(line: str) -> tuple[list[_Mark], list[Styled]]:
    marks: list[_Mark] = []
    links: list[Styled] = []
    for match in _TOKEN.finditer(line):
        if match["link"]:
            links.append(Styled(match.start(), match.start() + len(_trimmed(match["link"])), "link"))
            continue
        before = line[match.start() - 1] if match.start() else " "
        after = line[match.end()] if match.end() < len(line) else " "
        is_code = match[0].startswith("`")
        opens = is_code or (not after.isspace() and not before.isalnum())
        closes = is_code or (not before.isspace() and not after.isalnum())
        marks.append(_Mark(match.start(), match.end(), match[0], opens, closes))
    return marks, links


def _closers(marks: list[_Mark]) -> list[int | None]:
    """Say for each mark which later one would close it."""
    nearest: dict[str, int] = {}
    closers: list[int | None] = [None] * len(marks)
    for index in range(len(marks) - 1, -1, -1):
        mark = marks[index]
        closers[index] = nearest.get(mark.text)
        if mark.closes:
            nearest[mark.text] = index
    return closers


def _trimmed(link: str) -> str:
    """Leave out what follows a link in a sentence: a full stop, a bracket that was opened before it."""
    for _ in range(_AFTER_LINK_MOST):
        last = link[-1]
        if last in _AFTER_LINK or (last in _PAIRS and link.count(last) > link.count(_PAIRS[last])):
            link = link[:-1]
        else:
            break
    return link
