"""Whoever cannot prove to be the server is told nothing: no password, no token, no message."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from archiver.connection import BrokerAwayError, Connection
from archiver.settings import Credentials
from auth_api.broker import BrokerConnection, ignore_counter
from auth_api.tokens import MqttToken
from tests.integration.tls.conftest import Server
from tests.support.nightjar import PASSWORD, Person
from tests.support.tls import Authority, Certificate, TlsFront
from wire.broker import BrokerAddress

Impostor = Callable[[Authority], Certificate]


def of_an_unknown_authority(_: Authority) -> Certificate:
    """Make a certificate that somebody else has signed."""
    return Authority().issue()


def for_another_name(authority: Authority) -> Certificate:
    """Make a certificate of somebody else who is known to the authority."""
    return authority.issue("chat.example.org")


def that_has_expired(authority: Authority) -> Certificate:
    """Make one that was good until yesterday."""
    return authority.issue(expired=True)


IMPOSTORS = [
    pytest.param(of_an_unknown_authority, "no authority that is known here has signed it", id="unknown authority"),
    pytest.param(for_another_name, "it is for another name", id="another name"),
    pytest.param(that_has_expired, "it has expired", id="expired"),
]
UNTRUSTED = "is out of reach: its certificate is not trusted: "


@pytest.fixture
def rest(server: Server, tmp_path: Path) -> Iterator[TlsFront]:
    """Open another way to REST."""
    with TlsFront(server.stack.config.api.port, server.authority.issue(), tmp_path / "rest") as front:
        yield front


@pytest.fixture
def mqtt(server: Server, alice: Person, tmp_path: Path) -> Iterator[TlsFront]:
    """Open another way to the broker, which Alice uses."""
    with TlsFront(server.stack.mqtt_port, server.authority.issue(), tmp_path / "mqtt") as front:
        alice.change_login(lambda login: login["mqtt"].update(port=front.port))
        yield front


@pytest.mark.parametrize(("impostor", "why"), IMPOSTORS)
def test_a_rest_server_with_a_wrong_certificate_gets_no_password_and_no_token(
    server: Server, rest: TlsFront, tmp_path: Path, impostor: Impostor, why: str
) -> None:
    """Status 6 and one line, for who logs in and for who is logged in."""
    carol = server.person(tmp_path, rest).register()
    assert PASSWORD.encode() in rest.said, "it would be seen here"
    rest.present(impostor(server.authority))
    password = f"{PASSWORD}\n".encode()
    for arguments, stdin in (
        (("history", carol.name), b""),
        (("login", carol.name, "--password-stdin"), password),
        (("register", "somebody", "--password-stdin"), password),
    ):
        assert carol.fails(*arguments, stdin=stdin, status=6).startswith(f"{rest.url} {UNTRUSTED}{why}")
    assert rest.heard_nothing_from(3)


@pytest.mark.parametrize(("impostor", "why"), IMPOSTORS)
def test_a_broker_with_a_wrong_certificate_gets_no_token(
    server: Server, alice: Person, mqtt: TlsFront, impostor: Impostor, why: str
) -> None:
    """`tail` ends with status 6 and one line."""
    mqtt.present(impostor(server.authority))
    assert alice.fails("tail", status=6).startswith(f"the broker at localhost:{mqtt.port} {UNTRUSTED}{why}")
    assert mqtt.heard_nothing_from(1)


def test_what_waits_for_the_right_broker_says_why_and_is_delivered_to_it(
    server: Server, alice: Person, bob: Person, mqtt: TlsFront
) -> None:
    """`send` and `read` end with status 4; the next command that gets through delivers what was sent."""
    bob.change_login(lambda login: login["mqtt"].update(port=mqtt.port))
    mqtt.present(for_another_name(server.authority))
    with (
        alice.running("send", bob.name, "one", "--timeout", "20") as send,
        bob.running("read", alice.name, "1", "--timeout", "20") as read,
    ):
        assert (send.wait(), read.wait()) == (4, 4)
    for (line,) in (send.err, read.err):
        why = f"(the broker at localhost:{mqtt.port} {UNTRUSTED}it is for another name)"
        assert line.startswith(f"nightjar: not confirmed in time {why}: ")
    assert bytes(mqtt.said) == b""
    mqtt.present(server.authority.issue())
    alice.run("send", bob.name, "two", "--timeout", "60")
    assert [message["body"] for message in bob.objects("history", alice.name)] == ["one", "two"]
    assert alice.login()["mqtt"]["password"].encode() in mqtt.said, "it would have been seen here"


def test_an_authority_that_is_not_known_yet_is_asked_for_by_name(server: Server, tmp_path: Path) -> None:
    """The line names SSL_CERT_FILE, and what stands in it: OpenSSL says nothing of a file that is not there."""
    carol = server.person(tmp_path)
    unset = {name: value for name, value in carol.environment.items() if name != "SSL_CERT_FILE"}
    line = replace(carol, environment=unset).fails("login", carol.name, "--password-stdin", stdin=b"x\n", status=6)
    assert line.endswith("no authority that is known here has signed it (one of your own goes into SSL_CERT_FILE)")
    wrong = {**unset, "SSL_CERT_FILE": "/nowhere/ca.pem"}
    line = replace(carol, environment=wrong).fails("login", carol.name, "--password-stdin", stdin=b"x\n", status=6)
    assert line.endswith("has signed it (is it in SSL_CERT_FILE, /nowhere/ca.pem?)")


def test_a_server_without_tls_is_refused_where_tls_was_asked_for(server: Server, tmp_path: Path) -> None:
    """Nobody falls back to plain text."""
    carol = server.person(tmp_path)
    plain = f"https://localhost:{server.stack.config.api.port}"
    line = carol.fails("--server", plain, "login", carol.name, "--password-stdin", stdin=b"x\n", status=6)
    assert line == f"{plain} is out of reach: it does not speak TLS there"


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Make an authority that this process knows."""
    made, file = Authority(), tmp_path / "authority.pem"
    file.write_bytes(made.certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return made


@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")  # paho leaves it to us to forget it
@pytest.mark.parametrize(("impostor", "why"), IMPOSTORS)
async def test_the_servers_programs_give_their_tokens_to_no_other_broker(
    authority: Authority, tmp_path: Path, impostor: Impostor, why: str
) -> None:
    """The archiver and the API say why they do not connect."""
    with TlsFront(0, impostor(authority), tmp_path / "front") as front:
        address = BrokerAddress("localhost", front.port, tls=True)
        archiver = Connection(address, Credentials("archiver", "archiver.1", "token"), 10)
        with pytest.raises(BrokerAwayError, match=f"its certificate is not trusted: {why}"):
            await archiver.__aenter__()
        api = BrokerConnection(address, MqttToken("token", "api", "api.1", 2**40), lambda: None, ignore_counter)
        assert api.run().startswith(f"the broker {UNTRUSTED}{why}")
        assert front.heard_nothing_from(2)
