"""A connection to the broker that ends in an unusual way, in this process."""

import asyncio

import pytest
from mqtt5 import PublishPacket

from archiver import connection as module
from archiver.connection import BrokerAwayError, Connection
from archiver.settings import Credentials
from tests.support.raw_mqtt import publish_packet
from tests.support.resetting_broker import ResettingBroker
from wire.broker import BrokerAddress


async def test_a_connection_that_is_reset_while_the_archiver_is_stopped_ends_when_it_goes_on() -> None:
    """The library would send pings into it for ever, and let nothing else run."""
    with ResettingBroker() as broker:
        address = BrokerAddress(host="127.0.0.1", port=broker.port, tls=False)
        async with Connection(address, Credentials("archiver", "archiver.1", "token"), 10) as connection:
            broker.reset_while_stopped()
            with pytest.raises(BrokerAwayError):
                async with asyncio.timeout(60):
                    await anext(connection.incoming())


async def answer_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Be a broker that sends what it kept, in several pieces, before it answers SUBSCRIBE."""
    await reader.read(1000)
    writer.write(b"\x20\x03\0\0\0")
    subscribe = await reader.read(1000)
    for packet_id in (1, 2, 3):
        writer.write(publish_packet("users/bob/inbox/alice", b"kept", packet_id=packet_id))
        await writer.drain()
        await asyncio.sleep(0.05)
    writer.write(b"\x90\x04" + subscribe[2:4] + b"\0\x01")
    await reader.read()
    writer.close()


async def test_subscribing_waits_for_as_long_as_nobody_takes_what_the_broker_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The database may be away for hours; a connection made again and again would only carry the same once more."""
    broker = await asyncio.start_server(answer_late, "127.0.0.1", 0)
    address = BrokerAddress(host="127.0.0.1", port=broker.sockets[0].getsockname()[1], tls=False)
    async with broker, Connection(address, Credentials("archiver", "archiver.1", "token"), 10) as connection:
        monkeypatch.setattr(module, "CONNECT_SECONDS", 0.5)
        subscribing = asyncio.create_task(connection.subscribe_to(["users/+/inbox/+"]))
        await asyncio.wait({subscribing}, timeout=1)
        assert not subscribing.done()
        incoming = connection.incoming()
        taken: list[PublishPacket] = []
        while len(taken) < 3:
            taken += await anext(incoming)
        await asyncio.wait_for(subscribing, 60)
        assert [packet.packet_id for packet in taken] == [1, 2, 3]
