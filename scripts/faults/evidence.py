"""Reads the ledgers of a run back, conversation by conversation, for the verdict."""

from collections.abc import Iterator, Sequence

from scripts.faults.errors import FaultsError
from scripts.faults.ledger import read_ledger
from scripts.faults.people import Person, Places
from scripts.faults.queries import stored_between
from scripts.faults.verdict import Began, Cut, End, Row, Sent, Shown, Stray, Truth, View


def truths(places: Places, people: Sequence[Person], database_url: str) -> Iterator[Truth]:
    """Gather all that is known of each conversation, one after the other."""
    for left, right in zip(people[::2], people[1::2], strict=True):
        pair = (left.name, right.name)
        yield Truth(
            people=pair,
            sent={name: read_sent(places, name) for name in pair},
            archive=stored_between(database_url, *pair),
            shown={name: read_view(places, name) for name in pair},
            paged=[read_pages(places, name) for name in pair],
        )


def read_sent(places: Places, person: str) -> list[Sent]:
    """Read what a person put into the outbox; a line whose message never got there is taken back by a later one."""
    sent: list[Sent] = []
    for line in read_ledger(places.ledger(person, "sent")):
        match line:
            case ["put", _, id_, digest, _]:
                sent.append(Sent(id_, digest))
            case ["not", _, id_] if sent and sent[-1].id == id_:
                sent.pop()
            case _:
                pass  # "in" and "waited", for the sender itself
    return sent


def read_view(places: Places, person: str) -> View:
    """Read what a person was shown."""
    view: list[Began | Cut | Shown | Stray] = []
    for line in read_ledger(places.ledger(person, "shown")):
        match line:
            case ["began"]:
                view.append(Began())
            case ["cut", sender, id_]:
                view.append(Cut(sender, id_))
            case ["shown", conversation, sender, id_, _, digest, _]:
                view.append(Shown(conversation.removeprefix("direct:"), sender, id_, digest))
            case ["stray", what]:
                view.append(Stray(what))
            case _:
                raise FaultsError(f"the ledger of {person} has a line that nobody writes: {line}")
    return view


def longest_wait(places: Places, people: Sequence[Person]) -> float:
    """Read how many seconds a message waited at most from the outbox to its receipt."""
    ledgers = (read_ledger(places.ledger(person.name, "sent")) for person in people)
    return max((float(line[1]) for lines in ledgers for line in lines if line[0] == "waited"), default=0.0)


def read_ends(places: Places, client: str) -> list[End]:
    """Read which of a client's commands ended by themselves."""
    return [End(*line) for line in read_ledger(places.ledger(client, "ended"))]


def read_pages(places: Places, person: str) -> list[Row]:
    """Read what a paging reader got."""
    return [
        Row(int(line[1]), line[2], line[3], line[4])
        for line in read_ledger(places.ledger(person, "paged"))
        if len(line) == 5
    ]
