"""The broker's own counter of messages that it dropped, over all its lives in a run. Pure."""


class Drops:
    """Adds up what is told of a counter that begins at 0 with each start of the broker.

    A REST service that was started later than the broker hears of the counter only when it grows, so no answer means
    that it has not grown since.
    """

    def __init__(self) -> None:
        self._before = 0
        self._now = 0
        self.was_told = False

    @property
    def total(self) -> int:
        """All messages dropped, as far as was told."""
        return self._before + self._now

    def note(self, counter: int | None) -> None:
        """Take the counter as it is now; None when nothing is known of it."""
        self.was_told = self.was_told or counter is not None
        self._now = max(self._now, counter or 0)

    def begin_anew(self) -> None:
        """Note that the broker is about to start again."""
        self._before, self._now = self.total, 0
