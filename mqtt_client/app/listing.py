"""How the list of conversations looks, line by line. Pure."""

from mqtt_client.app.entries import Row
from mqtt_client.app.wrap import fitted
from mqtt_client.text import visible

LIST_WIDTH = 22
"""Cells of the list, its border included."""
WIDE_ENOUGH = 50
"""Cells of a screen that has room for the list."""
_NUMBERED = 9
_COUNT_MOST = 999


def row_parts(row: Row, index: int, width: int, *, is_open: bool) -> tuple[str, str, str, str]:
    """Write a conversation in exactly `width` cells: its number, its name, a sign, and how many messages are unread."""
    number = f"{index + 1} " if index < _NUMBERED else "  "
    count = f" {row.unread if row.unread <= _COUNT_MOST else f'{_COUNT_MOST}+'}" if row.unread else ""
    sign = "!" if row.failed else "~" if row.draft and not is_open else " "
    name = fitted(visible(row.title), max(1, width - len(number) - len(count) - len(sign)))
    return number, name, sign, count


def row_style(row: Row) -> str:
    """Name the style of a conversation's name."""
    if row.muted:
        return "muted"
    return "unread" if row.unread else ""
