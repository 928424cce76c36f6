"""Reads the ledgers of a run back, conversation by conversation, for the verdict."""

from collections.abc import Iterator, Sequence

from scripts.faults.ledger import read_ledger
from scripts.faults.people import Person, Places
from scripts.faults.queries import stored_between
from scripts.faults.verdict import Began, Cut, Row, Sent, Shown, Stray, Truth, View


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
            case ["put", _, id_, digest]:
                sent.append(Sent(id_, digest))
            case ["not", _, id_] if sent and sent[-1].id == id_:
                sent.pop()
            case _:
                pass  # "in", for the sender itself; or torn by a kill, and so nothing was put into the outbox
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
            case ["shown", conversation, sender, id_, _, digest]:
                view.append(Shown(conversation.removeprefix("direct:"), sender, id_, digest))
            case ["stray", what]:
                view.append(Stray(what))
            case _:
                pass  # torn by a kill: it was not shown
    return view


def read_pages(places: Places, person: str) -> list[Row]:
    """Read what a paging reader got."""
    return [
        Row(int(line[1]), line[2], line[3], line[4])
        for line in read_ledger(places.ledger(person, "paged"))
        if len(line) == 5
    ]
