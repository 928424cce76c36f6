"""TLS as docs/operations.md sets it up: everybody and every program gets through."""

import re
from pathlib import Path

import pytest

from tests.integration.tls.conftest import Server
from tests.support.nightjar import Person
from tests.support.peer import Peer, connects


def connected(server: Server, client_id: str) -> set[int]:
    """Name the broker's ports that a client has connected to, by the broker's log."""
    log = server.stack.broker.log
    ports = dict(re.findall(r"New connection from (\S+) on port (\d+)\.", log))
    return {int(ports[at]) for at in re.findall(rf"New client connected from (\S+) as {client_id} ", log)}


def test_people_write_and_read_over_tls(server: Server, alice: Person, bob: Person, tmp_path: Path) -> None:
    """Over REST and MQTT, with an authority of one's own that SSL_CERT_FILE names."""
    with bob.running("tail") as tail:
        sent = alice.out("send", bob.name, "hello").split()
        tail.wait_for_line("hello")
        assert tail.end() == 0
        assert tail.err == []
    (message,) = alice.elsewhere(tmp_path / "elsewhere").objects("history", bob.name)
    assert [message["id"], str(message["seq"])] == sent
    for person in (alice, bob):
        assert connected(server, person.login()["mqtt"]["client_id"]) == {server.mqtt_port}


def test_the_servers_own_programs_use_the_broker_over_tls(server: Server, alice: Person) -> None:
    """With mqtts:// in NIGHTJAR_MQTT_URL."""
    alice.run("send", alice.name, "a note")
    assert connected(server, r"archiver\.1") == connected(server, r"api\.\w+") == {server.mqtt_port}


@pytest.mark.parametrize("version", [4, 5])
def test_a_device_of_any_make_takes_part_over_tls(server: Server, alice: Person, bob: Person, version: int) -> None:
    """It has the authority's certificate and the `mqtt` block of a login; a token is needed here too."""
    mqtt = alice.login()["mqtt"]
    assert (mqtt["host"], mqtt["port"], mqtt["tls"]) == ("localhost", server.mqtt_port, True)

    def device(token: str) -> Peer:
        return Peer(
            mqtt["port"],
            mqtt["client_id"],
            mqtt["username"],
            token,
            version=version,
            authority=server.authority_file,
        )

    assert not connects(lambda: device("a guess"))
    with device(mqtt["password"]) as lamp:
        lamp.subscribe(f"users/{alice.name}/inbox/+")
        bob.run("send", alice.name, "on")
        lamp.wait_for(b"on")
        with bob.running("tail", alice.name) as tail:
            lamp.publish(f"users/{bob.name}/inbox/{alice.name}", b"I am on")
            tail.wait_for_line("I am on")


def test_all_come_back_over_tls_when_the_broker_starts_again(server: Server, alice: Person, bob: Person) -> None:
    """The archiver, the API and a tail; none of them leaves a traceback."""
    with bob.running("tail") as tail:
        alice.run("send", bob.name, "before")
        tail.wait_for_line("before")
        assert server.stack.broker.stop() == 0
        tail.wait_for_error("trying again")
        server.stack.broker.start()
        alice.run("send", bob.name, "after", "--timeout", "60")
        tail.wait_for_line("after")
        assert "Traceback" not in "\n".join([*tail.err, server.stack.api.log, server.stack.archiver.log])
