"""What the benchmark counts as received: not before the other end has read the PUBACK."""

import os
import socket
from ctypes import c_ulonglong

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.load.acknowledged import acknowledged, unread_bytes
from tests.support.stack import wait_for

PUBACK = b"\x40\x02\x00\x01"


def test_a_message_counts_when_the_broker_has_read_its_puback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as receiver, listener.accept()[0] as broker:
            own = receiver.getsockname()[1]
            received = c_ulonglong(0)
            with acknowledged(os.getpid(), port, received) as counter:
                receiver.sendall(PUBACK * 1000)
                wait_for(lambda: unread_bytes(own, port) == 4000, "all is under way")
                received.value = 1000
                broker.recv(4 * 300, socket.MSG_WAITALL)
                wait_for(lambda: counter.value == 300, "those that were read count")
                broker.recv(4 * 700, socket.MSG_WAITALL)
                wait_for(lambda: counter.value == 1000, "and then all")


def test_a_receiver_that_is_not_connected_is_an_error() -> None:
    with (
        pytest.raises(BenchmarkError, match="has 0 connections to port 1,"),
        acknowledged(os.getpid(), 1, c_ulonglong(0)),
    ):
        pass
