"""Ledgers: what a killed process has done, and what its next run makes of it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from mqtt_client.store import Outgoing, Result, Store
from mqtt_client.wakeup import WakeUps
from scripts.faults.bodies import body_of
from scripts.faults.control import Orders, write_orders
from scripts.faults.evidence import read_pages, read_sent, read_view
from scripts.faults.ledger import Ledger, digest, read_ledger
from scripts.faults.orders import Desk
from scripts.faults.people import Person, Places
from scripts.faults.sender import Sender
from scripts.faults.verdict import Began, Cut, Row, Sent, Shown, Stray
from scripts.faults.viewer import Viewer

ANNA = Person("anna", "bert", "client-0", 10)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Make the files of a run."""
    (tmp_path / "ledgers").mkdir()
    write_orders(tmp_path / "orders.json", Orders())
    return Places(tmp_path)


@pytest.fixture
def resumed(places: Places) -> Callable[[Store], Sender]:
    """Return a function that starts anna's sender over a store, as after a kill."""

    def start(store: Store) -> Sender:
        sender = Sender(ANNA, 1, Desk(ANNA.client, places), places)
        sender.resume(store)
        return sender

    return start


def write(path: Path, *lines: str) -> None:
    """Write a ledger by hand."""
    path.write_text("".join(line.replace(" ", "\t") + "\n" for line in lines))


def outgoing(id_: str) -> Outgoing:
    """Make a message for an outbox."""
    return Outgoing(id_, "bert", "text/plain", "2026-01-31T12:00:00.000Z", b"hello")


def test_a_message_that_a_kill_kept_from_the_outbox_was_not_sent_and_its_number_is_used_again(
    places: Places, resumed: Callable[[Store], Sender]
) -> None:
    write(places.ledger("anna", "sent"), "put 1 id-1 d1", "put 2 id-2 d2")
    with Store(places.root / "store.db") as store:
        store.post(outgoing("id-1"))
        assert (resumed(store).put, resumed(store).waiting) == (1, 1)
    assert read_sent(places, "anna") == [Sent("id-1", "d1")]


@pytest.mark.parametrize("is_settled", [False, True])
def test_a_message_that_got_into_the_outbox_before_the_kill_was_sent(
    places: Places, resumed: Callable[[Store], Sender], *, is_settled: bool
) -> None:
    write(places.ledger("anna", "sent"), "put 1 id-1 d1")
    with Store(places.root / "store.db") as store:
        store.post(outgoing("id-1"))
        if is_settled:
            store.take([Result("id-1", 5, None)], [])
        sender = resumed(store)
    assert (sender.put, sender.waiting) == (1, 0 if is_settled else 1)
    assert read_sent(places, "anna") == [Sent("id-1", "d1")]


def test_a_message_that_the_outbox_had_taken_and_lost_was_sent(
    places: Places, resumed: Callable[[Store], Sender]
) -> None:
    write(places.ledger("anna", "sent"), "put 1 id-1 d1", "in 1", "put 2 id-2 d2", "in 2")
    with Store(places.root / "store.db") as store:
        store.post(outgoing("id-1"))
        assert resumed(store).put == 2
    assert read_sent(places, "anna") == [Sent("id-1", "d1"), Sent("id-2", "d2")]


def test_what_is_sent_stands_in_the_ledger_before_and_after_the_outbox_takes_it(places: Places) -> None:
    write_orders(places.orders, Orders(rate=100.0))
    with Store(places.root / "store.db") as store:
        asyncio.run(send_a_little(places, store))
        taken = [id_ for id_, _ in store.outbox()]
    lines = list(read_ledger(places.ledger("anna", "sent")))
    assert [line[0] for line in lines] == ["put", "in"] * len(taken)
    assert [line[2] for line in lines[::2]] == taken
    assert [line[1] for line in lines[1::2]] == [line[1] for line in lines[::2]]


async def send_a_little(places: Places, store: Store) -> None:
    """Let anna send some messages."""
    async with WakeUps(places.root / "pipes") as wakeups:
        sender = Sender(ANNA, 1, Desk(ANNA.client, places), places)
        sending = asyncio.create_task(sender.run(store, wakeups))
        while not sender.put:  # noqa: ASYNC110  # the sender tells nobody
            await asyncio.sleep(0.01)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


def test_a_new_run_says_which_of_the_last_showings_have_no_record(places: Places) -> None:
    path = places.ledger("anna", "shown")
    write(
        path,
        "began",
        "shown direct:bert bert id-1 0 d1",
        "shown direct:bert bert id-2 7 d2",
        "shown direct:bert bert id-3 8 d3",
    )
    with Store(places.root / "store.db") as store:
        store.show([("bert", "id-1")])
        store.move_cursor("*", 7)
        Viewer(ANNA, places).resume(store)
    assert read_view(places, "anna") == [
        Began(),
        Shown("bert", "bert", "id-1", "d1"),
        Shown("bert", "bert", "id-2", "d2"),
        Shown("bert", "bert", "id-3", "d3"),
        Began(),
        Cut("bert", "id-3"),
    ]


def test_a_line_that_a_kill_has_torn_does_not_count_nor_spoil_the_next(places: Places) -> None:
    path = places.ledger("anna", "paged")
    path.write_text("paged\t5\tbert\tid-1\td1\npaged\t6\tbe")
    ledger = Ledger(path)
    ledger.write("paged", 6, "bert", "id-2", "d2")
    ledger.close()
    assert read_pages(places, "anna") == [Row(5, "bert", "id-1", "d1"), Row(6, "bert", "id-2", "d2")]


def test_what_is_not_ours_is_read_back_as_a_stray(places: Places) -> None:
    write(places.ledger("anna", "shown"), "began", "stray users/carl/inbox/dora")
    assert read_view(places, "anna") == [Began(), Stray("users/carl/inbox/dora")]


def test_bodies_follow_from_the_seed_and_are_all_different_and_allowed() -> None:
    bodies = [body_of(1, "anna", "bert", number) for number in range(5000)]
    assert bodies[:100] == [body_of(1, "anna", "bert", number) for number in range(100)]
    assert len({digest(body) for body in bodies}) == 5000
    assert max(len(body) for body in bodies) == 65_536
    assert any(not is_text(body) for body in bodies)


def is_text(body: bytes) -> bool:
    """Whether it is UTF-8."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
