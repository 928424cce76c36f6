"""Ending in good order, for programs that have started others: these live on if nobody ends them."""

import signal
from types import FrameType


class InterruptedByUserError(KeyboardInterrupt):
    """A KeyboardInterrupt by another name.

    When one of that very type passes through `exec` of a text, as within the making of a dataclass, Python notes it as
    unhandled for good, and in the end kills itself whatever exit status it was given.
    """


def interrupt_once() -> None:
    """Raise KeyboardInterrupt at the first Ctrl-C, SIGTERM or hang-up; no other keeps one from clearing up."""
    for number in ending_signals():
        signal.signal(number, _interrupt)


def ending_signals() -> list[signal.Signals]:
    """List what asks a program to end; a hang-up only where it is not ignored, as it is under nohup."""
    hang_up = [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGINT, signal.SIGTERM, *hang_up]


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in ending_signals():
        signal.signal(number, signal.SIG_IGN)
    raise InterruptedByUserError
