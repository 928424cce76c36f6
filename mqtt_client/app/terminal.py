"""The terminal: the Alt keys of ordinary ones, one that goes away, and a screen that is drawn already."""

import os
import signal
from codecs import IncrementalDecoder, getincrementaldecoder
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Any, TextIO, cast

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.drivers import linux_driver
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


class Output:
    """Where the screen is written to. When that is gone, as after its window was closed, the app is told to end.

    Textual writes in a thread. An error would end that, and the app would then wait for it for ever.
    """

    def __init__(self, file: TextIO) -> None:
        """Take the terminal."""
        self._file = file
        self._is_gone = False

    def write(self, text: str) -> None:
        """Write, while there is a terminal."""
        if not self._is_gone:
            try:
                self._file.write(text)
            except OSError:
                self._gone()

    def flush(self) -> None:
        """Write what has gathered."""
        if not self._is_gone:
            try:
                self._file.flush()
            except OSError:
                self._gone()

    def fileno(self) -> int:
        """Return its number."""
        return self._file.fileno()

    def _gone(self) -> None:
        self._is_gone = True
        os.kill(os.getpid(), signal.SIGHUP)


def _forgiving_decoder(encoding: str) -> Callable[[], IncrementalDecoder]:
    return partial(getincrementaldecoder(encoding), errors="replace")


class TerminalDriver(LinuxDriver):
    """Textual's own, for terminals that may go away."""

    def start_application_mode(self) -> None:
        """Begin, at the start and after an editor."""
        if not isinstance(self._file, Output):
            self._file = cast("Any", Output(cast("TextIO", self._file)))
        super().start_application_mode()  # type: ignore[no-untyped-call]  # it is Textual's

    def run_input_thread(self) -> None:
        """Read keys. What is no UTF-8, as from a paste or a terminal of another locale, is a replacement character.

        Textual would end the app, and has no setting for it.
        """
        cast("Any", linux_driver).getincrementaldecoder = _forgiving_decoder
        super().run_input_thread()

    def _sigcont_application(self, *_: object) -> None:
        # A terminal that goes away sends it too, and Textual would then begin a second time.
        if self._must_signal_resume:
            super()._sigcont_application()


class TakingOverDriver(TerminalDriver):
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
