"""Who takes part in a run: pairs and groups, who writes with whom, and where each keeps its things."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mqtt_client.profile import Profile
from wire.conversations import Conversation, direct, group

CONVERSATIONS = 20
GROUP_SIZES = (3, 4, 5, 6)
"""Members of each of the conversations that are groups."""
CLIENTS = 5
"""Processes; each has the sessions of several people, and the two sides of a conversation are in two of them."""
_FIRST_NAMES = ("anna", "bert", "cleo", "dora", "emil", "fina")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in one conversation, with `others`. `quota` is how many messages they send.

    A group has a title, and an id once it is made. Its first member, who has the first of its names, owns it.
    """

    name: str
    others: tuple[str, ...]
    client: str
    quota: int
    title: str = ""
    group: str = ""

    @property
    def everybody(self) -> tuple[str, ...]:
        """Name all who are in the conversation, in an order that is the same for all of them."""
        return tuple(sorted((self.name, *self.others)))

    @property
    def conversation(self) -> Conversation:
        """Name the conversation, as this person does."""
        return group(self.group) if self.title else direct(self.others[0])


@dataclass(frozen=True, slots=True)
class Places:
    """The files of a run."""

    root: Path

    @property
    def orders(self) -> Path:
        """What the clients are to do."""
        return self.root / "orders.json"

    def plan(self, client: str) -> Path:
        """What a client process has to know at its start."""
        return self.root / f"{client}.plan.json"

    def standings(self, client: str) -> Path:
        """What a client process tells."""
        return self.root / f"{client}.standings.json"

    def log(self, name: str) -> Path:
        """What a client process says."""
        return self.root / "log" / f"{name}.log"

    def ledger(self, person: str, kind: str) -> Path:
        """A person's ledger: `sent`, `shown`, `paged` or `absent`; of a client process: `ended`."""
        return self.root / "ledgers" / f"{person}.{kind}"

    def profile(self, person: str, name: str) -> Profile:
        """A login of a person."""
        directory = self.root / "people" / person
        return Profile(name, directory / name, directory / f"{name}.json")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a client process has to know."""

    client: str
    seed: int
    people: tuple[Person, ...]


def make_people(messages: int) -> tuple[Person, ...]:
    """Share the messages out among all who are in any conversation; the last conversations are groups."""
    pairs = CONVERSATIONS - len(GROUP_SIZES)
    sizes = [2] * pairs + list(GROUP_SIZES)
    share, rest = divmod(messages, sum(sizes))
    people: list[Person] = []
    for number, size in enumerate(sizes):
        names = [f"{first}-{number:02}" for first in _FIRST_NAMES[:size]]
        title = f"group {number:02}" if number >= pairs else ""
        for turn, name in enumerate(names):
            others = tuple(other for other in names if other != name)
            client = (number + turn * (1 + number // CLIENTS % (CLIENTS - 1))) % CLIENTS
            people.append(Person(name, others, f"client-{client}", share + (len(people) < rest), title))
    return tuple(people)


def circles_of(people: Sequence[Person]) -> list[tuple[Person, ...]]:
    """Gather those who are in one conversation, in the order of `people`."""
    circles: dict[tuple[str, ...], tuple[Person, ...]] = {}
    for person in people:
        circles[person.everybody] = (*circles.get(person.everybody, ()), person)
    return list(circles.values())


def write_plan(path: Path, plan: Plan) -> None:
    """Write it down for a process."""
    path.write_text(json.dumps(asdict(plan)))


def read_plan(path: Path) -> Plan:
    """Read what `write_plan` wrote."""
    content = json.loads(path.read_text())
    people = (Person(**{**person, "others": tuple(person["others"])}) for person in content["people"])
    return Plan(content["client"], content["seed"], tuple(people))
