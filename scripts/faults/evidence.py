"""Reads the ledgers of a run back, conversation by conversation, for the verdict."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from scripts.faults.errors import FaultsError
from scripts.faults.facts import (
    Absence,
    Asked,
    Began,
    Cut,
    End,
    Entry,
    Linked,
    Row,
    Sent,
    Shown,
    Span,
    Stray,
    Truth,
    Unasked,
    View,
)
from scripts.faults.ledger import REFUSED, read_ledger
from scripts.faults.people import Person, Places, circles_of
from scripts.faults.queries import spans_of, stored_between, stored_in


def truths(places: Places, people: Sequence[Person], database_url: str) -> Iterator[Truth]:
    """Gather all that is known of each conversation, one after the other."""
    for circle in circles_of(people):
        names = [person.name for person in circle]
        absences = {name: read_absences(places, name) for name in names}
        yield Truth(
            conversations={person.name: str(person.conversation) for person in circle},
            sent={name: read_sent(places, name) for name in names},
            archive=archive_of(database_url, circle[0]),
            shown={name: read_view(places, name) for name in names},
            paged={name: read_pages(places, name) for name in names},
            absences=absences,
            spans=spans_of_absent(database_url, circle, absences),
        )


def archive_of(database_url: str, person: Person) -> list[Row]:
    """Read a person's conversation from the archive."""
    if person.group:
        return stored_in(database_url, person.group)
    return stored_between(database_url, person.name, person.others[0])


def spans_of_absent(
    database_url: str, circle: Sequence[Person], absences: dict[str, list[Absence]]
) -> dict[str, list[Span]]:
    """Read from the archive what those may read who were removed."""
    absent = [person for person in circle if absences[person.name]]
    return {person.name: spans_of(database_url, person.group, person.name) for person in absent}


def read_sent(places: Places, person: str) -> list[Sent]:
    """Read what a person put into the outbox; a line whose message never got there is taken back by a later one."""
    sent: dict[str, Sent] = {}
    for line in read_ledger(places.ledger(person, "sent")):
        match line:
            case ["put", _, id_, digest, at]:
                sent[id_] = Sent(id_, digest, float(at))
            case ["not", _, id_] if sent and next(reversed(sent)) == id_:
                del sent[id_]
            case ["left", id_, at, how, _]:
                sent[id_] = replace(sent[id_], left_at=float(at), refused=how == REFUSED)
            case _:
                pass  # "in" and "waited", for the sender itself
    return list(sent.values())


def read_view(places: Places, person: str) -> View:
    """Read what a person was shown."""
    view: list[Entry] = []
    for line in read_ledger(places.ledger(person, "shown")):
        match line:
            case ["began"]:
                view.append(Began())
            case ["cut", sender, id_]:
                view.append(Cut(sender, id_))
            case ["shown", conversation, sender, id_, seq, digest, _]:
                view.append(Shown(conversation, sender, id_, digest, int(seq)))
            case ["linked", at]:
                view.append(Linked(float(at)))
            case ["unasked"]:
                view.append(Unasked())
            case ["asked"]:
                view.append(Asked())
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


def read_absences(places: Places, person: str) -> list[Absence]:
    """Read when somebody was no member of their group."""
    return [Absence(*map(float, line)) for line in read_ledger(places.ledger(person, "absent"))]


def read_pages(places: Places, person: str) -> list[Row]:
    """Read what a paging reader got."""
    return [
        Row(int(line[1]), line[2], line[3], line[4])
        for line in read_ledger(places.ledger(person, "paged"))
        if len(line) == 5
    ]
