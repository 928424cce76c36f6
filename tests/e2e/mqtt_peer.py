"""An MQTT client that is none of ours: paho, with the credentials of an `mqtt` block and nothing else."""

import queue
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from tests.support.network_loop import stop_loop


class Peer:
    """A connection to the broker. Use it in a `with` statement: it is connected inside."""

    def __init__(self, mqtt: Mapping[str, Any], *, version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5) -> None:
        self._mqtt = mqtt
        self._answers: queue.Queue[str] = queue.Queue()
        self._ended: queue.Queue[ReasonCode] = queue.Queue()
        self.messages: queue.Queue[paho.MQTTMessage] = queue.Queue()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=mqtt["client_id"], protocol=version)
        self._client.username_pw_set(mqtt["username"], mqtt["password"])
        if mqtt["tls"]:
            self._client.tls_set()
        self._client.on_connect = lambda _client, _data, _flags, reason, _properties: self._answers.put(str(reason))
        self._client.on_disconnect = lambda _client, _data, _flags, reason, _properties: self._on_end(reason)
        self._client.on_message = lambda _client, _data, message: self.messages.put(message)
        self._client.on_subscribe = lambda _client, _data, _id, codes, _properties: self._answers.put(str(codes[0]))

    def connect(self) -> str:
        """Connect once; return what the broker answered: `Success`, or why not."""
        self._client.connect(self._mqtt["host"], self._mqtt["port"])
        self._client.loop_start()
        return self._answers.get(timeout=60)

    def close(self) -> None:
        """Leave, and end the network thread."""
        self._client.disconnect()
        stop_loop(self._client)

    def __enter__(self) -> "Peer":
        answer = self.connect()
        assert answer == "Success", answer
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def subscribe(self, *filters: str) -> None:
        """Subscribe with QoS 1 and wait until the broker has granted it."""
        for topic_filter in filters:
            self._client.subscribe(topic_filter, qos=1)
            answer = self._answers.get(timeout=60)
            assert answer == "Granted QoS 1", f"{topic_filter}: {answer}"

    def publish(self, topic: str, body: bytes, properties: Mapping[str, str] | None = None) -> None:
        """Publish with QoS 1 and wait for the broker's acknowledgement; `properties` are MQTT 5 user properties."""
        described = None
        if properties:
            described = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho does not annotate it
            described.UserProperty = list(properties.items())
        self._client.publish(topic, body, qos=1, properties=described).wait_for_publish(timeout=60)

    def wait_for(self, wanted: Callable[[paho.MQTTMessage], bool], timeout: float = 60.0) -> paho.MQTTMessage:
        """Return the first message that is wanted; the others are dropped."""
        deadline = time.monotonic() + timeout
        while True:
            message = self.messages.get(timeout=max(0.001, deadline - time.monotonic()))
            if wanted(message):
                return message

    def wait_until_cut(self, timeout: float = 60.0) -> None:
        """Wait until the broker has ended this connection."""
        self._ended.get(timeout=timeout)

    def _on_end(self, reason: ReasonCode) -> None:
        self._ended.put(reason)
        self._client.reconnect_delay_set(60, 60)
