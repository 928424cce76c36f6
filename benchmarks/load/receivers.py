"""Receivers: they acknowledge what comes and count it. Ours, mosquitto_sub, and a plain loop over aiomqtt."""

import asyncio
import select
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Thread

from aiomqtt import Client, PublishPacket, QoS

from benchmarks.errors import BenchmarkError
from benchmarks.load.connections import Connection, Filters, open_all
from benchmarks.mqtt import HOST, PUBLISH, RECEIVE_MAXIMUM, Login, Packet, connect
from benchmarks.workers import Counter, Done, Pilot, own_cpu_seconds


@dataclass(frozen=True)
class Receiving:
    """Each of `receivers` subscribes to its filters; all together are to get `messages` at QoS 1.

    What comes at QoS 0, receipts for example, is read and not counted.
    """

    port: int
    receivers: Sequence[tuple[Login, Filters]]
    messages: int
    timeout: float = 60.0


def receive(pilot: Pilot, job: Receiving, counter: Counter) -> Done:
    """Receive until all have come. Raises BenchmarkError when some stay away."""
    connections = open_all(job.port, job.receivers)
    pilot.ready()
    began, count, deadline = own_cpu_seconds(), 0, time.monotonic() + job.timeout
    by_number = {connection.fileno(): connection for connection in connections}
    with select.epoll() as epoll:
        for number in by_number:
            epoll.register(number, select.EPOLLIN)
        while count < job.messages:
            for number, _ in epoll.poll(0.5):
                count += _acknowledge(by_number[number])
            counter.value = count
            if time.monotonic() > deadline:
                raise BenchmarkError(f"{count} of {job.messages} messages were delivered in {job.timeout:.0f} s")
    return Done(count, time.monotonic(), own_cpu_seconds() - began)


def _acknowledge(connection: Connection) -> int:
    """Acknowledge what has come at QoS 1; returns how many."""
    packets: list[Packet] = []
    connection.receive(packets)
    numbers = []
    for kind, flags, body in packets:
        if kind == PUBLISH and flags & 6:
            end = 2 + (body[0] << 8 | body[1])
            numbers.append(b"\x40\x02" + body[end : end + 2])
    if numbers:
        connection.socket.setblocking(True)
        connection.socket.sendall(b"".join(numbers))
        connection.socket.setblocking(False)
    return len(numbers)


def receive_with_aiomqtt(pilot: Pilot, port: int, login: Login, topic_filter: str, counter: Counter) -> float:
    """Receive and acknowledge in a plain loop until told to stop; returns the CPU seconds."""
    return asyncio.run(_aiomqtt(pilot, port, login, topic_filter, counter))


async def _aiomqtt(pilot: Pilot, port: int, login: Login, topic_filter: str, counter: Counter) -> float:
    client = Client(
        hostname=HOST,
        port=port,
        identifier=login.client_id,
        username=login.username,
        password=login.password.encode(),
        clean_start=True,
        receive_max=RECEIVE_MAXIMUM,
    )
    async with client:
        await client.subscribe(topic_filter, max_qos=QoS.AT_LEAST_ONCE)
        pilot.ready()
        began = own_cpu_seconds()

        async def loop() -> None:
            async for message in client.messages():
                if isinstance(message, PublishPacket) and message.packet_id is not None:
                    await client.puback(message.packet_id)
                    counter.value += 1

        task = asyncio.create_task(loop())
        await asyncio.to_thread(pilot.wait_for_stop)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return own_cpu_seconds() - began


@contextmanager
def mosquitto_sub(port: int, login: Login, topic_filter: str, prober: Login, counter: Counter) -> Iterator[int]:
    """Run mosquitto_sub on a filter `users/+/inbox/+`, counting what it prints; yields its process id.

    Each message has to be without a line feed. Raises BenchmarkError when it does not subscribe.
    """
    argv = ["mosquitto_sub", "-V", "mqttv5", "-h", HOST, "-p", str(port), "-i", login.client_id, "-u", login.username]
    argv += ["-P", login.password, "-q", "1", "-D", "connect", "receive-maximum", str(RECEIVE_MAXIMUM)]
    child = subprocess.Popen([*argv, "-t", topic_filter], stdout=subprocess.PIPE)
    reader = Thread(target=_count_lines, args=(child, counter), daemon=True)
    try:
        probes = _await_subscription(port, prober)
        reader.start()
        _await_count(counter, probes)
        counter.value = 0
        yield child.pid
    finally:
        child.terminate()
        child.wait()
        if reader.is_alive():
            reader.join()


def _await_subscription(port: int, prober: Login) -> int:
    """Publish until somebody subscribes; returns how many messages that somebody got."""
    deadline = time.monotonic() + 10
    with connect(port, prober) as link:
        while link.publish("users/probe/inbox/probe", b"probe") != 0:
            if time.monotonic() > deadline:
                raise BenchmarkError("mosquitto_sub does not subscribe")
            time.sleep(0.02)
    return 1


def _await_count(counter: Counter, count: int) -> None:
    deadline = time.monotonic() + 10
    while counter.value < count:
        if time.monotonic() > deadline:
            raise BenchmarkError("mosquitto_sub prints nothing")
        time.sleep(0.01)


def _count_lines(child: subprocess.Popen[bytes], counter: Counter) -> None:
    assert child.stdout  # noqa: S101  # it was asked for
    while part := child.stdout.read1(1 << 20):  # type: ignore[attr-defined]  # a BufferedReader
        counter.value += part.count(b"\n")
