"""Who takes part in a run: the two sides of each conversation, and where each keeps its things."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from mqtt_client.profile import Profile

CONVERSATIONS = 20
CLIENTS = 5
"""Processes; each has the sessions of several people, and the two sides of a conversation are in two of them."""


@dataclass(frozen=True, slots=True)
class Person:
    """One side of a conversation. `quota` is how many messages it sends."""

    name: str
    other: str
    client: str
    quota: int


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
        """A person's ledger: `sent`, `shown` or `paged`; of a client process: `ended`."""
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
    """Share the messages out among both sides of all conversations."""
    pairs = [(f"anna-{number:02}", f"bert-{number:02}") for number in range(CONVERSATIONS)]
    share, rest = divmod(messages, 2 * CONVERSATIONS)
    people = []
    for number, (left, right) in enumerate(pairs):
        first = number % CLIENTS
        second = (first + 1 + number // CLIENTS % (CLIENTS - 1)) % CLIENTS
        people.append(Person(left, right, f"client-{first}", share + (2 * number < rest)))
        people.append(Person(right, left, f"client-{second}", share + (2 * number + 1 < rest)))
    return tuple(people)


def write_plan(path: Path, plan: Plan) -> None:
    """Write it down for a process."""
    path.write_text(json.dumps(asdict(plan)))


def read_plan(path: Path) -> Plan:
    """Read what `write_plan` wrote."""
    content = json.loads(path.read_text())
    return Plan(content["client"], content["seed"], tuple(Person(**person) for person in content["people"]))
