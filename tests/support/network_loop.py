"""Paho's network thread."""

from contextlib import suppress

from paho.mqtt.client import Client


def stop_loop(client: Client) -> None:
    """End the thread that `loop_start` began; a connection that has ended may have ended it already.

    Paho forgets the thread in the moment in which it ends, which may be just before it waits for it.
    """
    with suppress(AttributeError):
        client.loop_stop()
