"""The terminal: the Alt keys of ordinary ones, and taking a screen over that is drawn already."""

from enum import StrEnum
from typing import cast

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.drivers.linux_driver import LinuxDriver
from textual.keys import Keys

_OTHER_SCREEN = "\x1b[?1049h"


class AltKey(StrEnum):
    """A key together with Alt."""

    ONE = "alt+1"
    TWO = "alt+2"
    THREE = "alt+3"
    FOUR = "alt+4"
    FIVE = "alt+5"
    SIX = "alt+6"
    SEVEN = "alt+7"
    EIGHT = "alt+8"
    NINE = "alt+9"
    ENTER = "alt+enter"


def teach_alt_keys() -> None:
    """Have Textual know Alt with a digit and Alt+Enter in terminals without the newer key protocol, such as tmux.

    Without it Alt+2 types a trade mark sign. Textual has no setting for it, only its table.
    """
    table = cast("dict[str, tuple[Keys, ...] | str]", ANSI_SEQUENCES_KEYS)
    for key in AltKey:
        last = "\r" if key is AltKey.ENTER else key.value[-1]
        table[f"\x1b{last}"] = (cast("Keys", key),)


class TakingOverDriver(LinuxDriver):
    """Does not switch to the other screen of the terminal at first: the first screen stands there already.

    To switch again would clear it. After an editor has been opened it has to be switched to.
    """

    _has_begun = False

    def write(self, data: str) -> None:
        """Write to the terminal."""
        if not self._has_begun and _OTHER_SCREEN in data:
            self._has_begun = True
            data = data.replace(_OTHER_SCREEN, "")
        super().write(data)
