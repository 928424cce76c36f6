"""One connection to the broker: aiomqtt's client, made safe to wait on.

aiomqtt 3.0.0a1 is pinned. What is overridden here, and why:

- it opens its socket with a blocking call, IPv4 only, and leaves it open when the broker refuses it;
- it queues what it receives without bound, one message at a time: here all that one read brings is handed over at
  once, and while nobody takes it nothing more is read, nor is the broker asked for an answer that we would not read;
- an error in its background tasks leaves `messages()` waiting for ever;
- a connection that was reset when the next ping is due, as after we were stopped, gets pings without end;
- closing and disconnecting wait without limit for a broker that no longer reads.

A connection is used once: `reconnect=True` would keep packet ids of an ended connection.
"""

import asyncio
import logging
import os
import ssl
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass

from aiomqtt import (
    Client,
    ConnAckPacket,
    ConnectError,
    NegativeAckError,
    ProtocolError,
    PubAckPacket,
    PublishPacket,
    QoS,
    RetainHandling,
)
from mqtt5 import (
    ConnAckReasonCode,
    ConnectPacket,
    DisconnectReasonCode,
    Packet,
    PingReqPacket,
    PingRespPacket,
    read,
)

from archiver.errors import ArchiverError
from archiver.settings import Credentials
from wire.broker import BrokerAddress
from wire.trust import tls_trouble

CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 1.0
KEEP_ALIVE_SECONDS = 10
SESSION_SECONDS = 14 * 24 * 3600
"""How long the broker keeps messages for an archiver that is away: as long as mosquitto.conf lets it."""
READ_BYTES = 64 * 1024
"""How much is read at once, at most."""
PACKET_MAX = 1024 * 1024
"""Bytes of a packet. The broker's own limit is lower, so that a sender hears of it."""

_QUIET = logging.getLogger("archiver.aiomqtt")


class BrokerAwayError(ArchiverError):
    """There is no connection to the broker, or no more. `kind` tells causes apart for the log."""

    def __init__(self, kind: str, message: str) -> None:
        """Give a kind that is the same for the same cause, and one line for people."""
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Publication:
    """Something to publish, at QoS 0."""

    topic: str
    payload: bytes


class Connection(Client):
    """One connection with a persistent session. Use it as an async context manager, once.

    Entering it raises BrokerAwayError, as does everything else once the connection is gone.
    """

    def __init__(self, broker: BrokerAddress, credentials: Credentials, receive_maximum: int) -> None:
        _QUIET.setLevel(logging.CRITICAL)  # it logs every cut with a traceback; ours is one line
        super().__init__(
            hostname=broker.host,
            port=broker.port,
            identifier=credentials.client_id,
            logger=_QUIET,
            ssl_context=ssl.create_default_context() if broker.tls else None,
            username=credentials.username,
            password=credentials.token.encode(),
            clean_start=False,
            session_expiry_interval=SESSION_SECONDS,
            keep_alive=KEEP_ALIVE_SECONDS,
            receive_max=receive_maximum,
            max_packet_size=PACKET_MAX,
        )
        # The library's own takes 16 MiB. Before a read there is never a whole packet in it.
        self._buffer_in = type(self._buffer_in)(PACKET_MAX + READ_BYTES)
        self.session_present = False
        self.acknowledged = 0
        """How many messages have been acknowledged."""
        self._received: asyncio.Queue[list[PublishPacket]] = asyncio.Queue(maxsize=1)
        self._held = False
        self._heard = asyncio.Event()

    async def incoming(self) -> AsyncGenerator[list[PublishPacket], None]:
        """Yield what the broker publishes to us, all that came with one read, until the connection is gone."""
        while True:
            received = asyncio.ensure_future(self._received.get())
            try:
                packets = await self._disconnected_or(received)
            except (ConnectError, ProtocolError, OSError) as error:
                raise BrokerAwayError("cut", "the connection was cut") from error
            finally:
                received.cancel()
            del received
            yield packets
            del packets

    async def subscribe_to(self, topic_filters: Iterable[str]) -> None:
        """Subscribe at QoS 1. The answer may be long in coming: it is read when what came before has been taken."""
        for topic_filter in topic_filters:
            try:
                await self.subscribe(topic_filter, max_qos=QoS.AT_LEAST_ONCE, retain_handling=RetainHandling.SEND_NEVER)
            except NegativeAckError as error:
                raise BrokerAwayError("subscribe", f"it refuses the subscription to {topic_filter}") from error
            except (ConnectError, ProtocolError, OSError) as error:
                raise BrokerAwayError("cut", "the connection was cut") from error

    async def unsubscribe_from(self, topic_filters: Iterable[str]) -> None:
        """Take subscriptions back; having none is fine. The answer comes after all that was sent before."""
        for topic_filter in topic_filters:
            try:
                await self.unsubscribe(topic_filter)
            except NegativeAckError:
                _QUIET.debug("there was no subscription to %s", topic_filter)
            except (ConnectError, ProtocolError, OSError) as error:
                raise BrokerAwayError("cut", "the connection was cut") from error

    async def send(self, publications: Iterable[Publication], packet_ids: Sequence[int] = ()) -> None:
        """Publish, then acknowledge, in the order given and as one write."""
        packets = [
            PublishPacket(publication.topic, publication.payload, qos=QoS.AT_MOST_ONCE).write()
            for publication in publications
        ]
        packets.extend(PubAckPacket(packet_id=packet_id).write() for packet_id in packet_ids)
        if self._disconnected.done():
            raise BrokerAwayError("cut", "the connection was cut")
        self._writer.write(b"".join(packets))
        try:
            await self._writer.drain()
        except OSError as error:
            raise BrokerAwayError("cut", "the connection was cut") from error
        self.acknowledged += len(packet_ids)

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._open()
        except (OSError, ConnectError, ProtocolError) as error:
            self._abort()
            raise BrokerAwayError("unreachable", _reason(error)) from error
        except BaseException:
            self._abort()
            raise

    async def _open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(
            self._hostname, self._port, ssl=self._ssl_context, limit=READ_BYTES
        )
        await self._send(
            ConnectPacket(
                client_id=self.identifier,
                username=self._username,
                password=self._password,
                clean_start=self._clean_start,
                keep_alive=self._keep_alive,
                session_expiry_interval=self._session_expiry_interval,
                receive_max=self._receive_max,
                max_packet_size=self._max_packet_size,
            )
        )
        packet = await self._receive()
        if not isinstance(packet, ConnAckPacket):
            raise ProtocolError("the broker answers CONNECT with something else")
        if packet.reason_code != ConnAckReasonCode.SUCCESS:
            raise _refusal(packet.reason_code)
        self._keep_alive = packet.server_keep_alive or self._keep_alive
        self._send_semaphore = asyncio.BoundedSemaphore(packet.receive_max)
        self.session_present = packet.session_present
        self._connected.set_result(packet)
        self._disconnected = asyncio.get_running_loop().create_future()

    async def _receive(self) -> Packet:
        """Return what is neither a publication nor an answer to our PINGREQ; publications are handed over."""
        buffer = self._buffer_in
        published: list[PublishPacket] = []
        while True:
            try:
                packet, size = read(buffer.view[buffer.left : buffer.right])
            except IndexError:  # not all of it is there yet
                if published:
                    await self._hand_over(published)
                    published = []
                await self._read_more()
                continue
            except ValueError as error:
                await self._disconnect(reason_code=DisconnectReasonCode.MALFORMED_PACKET)
                raise ProtocolError("the broker sends a malformed packet") from error
            buffer.left += size
            if isinstance(packet, PublishPacket):
                published.append(packet)
            elif not isinstance(packet, PingRespPacket):
                if published:
                    await self._hand_over(published)
                return packet

    async def _read_more(self) -> None:
        buffer = self._buffer_in  # what is left of a packet goes to its front, or in time all of it would be used
        rest = bytes(buffer.view[buffer.left : buffer.right])
        buffer.clear()
        buffer.write(rest)
        data = await self._reader.read(READ_BYTES)
        self._heard.set()
        if not data:
            await self._disconnect()
            raise ConnectError(self._endpoint)
        self._buffer_in.write(data)

    async def _hand_over(self, published: list[PublishPacket]) -> None:
        self._held = True
        self._heard.set()
        await self._received.put(published)
        self._held = False

    async def _pingreq(self) -> PingRespPacket:
        """Wait for any sign of life after a PINGREQ; not while it is we who do not read.

        Raises OSError when there is no connection any more: after a ConnectError the library would ask again at once,
        without end and without letting anything else run.
        """
        if not self._held:
            self._heard.clear()
        try:
            await self._send(PingReqPacket())
        except ConnectError as error:
            raise ConnectionResetError from error
        await self._heard.wait()
        return PingRespPacket()

    async def _run_background_tasks(self) -> None:
        try:
            await super()._run_background_tasks()
        except* Exception as errors:  # noqa: BLE001  # whatever ended the reading ends the connection, and is seen there
            _QUIET.debug("the connection ends: %r", errors.exceptions[0])
        finally:
            await self._close()

    async def _disconnect(
        self, *, reason_code: DisconnectReasonCode = DisconnectReasonCode.NORMAL_DISCONNECTION, **_unused: object
    ) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await super()._disconnect(reason_code=reason_code)
        except TimeoutError:
            await self._close()

    async def _close_inner(self) -> None:
        if self._disconnected.done():
            return
        self._disconnected.set_result(None)
        self._connected = asyncio.get_running_loop().create_future()  # where the background tasks wait to be cancelled
        self._writer.close()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._writer.wait_closed()
        except OSError:
            self._abort()

    def _abort(self) -> None:
        if hasattr(self, "_writer"):
            self._writer.transport.abort()


def _refusal(code: ConnAckReasonCode) -> BrokerAwayError:
    name = code.name.lower().replace("_", " ")
    if code == ConnAckReasonCode.SERVER_UNAVAILABLE or code == ConnAckReasonCode.SERVER_BUSY:  # noqa: PLR1714  # the codes cannot be hashed
        return BrokerAwayError("gate", f"it serves nobody yet ({name})")
    if code == ConnAckReasonCode.NOT_AUTHORIZED:
        return BrokerAwayError("refused", f"it serves nobody yet, or refuses our token ({name})")
    return BrokerAwayError("refused", f"it refuses our token or client id ({name})")


def _reason(error: Exception) -> str:
    if trouble := tls_trouble(error, os.environ):
        return trouble
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionError) and error.errno:
        return os.strerror(error.errno).lower()
    if isinstance(error, OSError):
        return error.strerror or " ".join(str(error).split()) or type(error).__name__
    return "it closed the connection" if isinstance(error, ConnectError) else str(error)
