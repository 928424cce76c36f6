"""A small MQTT client for tests, on paho: every call waits for the broker's answer."""

import queue
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.support.network_loop import stop_loop

ANSWER_SECONDS = 60.0


@dataclass(frozen=True)
class Message:
    """A message as it was received."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    expiry: int | None = None
    """Seconds that it would be kept for yet, if whoever published it said for how long."""


class RefusedError(Exception):
    """The broker refused the CONNECT, with this reason code of MQTT 5, or return code of 3.1.1."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the broker refused the connection with {code:#x}")
        self.code = code


class Peer:
    """One connection; `version` is 4 (MQTT 3.1.1) or 5. It never reconnects by itself.

    With an `authority`, a file of its certificate, the connection is over TLS.
    """

    def __init__(
        self,
        port: int,
        client_id: str,
        username: str,
        password: str | None = None,
        *,
        version: int = 5,
        clean: bool = True,
        session_seconds: int = 0,
        will: tuple[str, bytes, bool] | None = None,
        will_delay: int = 0,
        authority: Path | None = None,
    ) -> None:
        self.client_id = client_id
        self.messages: list[Message] = []
        self.disconnect_code: int | None = None
        self._version = version
        self._changed = threading.Condition()
        self._answers: queue.Queue[int] = queue.Queue()
        self._connected: queue.Queue[int] = queue.Queue()
        self._gone = threading.Event()
        self._client = self._make(client_id, clean, will, will_delay)
        self._client.username_pw_set(username, password)
        if authority:
            self._client.tls_set(str(authority))
        self._open(port, clean, session_seconds)

    def _make(self, client_id: str, clean: bool, will: tuple[str, bytes, bool] | None, will_delay: int) -> paho.Client:
        five = self._version == 5
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            clean_session=None if five else clean,
            reconnect_on_failure=False,
        )
        client.on_connect = lambda _c, _u, _f, code, _p: self._connected.put(code.value)
        client.on_subscribe = lambda _c, _u, _m, codes, _p: self._answers.put(codes[0].value)
        client.on_unsubscribe = lambda _c, _u, _m, codes, _p: self._answers.put(codes[0].value if codes else 0)
        client.on_publish = lambda _c, _u, _m, code, _p: self._answers.put(code.value)
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        if will:
            delay: Properties | None = None
            if will_delay:
                delay = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]  # paho does not annotate it
                delay.WillDelayInterval = will_delay
            client.will_set(will[0], will[1], qos=1, retain=will[2], properties=delay)
        return client

    def _open(self, port: int, clean: bool, session_seconds: int) -> None:
        arguments: dict[str, Any] = {}
        if self._version == 5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho does not annotate it
            properties.SessionExpiryInterval = session_seconds
            arguments = {"clean_start": clean, "properties": properties}
        self._client.connect("127.0.0.1", port, **arguments)
        self._client.loop_start()
        code = self._connected.get(timeout=ANSWER_SECONDS)
        if code:
            stop_loop(self._client)
            raise RefusedError(code)

    def _on_disconnect(self, _client: object, _data: object, _flags: object, code: Any, _properties: object) -> None:
        self.disconnect_code = code.value
        self._gone.set()

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        expiry = getattr(message.properties, "MessageExpiryInterval", None)
        with self._changed:
            self.messages.append(Message(message.topic, bytes(message.payload), message.qos, message.retain, expiry))
            self._changed.notify_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def subscribe(self, topic_filter: str, qos: int = 1) -> int:
        """Subscribe; returns the code in the SUBACK: the granted QoS, or 0x80 and above."""
        self._client.subscribe(topic_filter, qos)
        return self._answers.get(timeout=ANSWER_SECONDS)

    def unsubscribe(self, topic_filter: str) -> int:
        """Unsubscribe; returns the code in the UNSUBACK (always 0 in 3.1.1)."""
        self._client.unsubscribe(topic_filter)
        return self._answers.get(timeout=ANSWER_SECONDS)

    def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, properties: Properties | None = None
    ) -> int:
        """Publish; returns the reason code of the PUBACK or PUBREC (always 0 in 3.1.1, and for QoS 0)."""
        self._client.publish(topic, payload, qos, retain, properties)
        return self._answers.get(timeout=ANSWER_SECONDS)

    def received(self, payload: bytes) -> bool:
        """Whether a message with this payload has come so far."""
        with self._changed:
            return any(message.payload == payload for message in self.messages)

    def wait_for(self, payload: bytes, timeout: float = ANSWER_SECONDS) -> Message:
        """Wait for a message with this payload."""
        found: list[Message] = []

        def arrived() -> bool:
            found[:] = [message for message in self.messages if message.payload == payload]
            return bool(found)

        with self._changed:
            assert self._changed.wait_for(arrived, timeout), f"{self.client_id} never received {payload!r}"
        return found[0]

    @property
    def connected(self) -> bool:
        """Whether the broker has not closed the connection yet."""
        return not self._gone.is_set()

    def wait_closed(self, timeout: float = ANSWER_SECONDS) -> int:
        """Wait until the broker closes the connection; returns the reason code of its DISCONNECT."""
        assert self._gone.wait(timeout), f"{self.client_id} is still connected after {timeout:.0f} s"
        assert self.disconnect_code is not None
        return self.disconnect_code

    def drop(self) -> None:
        """Lose the connection without a DISCONNECT, so that the broker publishes the will."""
        connection = self._client.socket()
        if isinstance(connection, socket.socket):
            with suppress(OSError):  # it may have been closed from the other side
                connection.shutdown(socket.SHUT_RDWR)
        stop_loop(self._client)

    def close(self) -> None:
        """Disconnect, if still connected."""
        self._client.disconnect()
        stop_loop(self._client)


def connects(connect: Callable[[], Peer], refusal: int = 0x87) -> bool:
    """Whether a connection comes about; it is closed again. A refusal has to have this reason code."""
    try:
        peer = connect()
    except RefusedError as refused:
        if refused.code != refusal:
            raise
        return False
    peer.close()
    return True


def now_ms() -> int:
    """Return the time as tokens and revocations have it."""
    return int(time.time() * 1000)
