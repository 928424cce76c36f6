"""Ledgers: what a killed process has done, and what its next run makes of it."""

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mqtt_client.events import Message, MessageArrived
from mqtt_client.store import Outgoing, Result, Store
from mqtt_client.wakeup import WakeUps
from scripts.faults.bodies import body_of
from scripts.faults.control import Orders, write_orders
from scripts.faults.evidence import longest_wait, read_pages, read_sent, read_view
from scripts.faults.facts import Asked, Began, Cut, Linked, Row, Sent, Shown, Stray, Unasked
from scripts.faults.ledger import Ledger, digest, read_ledger, read_tail
from scripts.faults.orders import Desk
from scripts.faults.people import Person, Places
from scripts.faults.sender import Sender
from scripts.faults.viewer import Viewer
from wire.conversations import direct

ANNA = Person("anna", ("bert",), "client-0", 10)


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
    return Outgoing(id_, direct("bert"), "text/plain", "2026-01-31T12:00:00.000Z", b"hello")


def test_a_message_that_a_kill_kept_from_the_outbox_was_not_sent_and_its_number_is_used_again(
    places: Places, resumed: Callable[[Store], Sender]
) -> None:
    write(places.ledger("anna", "sent"), "put 1 id-1 d1 5.0", "in 1", "put 2 id-2 d2 6.0")
    with Store(places.root / "store.db") as store:
        store.post(outgoing("id-1"))
        assert (resumed(store).put, resumed(store).waiting) == (1, 1)
    assert read_sent(places, "anna") == [Sent("id-1", "d1", 5.0)]


@pytest.mark.parametrize("is_settled", [False, True])
def test_a_message_that_got_into_the_outbox_before_the_kill_was_sent(
    places: Places, resumed: Callable[[Store], Sender], *, is_settled: bool
) -> None:
    write(places.ledger("anna", "sent"), "put 1 id-1 d1 5.0")
    with Store(places.root / "store.db") as store:
        store.post(outgoing("id-1"))
        if is_settled:
            store.take([Result("id-1", 5, None)], [])
        sender = resumed(store)
    assert (sender.put, sender.waiting) == (1, 0 if is_settled else 1)
    (sent,) = read_sent(places, "anna")
    assert sent == Sent("id-1", "d1", 5.0, sent.left_at)
    assert math.isfinite(sent.left_at) == is_settled


def test_what_was_refused_before_a_kill_or_during_it_is_written_anew(
    places: Places, resumed: Callable[[Store], Sender]
) -> None:
    lines = [f"put {number} id-{number} d{number} 5.0" for number in (1, 2, 3)]
    write(places.ledger("anna", "sent"), *lines, "in 3", "left id-1 6.0 refused 1")
    with Store(places.root / "store.db") as store:
        for number in (2, 3):
            store.post(outgoing(f"id-{number}"))
        store.take([Result("id-2", None, "not_a_member")], [])
        sender = resumed(store)
    assert (sender.put, sender.count, sender.waiting) == (3, 1, 1)
    assert [(sent.id, sent.refused) for sent in read_sent(places, "anna")] == [
        ("id-1", True),
        ("id-2", True),
        ("id-3", False),
    ]


def test_a_message_that_the_outbox_had_taken_and_lost_was_sent(
    places: Places, resumed: Callable[[Store], Sender]
) -> None:
    write(places.ledger("anna", "sent"), "put 1 id-1 d1 5.0", "in 1", "put 2 id-2 d2 6.0", "in 2")
    with Store(places.root / "store.db") as store:
        store.post(outgoing("id-1"))
        assert resumed(store).put == 2
    assert read_sent(places, "anna") == [Sent("id-1", "d1", 5.0), Sent("id-2", "d2", 6.0)]


def test_of_messages_that_go_into_the_outbox_together_all_are_taken_back_or_none(
    places: Places, resumed: Callable[[Store], Sender]
) -> None:
    path = places.ledger("anna", "sent")
    together = ("put 2 id-2 d2 6.0", "put 3 id-3 d3 6.0")
    write(path, "put 1 id-1 d1 5.0", "in 1", *together)
    with Store(places.root / "store.db") as store:
        assert resumed(store).put == 1
        assert read_sent(places, "anna") == [Sent("id-1", "d1", 5.0)]
        write(path, "put 1 id-1 d1 5.0", "in 1", *together)
        store.post(outgoing("id-3"))
        assert resumed(store).put == 3
    assert len(read_sent(places, "anna")) == 3, "an outbox that took a part of them has lost the rest"


def test_a_kill_between_the_lines_that_take_messages_back_leaves_them_to_the_next_run(
    places: Places, resumed: Callable[[Store], Sender]
) -> None:
    write(places.ledger("anna", "sent"), "put 1 id-1 d1 5.0", "put 2 id-2 d2 5.0", "not 2 id-2")
    with Store(places.root / "store.db") as store:
        assert resumed(store).put == 0
    assert read_sent(places, "anna") == []


def test_the_longest_wait_for_a_receipt_is_kept_over_a_kill(places: Places) -> None:
    write(places.ledger("anna", "sent"), "put 1 id-1 d1 5.0", "in 1", "waited 1.50", "waited 7.25")
    assert longest_wait(places, [ANNA]) == 7.25


def test_a_long_ledger_is_read_from_its_last_whole_lines(places: Places) -> None:
    path = places.ledger("anna", "sent")
    write(path, *(f"in {number}" for number in range(1000)))
    assert list(read_tail(path, 13)) == [["in", "999"]]
    assert list(read_tail(path, 14)) == [["in", "998"], ["in", "999"]]
    assert len(list(read_tail(path, 10**6))) == 1000


def test_a_second_showing_after_a_kill_does_not_count_as_progress(places: Places) -> None:
    write(places.ledger("anna", "shown"), "began", "shown direct:bert bert id-1 0 d1 1")
    with Store(places.root / "store.db") as store:
        viewer = Viewer(ANNA, places)
        viewer.resume(store)
    again = Message(direct("bert"), "bert", "id-1", "text/plain", b"hello", datetime.now(UTC))
    for _ in range(2):
        viewer._show(MessageArrived(again))  # the part that does not need a server
    assert viewer.count == 2, "once it is excused"


def test_what_is_sent_stands_in_the_ledger_before_and_after_the_outbox_takes_it(places: Places) -> None:
    write_orders(places.orders, Orders(rate=100.0))
    with Store(places.root / "store.db") as store:
        asyncio.run(send_a_little(places, store))
        taken = [id_ for id_, _ in store.outbox()]
    lines = list(read_ledger(places.ledger("anna", "sent")))
    assert [line[2] for line in lines if line[0] == "put"] == taken
    assert (lines[0][0], lines[-1]) == ("put", ["in", str(len(taken))])


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
        "shown direct:bert bert id-1 0 d1 1",
        "shown direct:bert bert id-2 7 d2 2",
        "shown direct:bert bert id-3 8 d3 3",
    )
    with Store(places.root / "store.db") as store:
        store.show([("bert", "id-1")])
        store.move_cursor("*", 7)
        Viewer(ANNA, places).resume(store)
    assert read_view(places, "anna") == [
        Began(),
        Shown("direct:bert", "bert", "id-1", "d1", 0),
        Shown("direct:bert", "bert", "id-2", "d2", 7),
        Shown("direct:bert", "bert", "id-3", "d3", 8),
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
    write(places.ledger("anna", "shown"), "began", "linked 5.25", "stray users/carl/inbox/dora", "unasked", "asked")
    expected = [Began(), Linked(5.25), Stray("users/carl/inbox/dora"), Unasked(), Asked()]
    assert read_view(places, "anna") == expected


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
