"""The inbox: at once when idle, larger batches under load."""

import asyncio
from typing import cast
from uuid import uuid4

from archiver.batch import BATCH_BYTES, WAITING_BYTES, Batch, Inbox
from archiver.connection import Connection
from archiver.delivery import Delivery, Origin
from archiver.letters import Item, read_delivery

NOBODY = cast("Connection", object())
ORIGIN = Origin("archiver.1", 1, resumed=False)


def item(number: int, size: int = 1, received_at: int = 0) -> Item:
    """Make an item with a body of this size."""
    delivery = Delivery(number, number, False, "users/bob/inbox/alice", bytes(size), None, [], received_at)
    return read_delivery(delivery, uuid4)


def inbox(rows: int = 3, linger: float = 600.0, now: int = 0, most: int = 100) -> Inbox:
    """Make an inbox with a connection."""
    made = Inbox(rows, linger, lambda: now, most)
    made.open(NOBODY, ORIGIN)
    return made


def numbers(batch: Batch | None) -> list[int]:
    """Name the deliveries of a batch."""
    assert batch
    return [taken.delivery.number for taken in batch.items]


async def test_when_idle_the_first_delivery_is_taken_at_once() -> None:
    box = inbox()
    taking = asyncio.ensure_future(box.take())
    await asyncio.sleep(0)
    await box.put([item(1)])
    assert numbers(await asyncio.wait_for(taking, 60)) == [1]


async def test_under_load_it_waits_until_a_batch_is_full() -> None:
    box = inbox()
    await box.put([item(1)])
    taking = asyncio.ensure_future(box.take())
    await asyncio.sleep(0.01)
    assert not taking.done()
    await box.put([item(2)])
    await box.put([item(3)])
    assert numbers(await asyncio.wait_for(taking, 60)) == [1, 2, 3]


async def test_a_few_that_came_while_the_last_batch_was_stored_are_taken_at_once() -> None:
    box = inbox(rows=2000, most=2000)
    await box.put([item(number) for number in range(1, 100)])
    assert len(numbers(await asyncio.wait_for(box.take(), 5))) == 99
    await box.put([item(number) for number in range(1, 101)])
    taking = asyncio.ensure_future(box.take())
    await asyncio.sleep(0.01)
    assert not taking.done()
    taking.cancel()


async def test_under_load_it_does_not_wait_for_more_than_there_is_room_for() -> None:
    box = inbox(rows=100, most=3)
    putting = asyncio.ensure_future(box.put([item(number) for number in range(1, 6)]))
    await asyncio.sleep(0)
    assert numbers(await asyncio.wait_for(box.take(), 5)) == [1, 2, 3, 4, 5]
    await asyncio.wait_for(putting, 60)


async def test_under_load_it_waits_no_longer_than_the_linger_of_the_oldest() -> None:
    box = inbox(linger=0.02, now=1_000_000)
    await box.put([item(1, received_at=980_000)])
    assert numbers(await asyncio.wait_for(box.take(), 0.015)) == [1]
    await box.put([item(2, received_at=1_000_000)])
    assert numbers(await asyncio.wait_for(box.take(), 5)) == [2]


async def test_a_clock_that_was_set_back_does_not_prolong_the_wait() -> None:
    box = inbox(linger=0.01, now=0)
    await box.put([item(1, received_at=10**12)])
    assert numbers(await asyncio.wait_for(box.take(), 5)) == [1]


async def test_a_batch_has_no_more_than_its_rows_and_the_rest_follows() -> None:
    box = inbox(linger=0)
    for number in range(1, 6):
        await box.put([item(number)])
    assert numbers(await box.take()) == [1, 2, 3]
    assert numbers(await box.take()) == [4, 5]
    assert len(box) == 0


async def test_large_bodies_make_small_batches_and_one_too_large_goes_alone() -> None:
    box = inbox(linger=0)
    for number, size in ((1, BATCH_BYTES // 2), (2, BATCH_BYTES // 2), (3, 1)):
        await box.put([item(number, size)])
    assert numbers(await box.take()) == [1, 2]
    await box.put([item(4, BATCH_BYTES + 1)])
    assert numbers(await box.take()) == [3]
    assert numbers(await box.take()) == [4]


async def test_a_new_connection_forgets_what_came_over_the_old_one() -> None:
    box = inbox(linger=0)
    await box.put([item(1)])
    other = Origin("archiver.1", 2, resumed=True)
    box.open(NOBODY, other)
    await box.put([item(2)])
    batch = await box.take()
    assert numbers(batch) == [2]
    assert batch
    assert batch.origin == other


async def test_once_ended_it_gives_out_nothing_even_to_who_waits() -> None:
    box = inbox()
    taking = asyncio.ensure_future(box.take())
    await asyncio.sleep(0)
    box.end()
    assert await asyncio.wait_for(taking, 60) is None
    await box.put([item(1)])
    box.forget()
    assert await asyncio.wait_for(box.take(), 5) is None


async def test_a_cancelled_take_loses_nothing() -> None:
    box = inbox(linger=600)
    await box.put([item(1)])
    taking = asyncio.ensure_future(box.take())
    await asyncio.sleep(0.01)
    taking.cancel()
    await box.put([item(2)])
    await box.put([item(3)])
    assert numbers(await asyncio.wait_for(box.take(), 5)) == [1, 2, 3]


async def test_beyond_its_bound_it_takes_nothing_more_until_there_is_room() -> None:
    box = inbox(linger=0, most=4)
    await box.put([item(number) for number in range(1, 4)])
    putting = asyncio.ensure_future(box.put([item(4), item(5)]))
    await asyncio.sleep(0.01)
    assert not putting.done()
    assert numbers(await box.take()) == [1, 2, 3]
    await asyncio.wait_for(putting, 60)
    assert numbers(await box.take()) == [4, 5]


async def test_few_large_bodies_fill_it_too() -> None:
    box = inbox(linger=0, most=100)
    putting = asyncio.ensure_future(box.put([item(1, WAITING_BYTES), item(2)]))
    await asyncio.sleep(0.01)
    assert not putting.done()
    assert numbers(await box.take()) == [1]
    await asyncio.wait_for(putting, 60)


async def test_whoever_waits_for_room_goes_on_when_the_connection_ends() -> None:
    box = inbox(linger=0, most=1)
    putting = asyncio.ensure_future(box.put([item(1)]))
    await asyncio.sleep(0.01)
    box.forget()
    await asyncio.wait_for(putting, 60)
