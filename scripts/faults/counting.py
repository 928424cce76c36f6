"""What there is to be found out once everything is sent: whether all is shown, and what the verdict is."""

from scripts.faults.evidence import archive_of, read_absences, read_view, spans_of_absent, truths
from scripts.faults.facts import EVERYTHING, Shown, may_read
from scripts.faults.people import Person, circles_of
from scripts.faults.queries import count_dead_letters, stored_elsewhere
from scripts.faults.verdict import Verdict, judge
from scripts.faults.world import World


class Screens:
    """What everybody has to be shown, as soon as nothing is on its way any more."""

    def __init__(self, world: World) -> None:
        """Look what was sent and what may be read. Raises FaultsError."""
        standings = world.standings()
        self._world = world
        self._counts: dict[str, int] = {}
        self._messages: dict[str, set[tuple[str, str]]] = {}
        for person in world.people:
            if any(read_absences(world.places, name) for name in person.everybody):
                self._messages[person.name] = _readable(world, person)
            else:
                self._counts[person.name] = sum(standings[name].put for name in person.everybody)

    def are_full(self) -> bool:
        """Whether all of it has been shown. Where somebody was removed numbers do not say it, but ledgers."""
        standings = self._world.standings()
        return all(standings[name].shown >= count for name, count in self._counts.items()) and all(
            messages <= self._shown(name) for name, messages in self._messages.items()
        )

    def _shown(self, person: str) -> set[tuple[str, str]]:
        view = read_view(self._world.places, person)
        return {(entry.sender, entry.id) for entry in view if isinstance(entry, Shown)}


def judge_messages(world: World) -> Verdict:
    """Count everything that became of messages. Raises FaultsError."""
    url = world.stack.database_url
    verdict = Verdict()
    for truth in truths(world.places, world.people, url):
        verdict.merge(judge(truth))
    pairs = [circle[0].everybody for circle in circles_of(world.people) if not circle[0].group]
    for row in stored_elsewhere(url, pairs, {person.group for person in world.people if person.group}):
        verdict.add("delivered to someone else", f"{row.id} of {row.sender}, seq {row.seq}")
    removed = [(each.group, each.name) for each in world.people if read_absences(world.places, each.name)]
    verdict.counts["refused by the archive"] = count_dead_letters(url, removed)
    return verdict


def _readable(world: World, person: Person) -> set[tuple[str, str]]:
    url, absences = world.stack.database_url, {person.name: read_absences(world.places, person.name)}
    spans = spans_of_absent(url, [person], absences).get(person.name, EVERYTHING)
    return {(row.sender, row.id) for row in archive_of(url, person) if may_read(spans, row.seq)}
