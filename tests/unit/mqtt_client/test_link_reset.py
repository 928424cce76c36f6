"""A connection to the broker that ends in an unusual way, in this process."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from mqtt_client.credentials import StoredMqtt
from mqtt_client.link import LinkError, open_link
from tests.support.resetting_broker import ResettingBroker


async def test_a_connection_that_is_reset_while_the_client_is_stopped_ends_when_it_goes_on() -> None:
    """A laptop was asleep, say. The library would send pings into it for ever, and let nothing else run."""
    with ResettingBroker() as broker:
        mqtt = StoredMqtt(
            host="127.0.0.1",
            port=broker.port,
            tls=False,
            username="alice",
            password=SecretStr("token"),
            client_id="alice.aaaaaaaaaa",
            expires_at=datetime.now(UTC) + timedelta(hours=1),
            ends_at=0.0,
        )
        async with open_link(mqtt, ()) as link:
            broker.reset_while_stopped()
            with pytest.raises(LinkError):
                async with asyncio.timeout(60):
                    await link.packets()
