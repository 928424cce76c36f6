"""One connection to the broker, from CONNECT to its end. It never reconnects: the session opens another."""

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address

from aiomqtt import Client, ConnectError, NegativeAckError, ProtocolError, PublishPacket, QoS
from aiomqtt._client import _SlidingWindowBuffer
from mqtt5 import DisconnectPacket, DisconnectReasonCode, Packet, PingRespPacket, Will

from mqtt_client.credentials import StoredMqtt
from mqtt_client.text import shortened, visible
from wire.trust import tls_trouble

CONNECT_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 30
_CLOSE_SECONDS = 0.5
_PACKET_MAX = 4 * 1024 * 1024
_BUFFER_BYTES = _PACKET_MAX + 64 * 1024
"""The largest packet, and what is read at once after its beginning."""
RECEIVE_MAX = 200
"""How many messages may be on their way to us, and wait here to be taken care of: at 64 KiB it bounds our memory."""
_SUBSCRIBE_AT_ONCE = 20
_REVOKED = (DisconnectReasonCode.ADMINISTRATIVE_ACTION, DisconnectReasonCode.NOT_AUTHORIZED)


class LinkError(Exception):
    """There is no connection, or no more. `refused`: the broker was there but did not want us."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        """Give one line that says why."""
        super().__init__(message)
        self.refused = refused


@dataclass(frozen=True, slots=True)
class LastWill:
    """What the broker publishes, retained, if the connection breaks and is not there again after some seconds."""

    topic: str
    payload: bytes
    delay: int = 10


class RefusedPublishError(Exception):
    """The broker acknowledged a publication with an error."""


class _Client(Client):
    """The library's client with a queue of its own: full, it reads no further, and the broker has to wait.

    The library's has no bound, it drops QoS 0 packets that no reader waits for, and Mosquitto 2.0 does not keep to the
    receive maximum once something had to wait. Its buffer of 16 MiB is all used in time, however little is needed.
    """

    def __init__(self, mqtt: StoredMqtt, will: LastWill | None) -> None:
        super().__init__(
            hostname=mqtt.host,
            port=mqtt.port,
            identifier=mqtt.client_id,
            logger=logging.Logger("nightjar.mqtt", level=logging.CRITICAL + 1),
            ssl_context=ssl.create_default_context() if mqtt.tls else None,
            username=mqtt.username,
            password=mqtt.password.get_secret_value().encode(),
            clean_start=True,
            # With the end of its session a will is published at once, whatever its delay.
            session_expiry_interval=2 * will.delay if will else 0,
            will=_packed(will) if will else None,
            keep_alive=KEEP_ALIVE_SECONDS,
            receive_max=RECEIVE_MAX,
            max_packet_size=_PACKET_MAX,
        )
        self._buffer_in = _SlidingWindowBuffer(_BUFFER_BYTES)
        self.received: asyncio.Queue[PublishPacket] = asyncio.Queue(RECEIVE_MAX)
        self.is_revoked = False

    def send_at_once(self) -> None:
        """Keep the kernel from holding small packets back for 40 ms: asyncio does not see that the socket is of TCP."""
        self._writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def let_go(self) -> None:
        """Give the buffer back: cycles of references keep an ended client for long, and every reconnect makes one."""
        self._buffer_in = _SlidingWindowBuffer(0)

    async def _send(self, packet: Packet) -> None:
        """Raise ConnectError when the connection is closed: over TLS asyncio itself would raise an AttributeError."""
        if hasattr(self, "_writer") and self._writer.is_closing():
            raise ConnectError(self._endpoint)
        await super()._send(packet)

    async def _close_inner(self) -> None:
        """Say first that the connection is over: over TLS the library waits for the other side, which may be gone."""
        if self._disconnected.done():
            return
        self._disconnected.set_result(None)
        self._connected = asyncio.get_running_loop().create_future()  # where its tasks wait to be cancelled
        self._writer.close()
        with suppress(OSError):  # a TimeoutError is one
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._writer.wait_closed()
        self._buffer_in.clear()

    async def _receive(self) -> Packet:
        while isinstance(packet := await super()._receive(), PublishPacket):
            await self.received.put(packet)
        if isinstance(packet, DisconnectPacket):
            self.is_revoked = packet.reason_code in _REVOKED
        return packet

    async def _pingreq(self) -> PingRespPacket:
        """Raise OSError when there is no connection any more, as when we were stopped and it was reset meanwhile.

        After a ConnectError the library would ask again at once, without end and without letting anything else run.
        """
        try:
            return await super()._pingreq()
        except ConnectError as error:
            raise ConnectionResetError from error


class Link:
    """An open connection."""

    def __init__(self, client: _Client) -> None:
        """Take a client whose CONNACK has come."""
        self._client = client
        self._packets = client.received
        self._cut = asyncio.create_task(client.disconnected())

    @property
    def is_revoked(self) -> bool:
        """Whether the broker has ended the connection because its token is good no more."""
        return self._client.is_revoked

    async def packets(self) -> list[PublishPacket]:
        """Wait for packets; return all there are, to be acknowledged. Raises LinkError when the connection is over."""
        if self._packets.empty():
            getter = asyncio.ensure_future(self._packets.get())
            try:
                await asyncio.wait({getter, self._cut, self._tasks}, return_when=asyncio.FIRST_COMPLETED)
                if not getter.done():
                    raise LinkError("the connection to the broker was lost")
                received = [getter.result()]
            finally:
                getter.cancel()
        else:
            received = []
        while not self._packets.empty():
            received.append(self._packets.get_nowait())
        return received

    async def acknowledge(self, packets: Iterable[PublishPacket]) -> None:
        """Acknowledge what came at QoS 1 and is taken care of; the broker then sends more. Raises LinkError."""
        try:
            for packet in packets:
                if packet.qos == QoS.AT_LEAST_ONCE and packet.packet_id is not None:
                    await self._client.puback(packet.packet_id)
        except (ConnectError, ProtocolError, OSError) as error:
            raise LinkError(_said(error)) from error

    async def publish(
        self,
        topic: str,
        body: bytes,
        content_type: str | None = None,
        properties: list[tuple[str, str]] | None = None,
        *,
        retain: bool = False,
    ) -> None:
        """Publish at QoS 1 and wait for the PUBACK. Raises LinkError, RefusedPublishError."""
        try:
            await self._client.publish(
                topic,
                body,
                qos=QoS.AT_LEAST_ONCE,
                packet_id=next(self._client.packet_ids),
                content_type=content_type,
                user_properties=properties,
                retain=retain,
            )
        except NegativeAckError as error:
            raise RefusedPublishError(_said(error)) from error
        except (ConnectError, ProtocolError, OSError) as error:
            raise LinkError(_said(error)) from error

    async def tell(self, topic: str, body: bytes) -> None:
        """Publish at QoS 0: whoever is there hears it. Raises LinkError."""
        try:
            await self._client.publish(topic, body, qos=QoS.AT_MOST_ONCE)
        except (ConnectError, ProtocolError, OSError) as error:
            raise LinkError(_said(error)) from error

    async def subscribe(self, filters: Iterable[str]) -> None:
        """Subscribe at QoS 1, to one after the other, and wait for every SUBACK. Raises LinkError."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                for pattern in filters:
                    await self._subscribe(pattern)
        except TimeoutError as error:
            raise LinkError("the broker does not answer a subscription") from error

    async def subscribe_many(self, filters: Sequence[str]) -> None:
        """Do the same for many, some at once. Raises LinkError."""
        for start in range(0, len(filters), _SUBSCRIBE_AT_ONCE):
            part = filters[start : start + _SUBSCRIBE_AT_ONCE]
            await asyncio.gather(*(self.subscribe([pattern]) for pattern in part))

    async def _subscribe(self, pattern: str) -> None:
        try:
            await self._client.subscribe(pattern, max_qos=QoS.AT_LEAST_ONCE)
        except NegativeAckError as error:
            raise LinkError(_said(error), refused=True) from error
        except (ConnectError, ProtocolError, OSError) as error:
            raise LinkError(_said(error)) from error

    async def close(self) -> None:
        """End the connection, in whatever state it is."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._client.__aexit__(None, None, None)
        except Exception:  # noqa: BLE001, S110  # whatever the library's own tasks died of, this connection is over
            pass
        self._cut.cancel()
        await asyncio.gather(self._cut, return_exceptions=True)
        await _abandon(self._client)

    @property
    def _tasks(self) -> "asyncio.Task[None]":
        # A reset connection ends the library's tasks without a word to whoever waits for a message.
        return self._client._tasks  # noqa: SLF001  # there is no public way to notice it


@asynccontextmanager
async def open_link(
    mqtt: StoredMqtt, filters: Sequence[str], many: Sequence[str] = (), will: LastWill | None = None
) -> AsyncIterator[Link]:
    """Connect with a clean start and subscribe; everything published from then on is received.

    `many` are filters too, of which there may be hundreds.

    Raises LinkError. The block must not be left with a LinkError unhandled for the sake of closing: it always closes.
    """
    client = _Client(mqtt, will)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await _probe(mqtt.host, mqtt.port)
            await client.__aenter__()
            client.send_at_once()
    except NegativeAckError as error:
        await _abandon(client)
        raise LinkError(f"the broker refuses the connection: {_said(error)}", refused=True) from error
    except TimeoutError as error:
        await _abandon(client)
        raise LinkError(f"the broker at {mqtt.host}:{mqtt.port} does not answer in time") from error
    except (ConnectError, ProtocolError, OSError, ValueError) as error:
        await _abandon(client)
        raise LinkError(f"the broker at {mqtt.host}:{mqtt.port} is out of reach: {_said(error)}") from error
    except BaseException:
        await _abandon(client)
        raise
    link = Link(client)
    try:
        await link.subscribe(filters)
        await link.subscribe_many(many)
        yield link
    finally:
        await link.close()


def _packed(will: LastWill) -> Will:
    return Will(will.topic, payload=will.payload, qos=QoS.AT_LEAST_ONCE, retain=True, will_delay_interval=will.delay)


async def _probe(host: str, port: int) -> None:
    # The library connects without yielding to the loop: a host that swallows packets would stop the whole program.
    if _is_loopback(host):
        return
    _, writer = await asyncio.open_connection(host, port)
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


async def _abandon(client: _Client) -> None:
    # After a failure the library leaves its socket open; nothing else holds on to it.
    client.let_go()
    writer: asyncio.StreamWriter | None = getattr(client, "_writer", None)
    if writer is not None:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()
        return
    sock = getattr(client, "_socket", None)
    if sock is not None:
        sock.close()


def _said(error: Exception) -> str:
    text = tls_trouble(error, os.environ) or getattr(error, "strerror", None) or str(error) or type(error).__name__
    return shortened(visible(" ".join(str(text).split())), 200)
