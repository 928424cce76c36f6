"""The link to the broker, where paho's network thread and ours meet."""

import socket
import threading
import time
from types import SimpleNamespace
from typing import Any

import paho.mqtt.client as paho
import pytest

from auth_api.broker import BrokerConnection, ignore_counter
from auth_api.tokens import MqttToken
from wire.broker import BrokerAddress


def accept_and_close(listener: socket.socket) -> None:
    """Let one connection in, and cut it."""
    listener.accept()[0].close()


def test_a_connection_that_ends_while_its_thread_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paho forgets its thread when that ends, and so may have none any more when it is about to wait for it.

    It once raised AttributeError then, and the worker's link was never made again.
    """
    token = MqttToken("token", "nightjar-api", "api.1", 2**40)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = BrokerAddress("127.0.0.1", listener.getsockname()[1], tls=False)
        connection = BrokerConnection(address, token, lambda: None, ignore_counter)
        client, told, asked = connection._client, connection._client.on_disconnect, threading.Event()

        def lingering(*arguments: Any) -> None:
            assert told
            told(*arguments)
            asked.wait(60)

        def once_it_has_ended() -> threading.Thread:
            asked.set()
            while client._thread is not None:  # the moment that is meant
                time.sleep(0.001)
            return threading.current_thread()

        client.on_disconnect = lingering
        seen = SimpleNamespace(Thread=threading.Thread, current_thread=once_it_has_ended)
        monkeypatch.setattr(paho, "threading", seen)
        threading.Thread(target=accept_and_close, args=(listener,), daemon=True).start()
        assert connection.run().startswith("the connection to the broker has ended")
        assert asked.is_set()
