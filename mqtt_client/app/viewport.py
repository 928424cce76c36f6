"""The part of a conversation that is on the screen. Pure: what it shows costs what fits on a screen, not what there is.

It stands on a message, not on a number of lines. So nothing moves when messages arrive, when older ones are put before
it, or when the width changes. At the end it stands on the end, and follows what arrives.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable

from mqtt_client.app.entries import Entry, Page
from mqtt_client.app.lines import Line

Layout = Callable[[Entry, Entry | None], list[Line]]
WINDOW_MOST = 3000
"""How many messages are held at once; scrolling on lets go of those at the other end."""
_SLACK = 200
Shown = tuple[int | None, Line]
"""The arrival of the message that a line belongs to, and the line."""


class Viewport:
    """A window of messages, and where in it the screen stands."""

    def __init__(self, layout: Layout) -> None:
        """`layout` lays a message out below the one before it."""
        self._layout = layout
        self._entries: list[Entry] = []
        self._here: set[int] = set()
        self._blocks: dict[int, tuple[Entry, Entry | None, list[Line]]] = {}
        # The topmost message, and how many of its lines are on the screen or below: what stands over its text may go.
        self._top: tuple[int, int] | None = None
        self.height = 1
        self.at_start = False
        self.at_end = True

    # What is there

    @property
    def entries(self) -> list[Entry]:
        """The messages of the window, ascending."""
        return self._entries

    @property
    def is_following(self) -> bool:
        """Whether the end is on the screen, and what arrives will be."""
        return self._top is None and self.at_end

    @property
    def wants_older(self) -> bool:
        """Whether the screen is near the beginning of what is there, and older ones are to be had."""
        # A message has a line at least, so what stands further off need not be laid out for this.
        wanted = 2 * self.height
        return not self.at_start and self._place()[0] < wanted and self._lines_above(wanted) < wanted

    @property
    def wants_newer(self) -> bool:
        """Whether the screen is near the end of what is there, and newer ones are to be had."""
        wanted = 3 * self.height
        below = len(self._entries) - 1 - self._place()[0]
        return not self.at_end and below < wanted and self._lines_from_top(wanted) < wanted

    def entry(self, arrival: int | None) -> Entry | None:
        """Find a message of the window."""
        return next((entry for entry in self._entries if entry.arrival == arrival), None)

    def find(self, arrival: int | None, step: int) -> Entry | None:
        """Find the message `step` further on than another; without one, begin at the end."""
        places = {entry.arrival: index for index, entry in enumerate(self._entries)}
        index = places.get(arrival, len(self._entries)) if arrival is not None else len(self._entries)
        wanted = min(max(index + step, 0), len(self._entries) - 1)
        return self._entries[wanted] if self._entries else None

    # Changing what is there

    def show(self, page: Page) -> None:
        """Begin anew with a page, at its end."""
        self._entries = list(page.entries)
        self._here = {entry.arrival for entry in page.entries}
        self._blocks.clear()
        self._top = None
        self.at_start, self.at_end = page.at_start, page.at_end

    def prepend(self, page: Page) -> None:
        """Put older messages before what is there."""
        self._stand()
        first = self._entries[0].key if self._entries else None
        # One that has gained its seq since stands earlier now, and is here already.
        older = [
            entry for entry in page.entries if entry.arrival not in self._here and (first is None or entry.key < first)
        ]
        self._entries[:0] = older
        self._here.update(entry.arrival for entry in older)
        self.at_start = page.at_start
        if self._top is not None and len(self._entries) > WINDOW_MOST:
            self._let_go(slice(WINDOW_MOST, None))
            self.at_end = False

    def append(self, page: Page) -> None:
        """Put newer messages after what is there."""
        self._stand()
        last = self._entries[-1].key if self._entries else None
        self._entries += [
            entry for entry in page.entries if entry.arrival not in self._here and (last is None or entry.key > last)
        ]
        self._here.update(entry.arrival for entry in page.entries)
        self.at_end = page.at_end
        if len(self._entries) > WINDOW_MOST:
            self._let_go(slice(len(self._entries) - WINDOW_MOST))
            self.at_start = False

    def merge(self, changed: Iterable[Entry]) -> None:
        """Take in messages that came or changed; those beyond the window's ends are left out."""
        for entry in changed:
            if self._replaced(entry):
                continue
            beyond = not self.at_end and (not self._entries or entry.key > self._entries[-1].key)
            before = not self.at_start and bool(self._entries) and entry.key < self._entries[0].key
            if beyond or before:
                continue
            if not self._entries or entry.key > self._entries[-1].key:
                self._entries.append(entry)
            else:
                self._entries.insert(bisect_left(self._entries, entry.key, key=lambda each: each.key), entry)
            self._here.add(entry.arrival)
        if self.is_following and len(self._entries) > WINDOW_MOST + _SLACK:
            self._let_go(slice(len(self._entries) - WINDOW_MOST))
            self.at_start = False

    def remove(self, arrival: int) -> None:
        """Take a message out."""
        self._drop(arrival)

    def forget_layout(self) -> None:
        """Lay everything out anew: the width, or what else a layout depends on, has changed."""
        self._blocks.clear()

    def forget_layout_of(self, is_meant: Callable[[Entry], bool]) -> None:
        """Lay some messages out anew."""
        self._blocks = {arrival: kept for arrival, kept in self._blocks.items() if not is_meant(kept[0])}

    # Moving

    def scroll(self, lines: int) -> None:
        """Move the screen by so many lines, down when positive, as far as there is something."""
        index, line = self._place()
        if not self._entries:
            return
        line += lines
        while line < 0 and index > 0:
            index -= 1
            line += len(self._block(index))
        line = max(0, line)
        while index < len(self._entries) - 1 and line >= len(self._block(index)):
            line -= len(self._block(index))
            index += 1
        self._stand_on(index, line)
        self._settle()

    def to_end(self) -> None:
        """Stand at the end."""
        self._top = None

    def to_start(self) -> None:
        """Stand at the beginning of what is there."""
        if self._entries:
            self._stand_on(0, 0)
            self._settle()

    def reveal(self, arrival: int) -> None:
        """Have a message on the screen; one that is not yet comes to a third of its height."""
        if any(each == arrival for each, _ in self.lines()):
            return
        index = next((index for index, each in enumerate(self._entries) if each.arrival == arrival), None)
        if index is not None:
            self._stand_on(index, 0)
            self.scroll(-(self.height // 3))

    def lines(self) -> list[Shown]:
        """Return what is on the screen: `height` lines, or fewer when there are no more."""
        shown = self._lines()
        if len(shown) < self.height and self._top is not None:
            # What was below has gone, or takes fewer lines now.
            self._top = None
            shown = self._lines()
        return shown

    def _lines(self) -> list[Shown]:
        shown: list[Shown] = []
        index, line = self._place()
        while index < len(self._entries) and len(shown) < self.height:
            arrival = self._entries[index].arrival
            part = self._block(index)[line : line + self.height - len(shown)]
            shown += [(arrival, each) for each in part]
            index, line = index + 1, 0
        return shown

    def _settle(self) -> None:
        """Stand at the end when nothing is below the screen."""
        if self._lines_from_top(self.height + 1) <= self.height:
            self._top = None

    def _stand(self) -> None:
        """Turn standing at the end into standing on a message, unless the end is to be followed."""
        if self._top is None and not self.at_end and self._entries:
            self._stand_on(*self._place())

    def _stand_on(self, index: int, line: int) -> None:
        self._top = (self._entries[index].arrival, len(self._block(index)) - line)

    def _place(self) -> tuple[int, int]:
        """Say which message's which line is the topmost on the screen."""
        if self._top is not None:
            arrival, rest = self._top
            index = next((index for index, each in enumerate(self._entries) if each.arrival == arrival), None)
            if index is not None:
                return index, max(0, len(self._block(index)) - rest)
            self._top = None
        missing = self.height
        for index in range(len(self._entries) - 1, -1, -1):
            size = len(self._block(index))
            if size >= missing:
                return index, size - missing
            missing -= size
        return 0, 0

    def _lines_above(self, most: int) -> int:
        index, line = self._place()
        while index > 0 and line < most:
            index -= 1
            line += len(self._block(index))
        return line

    def _lines_from_top(self, most: int) -> int:
        index, line = self._place()
        count = -line
        while index < len(self._entries) and count < most:
            count += len(self._block(index))
            index += 1
        return count

    def _block(self, index: int) -> list[Line]:
        entry, before = self._entries[index], self._entries[index - 1] if index else None
        known = self._blocks.get(entry.arrival)
        if known and known[0] is entry and known[1] is before:
            return known[2]
        lines = self._layout(entry, before)
        self._blocks[entry.arrival] = (entry, before, lines)
        return lines

    def _let_go(self, part: slice) -> None:
        for entry in self._entries[part]:
            self._here.discard(entry.arrival)
            self._blocks.pop(entry.arrival, None)
        del self._entries[part]

    def _replaced(self, entry: Entry) -> bool:
        """Put a message in the place of its earlier self; take that out when it stood elsewhere."""
        if entry.arrival not in self._here:
            return False
        for index in range(len(self._entries) - 1, -1, -1):
            if self._entries[index].arrival == entry.arrival:
                if self._entries[index].key == entry.key:
                    self._entries[index] = entry
                    return True
                self._drop(entry.arrival)
                return False
        return False

    def _drop(self, arrival: int) -> None:
        for index in range(len(self._entries) - 1, -1, -1):
            if self._entries[index].arrival == arrival:
                if self._top is not None and self._top[0] == arrival and index + 1 < len(self._entries):
                    self._stand_on(index + 1, 0)
                del self._entries[index]
                self._here.discard(arrival)
                self._blocks.pop(arrival, None)
                return
