"""A server that is reached over TLS, set up as docs/operations.md says, with an authority that only its users know."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from scripts.stack.config import ROOT
from scripts.stack.ports import free_port
from tests.support.directories import open_directory
from tests.support.nightjar import Person, new_person
from tests.support.stack import RunningStack
from tests.support.tls import Authority, Certificate, TlsFront

NewPerson = Callable[[], Person]


@dataclass(frozen=True)
class Server:
    """All of Nightjar, with TLS in front of REST and on a listener of the broker's."""

    stack: RunningStack
    authority: Authority
    authority_file: Path
    front: TlsFront
    mqtt_port: int

    def person(self, directory: Path, front: TlsFront | None = None) -> Person:
        """Make up somebody who knows the authority, as docs/operations.md says; they may use another front."""
        stranger = new_person((front or self.front).url, directory)
        return replace(stranger, environment={**stranger.environment, "SSL_CERT_FILE": str(self.authority_file)})

    def install(self, certificate: Certificate) -> None:
        """Put a certificate where the broker's listener looks for it."""
        certificate.write(self.stack.config.state / "broker" / "tls")


@pytest.fixture(scope="session")
def server(new_database: Callable[[], str]) -> Iterator[Server]:
    """Run a server for all tests; its own programs use the broker over TLS too."""
    with open_directory() as directory, ExitStack() as ends:
        authority, file, port = Authority(), directory / "authority.pem", free_port()
        file.write_bytes(authority.certificate)
        url = f"mqtts://localhost:{port}"
        settings = {
            "NIGHTJAR_MQTT_PUBLIC_URL": url,
            "NIGHTJAR_MQTT_URL": url,
            "SSL_CERT_FILE": str(file),
        }
        stack = RunningStack(directory, new_database(), settings)
        configured = directory / "broker" / "conf.d" / "tls.conf"
        configured.parent.mkdir(parents=True)
        configured.write_text(documented_listener().replace("8883", f"{port} 127.0.0.1"))
        front = TlsFront(stack.config.api.port, authority.issue(), directory / "front")
        made = Server(stack, authority, file, front, port)
        made.install(authority.issue())
        ends.callback(stack.stop)
        stack.start()
        ends.enter_context(front)
        yield made


def documented_listener() -> str:
    """Read the configuration of a listener from docs/operations.md."""
    found = re.search(r"```\n# tls/listener.conf\n(.*?)```", (ROOT / "docs/operations.md").read_text(), re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def registered(server: Server, tmp_path: Path) -> NewPerson:
    """Return a function that registers somebody new."""
    return lambda: server.person(tmp_path).register()


@pytest.fixture
def alice(registered: NewPerson) -> Person:
    """Somebody who is logged in."""
    return registered()


@pytest.fixture
def bob(registered: NewPerson) -> Person:
    """Somebody else who is logged in."""
    return registered()
