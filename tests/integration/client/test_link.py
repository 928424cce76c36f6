"""One connection to the broker, in this process."""

import asyncio
import socket

from mqtt_client.credentials import StoredMqtt
from mqtt_client.incoming import filters
from mqtt_client.link import RECEIVE_MAX, open_link
from tests.support.nightjar import Person
from tests.support.peer import Peer
from tests.support.stack import RunningStack


async def test_a_flood_does_not_gather_here_and_comes_whole_and_in_order(
    shared_stack: RunningStack, alice: Person, bob: Person
) -> None:
    sent = [str(number).encode() for number in range(6 * RECEIVE_MAX)]
    mqtt = StoredMqtt.model_validate(alice.login()["mqtt"])
    block = bob.login()["mqtt"]
    async with open_link(mqtt, filters(alice.name)[:1]) as link:
        with Peer(shared_stack.mqtt_port, block["client_id"], block["username"], block["password"]) as device:
            for body in sent:
                device.publish(f"users/{alice.name}/inbox/{bob.name}", body)
        received: list[bytes] = []
        async with asyncio.timeout(60):
            while len(received) < len(sent):
                await asyncio.sleep(0.2)  # a reader that is slower than the flood
                batch = await link.packets()
                assert len(batch) <= RECEIVE_MAX
                received += [packet.payload for packet in batch]
                await link.acknowledge(batch)
    assert received == sent


async def test_a_connection_holds_no_more_than_its_largest_packet_and_nothing_when_it_is_over(alice: Person) -> None:
    mqtt = StoredMqtt.model_validate(alice.login()["mqtt"])
    async with open_link(mqtt, filters(alice.name)[:1]) as link:
        buffer = link._client._buffer_in.buffer  # the library's own, which nobody else can see
        assert len(buffer) < 5_000_000
    assert len(link._client._buffer_in.buffer) == 0


async def test_small_packets_are_not_held_back(alice: Person) -> None:
    mqtt = StoredMqtt.model_validate(alice.login()["mqtt"])
    async with open_link(mqtt, filters(alice.name)[:1]) as link:
        connection = link._client._writer.get_extra_info("socket")
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
