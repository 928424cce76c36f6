"""Connections that are kept alive, and the threads that serve them."""

import socket
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import pytest

from tests.conftest import StackFactory
from tests.support.stack import RunningStack

ASK = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
ALIVE = b'{"status":"alive"}'


@pytest.fixture
def single(stack_factory: StackFactory) -> RunningStack:
    """Run an API with one worker that has one thread."""
    return stack_factory(NIGHTJAR_API_WORKERS="1", NIGHTJAR_API_THREADS="1").start("broker", "api")


def connect(stack: RunningStack) -> socket.socket:
    address = urlsplit(stack.server)
    return socket.create_connection((address.hostname, address.port or 80), timeout=60)


def answers(connection: socket.socket, count: int) -> int:
    """Read until so many answers have come; return how many have."""
    content = b""
    while content.count(ALIVE) < count:
        got = connection.recv(65536)
        if not got:
            break
        content += got
    return content.count(ALIVE)


def test_more_connections_than_threads_are_all_served_in_turn(single: RunningStack) -> None:
    with ExitStack() as opened:
        connections = [opened.enter_context(closing(connect(single))) for _ in range(4)]
        for _ in range(5):
            for connection in connections:
                connection.sendall(ASK)
                assert answers(connection, 1) == 1


def test_requests_that_come_together_are_each_answered(api_stack: RunningStack) -> None:
    with closing(connect(api_stack)) as connection:
        connection.sendall(ASK * 3)
        assert answers(connection, 3) == 3
        connection.sendall(ASK)
        assert answers(connection, 1) == 1


def test_a_connection_that_was_closed_frees_its_thread(single: RunningStack) -> None:
    for _ in range(20):
        with closing(connect(single)) as connection:
            connection.sendall(ASK)
            assert answers(connection, 1) == 1
