"""The list of conversations: its order, and who comes next. Pure."""

from collections.abc import Iterable

from mqtt_client.app.entries import Row


class Roster:
    """Conversations, the one with the newest message first."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        """Begin with some."""
        self._by_name = {row.name: row for row in rows}
        self.rows: tuple[Row, ...] = self._sorted()

    def update(self, rows: Iterable[Row]) -> None:
        """Take in conversations that came or changed."""
        self._by_name.update({row.name: row for row in rows})
        self.rows = self._sorted()

    def get(self, name: str | None) -> Row | None:
        """Find one by its name."""
        return self._by_name.get(name) if name else None

    def group_named(self, text: str) -> Row | None:
        """Find the group by whose `#title` a text begins, as a whole word; the longest title, in whatever case."""
        wanted = text.casefold()
        found = [
            row
            for row in self.rows
            if row.is_group and (wanted == row.label.casefold() or wanted.startswith(f"{row.label.casefold()} "))
        ]
        return max(found, key=lambda row: len(row.label), default=None)

    @property
    def unread(self) -> int:
        """How many messages are unread in all."""
        return sum(row.unread for row in self.rows)

    @property
    def users(self) -> tuple[str, ...]:
        """The users that one has conversations with, the newest first."""
        return tuple(row.who for row in self.rows if row.name.startswith("direct:"))

    def step(self, name: str | None, by: int) -> Row | None:
        """Find the one `by` places further down the list, around its end."""
        if not self.rows:
            return None
        places = {row.name: index for index, row in enumerate(self.rows)}
        index = places.get(name or "", -by if by > 0 else 0)
        return self.rows[(index + by) % len(self.rows)]

    def next_unread(self, name: str | None) -> Row | None:
        """Find the next one with unread messages after another, around the end of the list; muted ones come last."""
        index = next((index for index, row in enumerate(self.rows) if row.name == name), -1)
        around = [*self.rows[index + 1 :], *self.rows[: index + 1]]
        waiting = [row for row in around if row.unread and row.name != name]
        return min(waiting, key=lambda row: row.muted, default=None)

    def _sorted(self) -> tuple[Row, ...]:
        return tuple(sorted(self._by_name.values(), key=lambda row: row.newest, reverse=True))


def matching(rows: Iterable[Row], wanted: str) -> list[Row]:
    """Find conversations whose name has the wanted characters in that order; the closest match first."""
    scored = [(score, row) for row in rows if (score := _score(row.label.casefold(), wanted.casefold())) is not None]
    return [row for _, row in sorted(scored, key=lambda pair: pair[0])]


def _score(name: str, wanted: str) -> tuple[int, int] | None:
    """Say how far apart the characters stand, and where they begin; None when one is missing."""
    place, first = -1, -1
    gaps = 0
    for sign in wanted:
        found = name.find(sign, place + 1)
        if found < 0:
            return None
        if first < 0:
            first = found
        else:
            gaps += found - place - 1
        place = found
    return gaps, max(first, 0)
