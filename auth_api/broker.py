"""The link to the broker: one connection a worker, over which the broker is told what is revoked."""

import logging
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from auth_api.settings import BrokerAddress
from auth_api.tokens import MqttToken

_KEEPALIVE: Final = 10
_RECONNECT_SECONDS: Final = 1
_LOG = logging.getLogger(__name__)


class BrokerLink:
    """Keeps one MQTT 5 connection up, and publishes with the broker's confirmation.

    `credentials` makes a token for each connection; its client id must always be `client_id`. `on_change` is told,
    from the connection's own thread, whenever a connection begins or ends; it must return at once.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        credentials: Callable[[], MqttToken],
        on_change: Callable[[bool], None],
    ) -> None:
        self._address = address
        self._credentials = credentials
        self._on_change = on_change
        self._up = threading.Event()
        self._down_said = False
        self._refused: set[int] = set()
        self._client = self._new_client(client_id)

    @property
    def is_up(self) -> bool:
        """Whether the broker can be told something now."""
        return self._up.is_set()

    def start(self) -> None:
        """Begin to connect, in a thread of its own; does not wait."""
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho types it not
        session.SessionExpiryInterval = 0
        self._client.connect_async(
            self._address.host, self._address.port, _KEEPALIVE, clean_start=True, properties=session
        )
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect and end the thread."""
        self._client.disconnect()
        self._client.loop_stop()
        self._up.clear()

    def publish(self, topic: str, payload: bytes, timeout: float) -> bool:
        """Publish with QoS 1; whether the broker confirmed it with success within `timeout` seconds.

        Waits for the connection first, if there is none.
        """
        until = time.monotonic() + timeout
        if not self._up.wait(timeout):
            return False
        sent = self._client.publish(topic, payload, qos=1)
        try:
            sent.wait_for_publish(max(0.0, until - time.monotonic()))
            confirmed = sent.is_published()
        except (RuntimeError, ValueError):
            return False
        refused = sent.mid in self._refused
        self._refused.discard(sent.mid)
        return confirmed and not refused

    def _new_client(self, client_id: str) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5)
        client.reconnect_delay_set(_RECONNECT_SECONDS, _RECONNECT_SECONDS)
        client.connect_timeout = 3.0
        client.max_queued_messages_set(1000)
        if self._address.tls:
            client.tls_set_context(ssl.create_default_context())
        client.on_pre_connect = self._before_connect
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_connect_fail = self._failed
        client.on_publish = self._acknowledged
        return client

    def _before_connect(self, client: mqtt.Client, _userdata: object) -> None:
        token = self._credentials()
        client.username_pw_set(token.username, token.token)

    def _connected(
        self, _client: mqtt.Client, _userdata: object, _flags: object, reason: ReasonCode, _: object
    ) -> None:
        if reason.is_failure:
            self._say_down(f"the broker refuses the connection: {reason}")
            return
        self._down_said = False
        self._up.set()
        _LOG.info("connected to the broker")
        self._on_change(True)

    def _disconnected(self, _client: mqtt.Client, _userdata: object, _flags: object, reason: Any, _: object) -> None:  # noqa: ANN401  # paho's type for it is a union it does not export
        self._up.clear()
        self._on_change(False)
        self._say_down(f"the connection to the broker has ended: {reason}")

    def _failed(self, _client: mqtt.Client, _userdata: object) -> None:
        self._say_down("the broker is out of reach")

    def _acknowledged(self, _client: mqtt.Client, _userdata: object, mid: int, reason: ReasonCode, _: object) -> None:
        if reason.is_failure:
            _LOG.error("the broker refuses a publication: %s", reason)
            self._refused.add(mid)

    def _say_down(self, why: str) -> None:
        if not self._down_said:
            self._down_said = True
            _LOG.warning("%s; trying again every second", why)
