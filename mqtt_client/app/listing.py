"""How the list of conversations looks, line by line. Pure."""

from collections.abc import Mapping

from mqtt_client.app.entries import Row
from mqtt_client.app.wrap import fitted
from mqtt_client.text import visible

LIST_WIDTH = 22
"""Cells of the list, its border included."""
WIDE_ENOUGH = 50
"""Cells of a screen that has room for the list."""
_NUMBERED = 9
PRESENCE: Mapping[str, str] = {"online": "●", "away": "◐"}
"""The signs of those who are there; others have none."""
_COUNT_MOST = 999


def row_parts(row: Row, index: int, width: int, *, is_open: bool, presence: str = "") -> tuple[str, str, str, str, str]:
    """Write a conversation in exactly `width` cells.

    These are its number, whether it is a group's or somebody is there, its name, a sign, and how many messages are
    unread.
    """
    number = f"{index + 1} " if index < _NUMBERED else "  "
    count = f" {row.unread if row.unread <= _COUNT_MOST else f'{_COUNT_MOST}+'}" if row.unread else ""
    sign = "!" if row.failed else "~" if row.draft and not is_open else " "
    mark = "#" if row.is_group else PRESENCE.get(presence, " ")
    name = fitted(visible(row.title), max(1, width - len(number) - len(mark) - len(count) - len(sign)))
    return number, mark, name, sign, count


def row_style(row: Row) -> str:
    """Name the style of a conversation's name."""
    if row.muted:
        return "muted"
    return "unread" if row.unread else ""
