"""Messages pile up at the broker: /readyz, /metrics, the log and --status say so before one is dropped."""

import contextlib
import io
import os
from collections.abc import Callable
from contextlib import closing
from unittest import mock

import httpx
import psycopg2

from scripts.stack.__main__ import main
from tests.conftest import StackFactory
from tests.integration.archiver.world import numbered, numbers
from tests.support.raw_mqtt import CONNACK, PUBACK, RawConnection, connect_packet
from tests.support.stack import RunningStack, wait_for

LIMIT = 2000


def gauges(stack: RunningStack) -> dict[str, float]:
    """Read what /metrics says of the broker."""
    text = httpx.get(f"{stack.server}/metrics", trust_env=False, timeout=60).text
    lines = (line.split() for line in text.splitlines() if line.startswith("nightjar_broker_"))
    return {name.removeprefix("nightjar_broker_"): float(value) for name, value in lines}


def readiness(stack: RunningStack) -> dict[str, str]:
    """Ask /readyz, which has to be a 200."""
    answer = httpx.get(f"{stack.server}/readyz", trust_env=False, timeout=60)
    assert answer.status_code == 200, answer.text
    found: dict[str, str] = answer.json()
    return found


def always(stack: RunningStack, wanted: Callable[[dict[str, str]], bool]) -> bool:
    """Whether so many answers in a row are of a kind that every worker must have given one."""
    return all(wanted(readiness(stack)) for _ in range(20))


def login(stack: RunningStack, name: str) -> dict[str, str]:
    """Register somebody and return what their devices connect with."""
    account = {"username": name, "password": "a long enough secret"}
    with httpx.Client(base_url=stack.server, trust_env=False, timeout=60) as http:
        assert http.post("/v1/users", json=account).status_code == 201
        found: dict[str, str] = http.post("/v1/sessions", json=account).json()["mqtt"]
        return found


def publish(mqtt: dict[str, str], packets: list[bytes]) -> None:
    """Publish packets, each after the last was acknowledged by the hundred."""
    with RawConnection(int(mqtt["port"]), 30) as raw:
        raw.send(connect_packet(mqtt["client_id"], mqtt["username"], mqtt["password"]))
        assert raw.read_until(CONNACK)
        for start in range(0, len(packets), 100):
            part = packets[start : start + 100]
            raw.send(*part)
            for _ in part:
                assert raw.read_until(PUBACK)


def bodies(stack: RunningStack) -> list[bytes]:
    """Return what is stored."""
    with closing(psycopg2.connect(stack.database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT body FROM messages ORDER BY seq")
        return [bytes(body) for (body,) in cursor.fetchall()]


def status(stack: RunningStack) -> str:
    """Say what `scripts/up --status` would, of the API."""
    settings = {
        "NIGHTJAR_STATE_DIR": str(stack.config.state),
        "NIGHTJAR_API_BIND": str(stack.config.api),
    }
    with mock.patch.dict(os.environ, settings), contextlib.redirect_stdout(io.StringIO()) as said:
        main(["--status"])
    return said.getvalue()


def test_a_flood_is_seen_before_anything_is_dropped_and_is_over_when_it_is_stored(stack_factory: StackFactory) -> None:
    """With the archiver frozen, more than half of what may wait for it is published, by devices without an outbox."""
    stack = stack_factory(
        NIGHTJAR_BROKER_QUEUE_MESSAGES=str(LIMIT), NIGHTJAR_ARCHIVER_RECEIVE_MAXIMUM="100", NIGHTJAR_API_WORKERS="3"
    ).start()
    alice, _bob = login(stack, "alice"), login(stack, "bob")
    wait_for(lambda: gauges(stack)["held_messages"] < 20, "the broker's counters have come")
    assert always(stack, lambda answer: answer == {"status": "ready"})
    assert gauges(stack)["queue_limit_messages"] == LIMIT

    with stack.archiver.frozen():
        packets = numbered("bob", "alice", LIMIT * 3 // 4, ids=False)
        publish(alice, packets)
        wait_for(lambda: always(stack, lambda answer: answer["status"] == "degraded"), "every worker says degraded")
        assert f"of {LIMIT} that may wait for an archiver" in readiness(stack)["reason"]
        # It may have been degraded before the last of them was published: the broker tells its counters once a second.
        wait_for(lambda: gauges(stack)["held_messages"] >= len(packets), "all that was published is counted")
        seen = gauges(stack)
        assert (seen["degraded"], seen["dropped_messages"]) == (1, 0)
        assert stack.api.log.count("that may wait for an archiver") == 1
    wait_for(lambda: len(bodies(stack)) == len(packets), "all is stored", 60)
    wait_for(lambda: always(stack, lambda answer: answer == {"status": "ready"}), "every worker says ready")
    wait_for(lambda: gauges(stack)["degraded"] == 0, "the metric says so too")
    assert gauges(stack)["dropped_messages"] == 0
    assert stack.api.log.count("the broker holds little again") == 1
    assert numbers(bodies(stack)) == list(range(len(packets)))


def test_what_is_dropped_is_told(stack_factory: StackFactory) -> None:
    """More than may wait: the broker drops, counts it, and every worker says so, also once the queue is empty."""
    stack = stack_factory(NIGHTJAR_BROKER_QUEUE_MESSAGES="1000", NIGHTJAR_ARCHIVER_RECEIVE_MAXIMUM="100").start()
    alice, _bob = login(stack, "alice"), login(stack, "bob")
    with stack.archiver.frozen():
        publish(alice, numbered("bob", "alice", 1500, ids=False))
        wait_for(lambda: gauges(stack)["dropped_messages"] > 0, "the broker counts what it drops")
    # The counter may have been told before the last was dropped: it is asked again each time.
    wait_for(lambda: len(bodies(stack)) == 1500 - gauges(stack)["dropped_messages"], "the rest is stored", 60)
    wait_for(lambda: gauges(stack)["held_messages"] < 20, "nothing waits any more")
    assert always(stack, lambda answer: "the broker has dropped messages" in answer.get("reason", ""))
