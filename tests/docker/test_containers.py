"""What `docker compose up` starts, how it is shut in, and what survives."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from tests.docker.compose import ONE_SHOTS, SERVERS, Compose
from tests.e2e.mqtt_peer import Peer
from tests.e2e.people import ENDED, register

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.docker, pytest.mark.timeout(1500), pytest.mark.xdist_group("docker")]


def test_the_end_to_end_tests_pass_against_the_containers(containers: Compose) -> None:
    """The same tests that pass against scripts/up, at the address of the containers."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/e2e", "-q", "-p", "no:cacheprovider"],
        cwd=ROOT,
        env={**os.environ, "NIGHTJAR_E2E_SERVER": containers.server},
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
    )
    print(done.stdout)  # noqa: T201  # shown with a failure, and by -rP
    assert done.returncode == 0, done.stdout[-8000:]
    assert " skipped" not in done.stdout.splitlines()[-1]


def test_no_container_runs_as_root(containers: Compose) -> None:
    """Neither by what it is told nor by what its processes are."""
    assert {container.service: container.user for container in containers.containers()} == {
        **dict.fromkeys(ONE_SHOTS | {"api", "archiver", "broker"}, "nightjar"),
        "postgres": "postgres",
    }
    for service in SERVERS:
        assert containers.execute(service, "id", "-u").strip() != "0", service


def test_file_systems_are_read_only_and_no_capability_is_left(containers: Compose) -> None:
    """Only volumes and /tmp can be written to; Postgres also needs a place for its socket."""
    for container in containers.containers():
        host = container.found["HostConfig"]
        assert host["ReadonlyRootfs"] == (container.service != "postgres"), container.service
        assert host["CapDrop"] == ["ALL"], container.service
        assert not host["CapAdd"], container.service
        assert any(option.startswith("no-new-privileges") for option in host["SecurityOpt"]), container.service


def test_only_loopback_is_published_and_the_database_not_at_all(containers: Compose) -> None:
    """Listening to the world takes a setting."""
    published = {container.service: set(container.published) for container in containers.containers()}
    assert {service: addresses for service, addresses in published.items() if addresses} == {
        "api": {containers.settings["NIGHTJAR_API_BIND"]},
        "broker": {containers.settings["NIGHTJAR_MQTT_BIND"]},
    }


def test_each_container_sees_only_the_secrets_it_needs(containers: Compose) -> None:
    """Private keys: the API. Its token: the archiver. Nobody who only reads may write."""
    seen = {container.service: container.volumes for container in containers.containers()}
    writable = {service: {name for name, write in volumes.items() if write} for service, volumes in seen.items()}
    assert {service for service, volumes in seen.items() if "keys" in volumes} == {"keys", "api"}
    assert {service for service, volumes in seen.items() if "archiver-token" in volumes} == {"keys", "archiver"}
    assert set(seen["broker"]) == {"public-keys", "broker-data"}
    assert writable == {
        "database-password": {"database-password"},
        "keys": {"keys", "public-keys", "archiver-token"},
        "migrations": set(),
        "postgres": {"postgres"},
        "broker": {"broker-data"},
        "api": set(),
        "archiver": set(),
    }


def test_settings_come_from_the_env_file(containers: Compose) -> None:
    """One is handed on to the program, and clients are told to come where the broker is published."""
    login = register(containers.server, "settings").login()
    assert login.answer["expires_in"] == 600
    assert f"{login.mqtt['host']}:{login.mqtt['port']}" == containers.settings["NIGHTJAR_MQTT_BIND"]


def test_accounts_messages_keys_and_revocations_survive_down_and_up(containers: Compose) -> None:
    """`down` removes the containers and none of what people have."""
    keeper = register(containers.server, "keeper")
    before, ended, body = keeper.login("before"), keeper.login("ended"), f"kept {uuid4()}"
    with Peer(before.mqtt) as peer:
        peer.publish(f"users/{keeper.username}/inbox/{keeper.username}", body.encode())
    stored = before.wait_for_message(keeper.username, body)
    assert ended.request("DELETE", "/v1/sessions/current").status_code in ENDED
    containers.run("down", "--timeout", "30")
    assert containers.containers() == []
    containers.up()
    assert before.wait_for_message(keeper.username, body) == stored
    assert keeper.login("after").wait_for_message(keeper.username, body) == stored
    with Peer(before.mqtt) as peer:
        peer.subscribe(f"users/{keeper.username}/#")
    refused = Peer(ended.mqtt)
    assert refused.connect() != "Success"
    refused.close()


def test_a_second_up_changes_nothing(containers: Compose) -> None:
    """The one-shots run again and find their work done."""
    login = register(containers.server, "again").login()
    containers.up()
    assert login.get("/v1/me")["username"] == login.person.username
