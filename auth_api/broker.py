"""The link to the broker: one connection a worker, over which the broker is told what is revoked."""

import logging
import os
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from auth_api.tokens import MqttToken
from wire.broker import BrokerAddress
from wire.topics import BROKER_COUNTERS
from wire.trust import tls_trouble

_KEEPALIVE: Final = 10
_RECONNECT_SECONDS: Final = 1
_STOP_SECONDS: Final = 2
_LOOK_SECONDS: Final = 0.2
"""How often whoever waits for a confirmation looks whether the connection still lasts."""
_COUNTERS: Final = {topic: name for name, topic in BROKER_COUNTERS.items()}
_LOG = logging.getLogger(__name__)

OnCounter = Callable[[str, int, bool], None]
"""Takes a counter of the broker by its name in `BROKER_COUNTERS`, its value, and whether it has just changed."""


def ignore_counter(_name: str, _value: int, _is_news: bool) -> None:
    """Take a counter and do nothing."""


class Publication(NamedTuple):
    """What is published; the broker keeps it for who is away, for `expiry_seconds` at most if that is said."""

    topic: str
    payload: bytes
    expiry_seconds: int | None = None


class BrokerConnection:
    """One MQTT 5 connection. It is not made again when it ends, and what it did not get through is not sent later."""

    def __init__(
        self, address: BrokerAddress, token: MqttToken, on_connected: Callable[[], None], on_counter: OnCounter
    ) -> None:
        self._address = address
        self._on_connected = on_connected
        self._on_counter = on_counter
        self._over = threading.Event()
        self._why = ""
        self._refused: set[int] = set()
        self._client = self._new_client(token)

    @property
    def is_live(self) -> bool:
        """Whether it is made and has not ended."""
        return self._client.is_connected() and not self._over.is_set()

    def run(self) -> str:
        """Connect, and stay connected; returns, when that is over, why."""
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho types it not
        session.SessionExpiryInterval = 0
        try:
            self._client.connect(
                self._address.host, self._address.port, _KEEPALIVE, clean_start=True, properties=session
            )
        except (OSError, ValueError) as error:  # the latter for a host name that can be none
            trouble = tls_trouble(error, os.environ)
            return f"the broker is out of reach: {trouble}" if trouble else "the broker is out of reach"
        self._client.loop_start()
        self._over.wait()
        with suppress(AttributeError):  # its thread has just ended, and paho has forgotten it in that moment
            self._client.loop_stop()
        client = self._client  # which the callbacks refer back to
        client.on_connect = client.on_disconnect = client.on_publish = client.on_message = None
        return self._why

    def end(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._over.set()

    def publish(self, topic: str, payload: bytes, timeout: float) -> bool:
        """Publish with QoS 1; whether the broker confirmed it with success within `timeout` seconds."""
        return all(self.publish_all([Publication(topic, payload)], timeout))

    def publish_all(self, publications: Sequence[Publication], timeout: float, *, retain: bool = False) -> list[bool]:
        """Publish each payload on its topic, a few hundred at most, without waiting in between; as `publish`."""
        until = time.monotonic() + timeout
        sent = [
            self._client.publish(each.topic, each.payload, qos=1, retain=retain, properties=_properties(each))
            for each in publications
        ]
        return [self._confirmed(each, until) for each in sent]

    def _confirmed(self, sent: mqtt.MQTTMessageInfo, until: float) -> bool:
        try:
            while not sent.is_published() and self.is_live and (left := until - time.monotonic()) > 0:
                sent.wait_for_publish(min(left, _LOOK_SECONDS))
            confirmed = sent.is_published()
        except (RuntimeError, ValueError):
            return False
        refused = sent.mid in self._refused
        self._refused.discard(sent.mid)
        return confirmed and not refused

    def _new_client(self, token: MqttToken) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, token.client_id, protocol=mqtt.MQTTv5, reconnect_on_failure=False
        )
        client.connect_timeout = 3.0
        client.max_queued_messages_set(1000)
        client.username_pw_set(token.username, token.token)
        if self._address.tls:
            client.tls_set_context(ssl.create_default_context())
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_publish = self._acknowledged
        client.on_message = self._counted
        return client

    def _connected(
        self, _client: mqtt.Client, _userdata: object, _flags: object, reason: ReasonCode, _: object
    ) -> None:
        if reason.is_failure:
            self._why = f"the broker refuses the connection: {reason}"
        else:
            self._client.subscribe([(topic, 0) for topic in _COUNTERS])
            self._on_connected()

    def _counted(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        name, value = _COUNTERS.get(message.topic), message.payload
        if name and value.isdigit():
            self._on_counter(name, int(value), not message.retain)

    def _disconnected(self, _client: mqtt.Client, _userdata: object, _flags: object, reason: Any, _: object) -> None:  # noqa: ANN401  # paho's type for it is a union it does not export
        self._why = self._why or f"the connection to the broker has ended: {reason}"
        self._over.set()

    def _acknowledged(self, _client: mqtt.Client, _userdata: object, mid: int, reason: ReasonCode, _: object) -> None:
        if reason.is_failure:
            _LOG.error("the broker refuses a publication: %s", reason)
            self._refused.add(mid)


class BrokerLink:
    """Keeps a connection up, and publishes with the broker's confirmation.

    Whoever looks after the link first publishes over a new connection itself, `present`, what the broker must know
    before anything else, and then lets all others use it with `open`. `credentials` makes a token for each connection.
    `on_change` is told, from a thread of the link, whenever a connection begins or ends, and `on_counter` what the
    broker counts; they must return at once.
    """

    def __init__(
        self,
        address: BrokerAddress,
        credentials: Callable[[], MqttToken],
        on_change: Callable[[bool], None],
        on_counter: OnCounter = ignore_counter,
    ) -> None:
        self._address = address
        self._credentials = credentials
        self._on_change = on_change
        self._on_counter = on_counter
        self._opened = threading.Condition()
        self._stopped = threading.Event()
        self._down_said = False
        self._made: BrokerConnection | None = None
        self._open: BrokerConnection | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_up(self) -> bool:
        """Whether the broker can be told something now."""
        return self._open is not None and self._open.is_live

    @property
    def present(self) -> BrokerConnection | None:
        """The present connection, open or not."""
        made = self._made
        return made if made is not None and made.is_live else None

    def open(self, connection: BrokerConnection) -> None:
        """Let everybody publish over a connection."""
        with self._opened:
            self._open = connection
            self._opened.notify_all()

    def start(self) -> None:
        """Begin to connect, in a thread of its own; does not wait."""
        self._thread = threading.Thread(target=self._run, name="broker link", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Disconnect and end the thread."""
        self._stopped.set()
        if self._made is not None:
            self._made.end()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)

    def publish(self, topic: str, payload: bytes, timeout: float) -> bool:
        """Publish with QoS 1; whether the broker confirmed it with success within `timeout` seconds.

        Waits for an open connection first, if there is none.
        """
        until = time.monotonic() + timeout
        with self._opened:
            self._opened.wait_for(lambda: self.is_up, timeout)
            connection = self._open
        return connection is not None and connection.publish(topic, payload, until - time.monotonic())

    def publish_all(self, publications: Sequence[Publication], timeout: float, *, retain: bool = False) -> list[bool]:
        """Publish as a connection does; does not wait for an open one."""
        connection = self._open
        if connection is None:
            return [False] * len(publications)
        return connection.publish_all(publications, timeout, retain=retain)

    def _run(self) -> None:
        while True:
            connection = self._made = BrokerConnection(
                self._address, self._credentials(), self._connected, self._on_counter
            )
            if self._stopped.is_set():
                return
            why = connection.run()
            self._on_change(False)
            if not self._down_said:
                self._down_said = True
                _LOG.warning("%s; trying again every second", why)
            if self._stopped.wait(_RECONNECT_SECONDS):
                return

    def _connected(self) -> None:
        self._down_said = False
        _LOG.info("connected to the broker")
        self._on_change(True)


def _properties(publication: Publication) -> Properties | None:
    if publication.expiry_seconds is None:
        return None
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho types it not
    properties.MessageExpiryInterval = publication.expiry_seconds
    return properties
