"""What comes in over one connection."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Iterable
from typing import Self, cast
from uuid import uuid4

from aiomqtt import PublishPacket, QoS

from archiver.backoff import Backoff
from archiver.batch import Batch, Inbox
from archiver.connection import Connection
from archiver.intake import Intake
from archiver.status import Status
from wire import topics


class Scripted:
    """A connection that brings some packets, and then nothing more."""

    identifier = "archiver.1"
    session_present = False

    def __init__(self, *reads: list[PublishPacket]) -> None:
        self._reads = reads

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave nothing behind."""

    async def subscribe_to(self, _filters: Iterable[str]) -> None:
        """Be subscribed."""

    async def incoming(self) -> AsyncGenerator[list[PublishPacket], None]:
        """Yield what each read brings."""
        for packets in self._reads:
            yield packets
        await asyncio.Event().wait()


def packet(body: bytes, packet_id: int | None) -> PublishPacket:
    """Make a message from alice to bob; without a packet id it is one at QoS 0."""
    qos = QoS.AT_MOST_ONCE if packet_id is None else QoS.AT_LEAST_ONCE
    properties = [("id", str(uuid4())), ("sent-at", "2026-01-31T12:00:00.000Z")]
    return PublishPacket(topics.inbox("bob", "alice"), body, qos=qos, packet_id=packet_id, user_properties=properties)


async def taken(*reads: list[PublishPacket]) -> Batch:
    """Let packets come; return the first batch."""
    clock = itertools.count()
    waiting = Inbox(10, 0.0, lambda: 0, most=10)
    intake = Intake(
        connect=lambda: cast("Connection", Scripted(*reads)),
        inbox=waiting,
        status=Status(lambda: 0.0),
        backoff=Backoff(0.001, 0.002, lambda: 0.0),
        now=lambda: next(clock),
        new_id=uuid4,
        leaving=lambda: False,
    )
    running = asyncio.create_task(intake.run())
    async with asyncio.timeout(10):
        batch = await waiting.take()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert batch is not None
    return batch


async def test_messages_at_qos_0_are_passed_over_also_if_nothing_else_comes_with_them() -> None:
    """A broker that is set up as ours sends none; another must not end the archiver with them."""
    batch = await taken([packet(b"cheap", None)], [packet(b"one", 1), packet(b"cheap", None), packet(b"two", 2)])
    assert [(item.delivery.number, item.delivery.body) for item in batch.items] == [(1, b"one"), (2, b"two")]


async def test_messages_that_come_together_share_the_texts_that_are_alike() -> None:
    """A topic and the names of properties are a tenth of what a message takes while it waits."""
    one, two = (item.delivery for item in (await taken([packet(b"one", 1), packet(b"two", 2)])).items)
    assert one.topic is two.topic
    assert [name for name, _ in one.properties] == ["id", "sent-at"]
    assert all(first is second for (first, _), (second, _) in zip(one.properties, two.properties, strict=True))
