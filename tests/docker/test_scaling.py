"""`docker compose up --scale archiver=3`: containers that are all the same share the work and lose nothing."""

import time

import pytest

from tests.docker.compose import Compose
from tests.e2e.mqtt_peer import Peer
from tests.e2e.people import Login, register

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1500), pytest.mark.xdist_group("docker")]

EACH = 40


def publish(login: Login, part: str) -> None:
    """Send oneself some messages, as a device without an outbox does: without ids, and once."""
    name = login.person.username
    with Peer(login.mqtt) as peer:
        for number in range(EACH):
            peer.publish(f"users/{name}/inbox/{name}", f"{part} {number}".encode())


def wait_stored(login: Login, *parts: str) -> None:
    """Wait until every message of these parts is stored, and see that each is so once."""
    wanted = sorted(f"{part} {number}" for part in parts for number in range(EACH))
    deadline = time.monotonic() + 90
    while (found := sorted(each["body"] for each in login.history_with(login.person.username, limit=200))) != wanted:
        assert time.monotonic() < deadline, f"{len(found)} of {len(wanted)} are stored"
        time.sleep(0.2)


def numbers(containers: Compose) -> list[str]:
    """Name the client ids that the archivers say they have."""
    lines = [line for each in containers.archivers() for line in containers.said(each).splitlines()]
    return sorted(line.rpartition(" ")[2] for line in lines if "this is archiver." in line)


def test_three_share_one_is_killed_and_two_are_taken_away(containers: Compose) -> None:
    """Nothing is lost and nothing is stored twice, whichever container is stopped when there are fewer."""
    login = register(containers.server, "scaling").login()
    containers.scale_archivers(3)
    assert numbers(containers) == ["archiver.1", "archiver.2", "archiver.3"]
    publish(login, "three")
    [second] = [each for each in containers.archivers() if "this is archiver.2" in containers.said(each)]
    containers.kill(second)
    publish(login, "two")
    containers.scale_archivers(3)
    assert containers.said(second).count("this is archiver.2") == 2
    wait_stored(login, "three", "two")
    containers.scale_archivers(1)
    publish(login, "one")
    wait_stored(login, "three", "two", "one")
