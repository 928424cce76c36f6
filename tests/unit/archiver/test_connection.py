"""A connection to the broker that ends in an unusual way, in this process."""

import asyncio

import pytest

from archiver.connection import BrokerAwayError, Connection
from archiver.settings import Credentials
from tests.support.resetting_broker import ResettingBroker
from wire.broker import BrokerAddress


async def test_a_connection_that_is_reset_while_the_archiver_is_stopped_ends_when_it_goes_on() -> None:
    """The library would send pings into it for ever, and let nothing else run."""
    with ResettingBroker() as broker:
        address = BrokerAddress(host="127.0.0.1", port=broker.port, tls=False)
        async with Connection(address, Credentials("archiver", "archiver.1", "token"), 10) as connection:
            broker.reset_while_stopped()
            with pytest.raises(BrokerAwayError):
                async with asyncio.timeout(10):
                    await anext(connection.incoming())
