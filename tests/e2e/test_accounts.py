"""Accounts and sessions, on the command line and over REST, and what ending them means at the broker."""

import socket

import pytest

from tests.e2e.conftest import NewTerminal
from tests.e2e.mqtt_peer import Peer
from tests.e2e.people import ENDED, Person, new_name, register


@pytest.fixture(scope="module")
def mallory(server: str) -> Person:
    """Register somebody whose sessions the tests end."""
    return register(server, "mallory")


def test_somebody_registers_logs_in_and_out_on_the_command_line(new_terminal: NewTerminal) -> None:
    """The whole life of a login, with tokens in files that only their owner can read."""
    terminal, username, password = new_terminal(), new_name("carol"), b"a password of carol's\n"
    terminal.run("whoami", expect=5)
    terminal.run("register", username, "--password-stdin", stdin=password)
    terminal.run("login", username, "--password-stdin", stdin=password)
    assert username in terminal.run("whoami")
    [session] = [session for session in terminal.json("sessions") if session["current"]]
    assert session["id"]
    files = [path for path in terminal.home.rglob("*") if path.is_file()]
    holding = [path for path in files if b"eyJ" in path.read_bytes()]
    assert holding, "the tokens are kept somewhere"
    assert all(path.stat().st_mode & 0o077 == 0 for path in holding), "only the owner reads the tokens"
    terminal.run("logout")
    terminal.run("send", username, "to myself", expect=5)
    terminal.run("register", username, "--password-stdin", stdin=password, expect=1)


def test_a_wrong_password_ends_with_status_1(alice: Person, new_terminal: NewTerminal) -> None:
    """It is told in one line."""
    new_terminal().run("login", alice.username, "--password-stdin", stdin=b"not the password\n", expect=1)


def test_wrong_usage_ends_with_status_2(new_terminal: NewTerminal) -> None:
    """An unknown command, a missing argument and an argument of the wrong kind."""
    terminal = new_terminal()
    terminal.run("no-such-command", expect=2)
    terminal.run("history", expect=2)
    terminal.run("history", "bob", "-n", "many", expect=2)


def test_a_server_out_of_reach_ends_with_status_6(alice: Person, new_terminal: NewTerminal) -> None:
    """Nothing listens there."""
    terminal = new_terminal()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    terminal.environment["NIGHTJAR_SERVER"] = f"http://127.0.0.1:{port}"
    terminal.run("login", alice.username, "--password-stdin", stdin=b"whatever it is\n", expect=6)


def test_logout_cuts_the_connection_and_voids_the_tokens(mallory: Person) -> None:
    """Neither the access token nor the MQTT token is of any use afterwards."""
    login = mallory.login("the phone")
    with Peer(login.mqtt) as peer:
        peer.subscribe(f"users/{mallory.username}/#")
        assert login.request("DELETE", "/v1/sessions/current").status_code in ENDED
        peer.wait_until_cut()
    again = Peer(login.mqtt)
    assert again.connect() != "Success"
    again.close()
    assert login.request("GET", "/v1/me").status_code == 401
    assert login.request("POST", "/v1/sessions/current/mqtt").status_code == 401


def test_one_device_ends_another(mallory: Person) -> None:
    """The other one's connection is cut, one's own is not."""
    old, new = mallory.login("lost in a taxi"), mallory.login("the new one")
    sessions = {session["id"]: session for session in new.get("/v1/sessions")["sessions"]}
    assert sessions[old.device_id]["name"] == "lost in a taxi"
    assert (sessions[old.device_id]["current"], sessions[new.device_id]["current"]) == (False, True)
    with Peer(old.mqtt) as lost, Peer(new.mqtt) as kept:
        assert new.request("DELETE", f"/v1/sessions/{old.device_id}").status_code in ENDED
        lost.wait_until_cut()
        kept.subscribe(f"users/{mallory.username}/#")
    assert old.device_id not in {session["id"] for session in new.get("/v1/sessions")["sessions"]}


def test_a_new_password_ends_every_other_session(server: str) -> None:
    """The session that changed it goes on."""
    erin = register(server, "erin")
    here, elsewhere = erin.login("here"), erin.login("elsewhere")
    changed = f"{erin.password} changed"
    with Peer(elsewhere.mqtt) as cut, Peer(here.mqtt) as kept:
        body = {"current_password": erin.password, "new_password": changed}
        assert here.request("PUT", "/v1/me/password", json=body).status_code in ENDED
        cut.wait_until_cut()
        kept.subscribe(f"users/{erin.username}/#")
    assert elsewhere.request("GET", "/v1/me").status_code == 401
    assert here.request("GET", "/v1/me").status_code == 200
    assert erin.login(password=changed).get("/v1/me")["username"] == erin.username


def test_a_deleted_account_is_gone_and_its_name_is_not_given_again(server: str) -> None:
    """It takes the right password."""
    frank = register(server, "frank")
    login = frank.login()
    with Peer(login.mqtt) as peer:
        assert login.request("DELETE", "/v1/me", json={"password": "not it"}).status_code == 403
        assert login.request("DELETE", "/v1/me", json={"password": frank.password}).status_code in ENDED
        peer.wait_until_cut()
    assert login.request("GET", f"/v1/users/{frank.username}").status_code in {401, 404}
