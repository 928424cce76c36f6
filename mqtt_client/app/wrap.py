"""Breaking a line into rows of so many cells: at blanks where it can be, never within a character. Pure."""

import re

from rich.cells import cell_len, split_graphemes

_WORD = re.compile(r"\S+|\s")


def wrapped(line: str, width: int) -> list[tuple[int, int]]:
    """Return where each row starts and ends; together the rows are the line.

    A row has at most `width` cells (2 at least), but for one blank that may hang over its end, and for a character
    that is wider than the row.
    """
    if len(line) <= width and line.isascii():
        return [(0, len(line))]
    rows: list[tuple[int, int]] = []
    start, used = 0, 0
    for match in _WORD.finditer(line):
        begin, end = match.span()
        cells = _cells(match[0])
        if used + cells <= width:
            used += cells
        elif match[0].isspace():
            rows.append((start, end))
            start, used = end, 0
        else:
            if begin > start:
                rows.append((start, begin))
            start, used = begin, cells
            if cells > width:
                *whole, (start, used) = _pieces(line, begin, end, width)
                rows += whole
    if start < len(line) or not rows:
        rows.append((start, len(line)))
    return rows


def _pieces(line: str, begin: int, end: int, width: int) -> list[tuple[int, int]]:
    """Cut a word that is too long: rows, and at last where the rest starts and how many cells it has."""
    pieces: list[tuple[int, int]] = []
    start, used = begin, 0
    for left, right, cells in _graphemes(line[begin:end]):
        if used and used + cells > width:
            pieces.append((start, begin + left))
            start, used = begin + left, 0
        used += cells
        del right
    return [*pieces, (start, used)]


def _graphemes(text: str) -> list[tuple[int, int, int]]:
    if text.isascii():
        return [(index, index + 1, 1) for index in range(len(text))]
    return split_graphemes(text)[0]


def _cells(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def fitted(text: str, width: int) -> str:
    """Cut or fill a text to exactly `width` cells; what was cut ends in an ellipsis."""
    cells = _cells(text)
    if cells <= width:
        return text + " " * (width - cells)
    if width < 1:
        return ""
    kept, used = 0, 0
    for _, right, size in _graphemes(text):
        if used + size > width - 1:
            break
        kept, used = right, used + size
    return text[:kept] + "…" + " " * (width - 1 - used)
