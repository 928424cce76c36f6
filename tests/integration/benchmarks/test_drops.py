"""No figure is made of a run in which the broker has dropped a message."""

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.load.messages import encode_messages
from benchmarks.mqtt import PUBACK, Login, connect
from benchmarks.stacks import PlainBroker
from tests.support.directories import open_directory

QUEUE = 108_000
"""Messages that wait for one client: 100,000 in its queue, 4,000 on their way to it, and 4,000 more with 2.0.21."""


def test_a_broker_that_has_dropped_nothing_is_let_pass_and_one_that_has_is_named() -> None:
    with open_directory() as directory:
        broker = PlainBroker(directory)
        try:
            broker.start()
            flood(broker, 1000)
            broker.demand_nothing_dropped()
            flood(broker, QUEUE + 1000)
            with pytest.raises(BenchmarkError, match=r"the broker has dropped (1000|5000) messages"):
                broker.demand_nothing_dropped()
        finally:
            broker.stop()


def flood(broker: PlainBroker, count: int) -> None:
    """Publish to somebody who acknowledges nothing, who is gone afterwards."""
    login = Login("reader", "reader", "")
    with connect(broker.port, login) as reader, connect(broker.port, Login("writer", "writer", "")) as writer:
        reader.subscribe(["users/reader/inbox/+"])
        packets = encode_messages(["users/reader/inbox/writer"], count)
        for start in range(0, count, 100):
            some = packets[start : start + 100]
            writer.socket.sendall(b"".join(some))
            for _ in some:
                assert writer.read().kind == PUBACK
