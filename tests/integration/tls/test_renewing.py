"""A certificate of the broker's that is renewed while it runs: SIGHUP, as docs/operations.md says."""

from collections.abc import Iterator

import pytest

from tests.integration.tls.conftest import Server
from tests.support.nightjar import Person
from tests.support.stack import wait_for
from tests.support.tls import Certificate, served_serial


@pytest.fixture
def renewing(server: Server) -> Iterator[Server]:
    """Leave the server with a good certificate, whatever the test does."""
    yield server
    renew(server, server.authority.issue())


def renew(server: Server, certificate: Certificate) -> None:
    """Put a certificate into its place, have the broker read it, and wait until it shows it."""
    server.install(certificate)
    server.stack.broker.reload()
    wait_for(lambda: served_serial(server.mqtt_port) == certificate.serial, "the new certificate is shown")


def test_a_renewed_certificate_is_shown_and_cuts_nobody_off(renewing: Server, alice: Person, bob: Person) -> None:
    """Those who are connected hear nothing of it, and the plugin goes on guarding and letting in."""
    with bob.running("tail") as tail:
        alice.run("send", bob.name, "before")
        tail.wait_for_line("before")
        renew(renewing, renewing.authority.issue())
        alice.run("send", bob.name, "after")
        tail.wait_for_line("after")
        assert tail.err == []


def test_a_certificate_that_has_expired_is_mended_by_a_renewed_one(
    renewing: Server, alice: Person, bob: Person
) -> None:
    """Nobody new gets in meanwhile."""
    renew(renewing, renewing.authority.issue(expired=True))
    assert alice.fails("tail", status=6).endswith("its certificate is not trusted: it has expired")
    renew(renewing, renewing.authority.issue())
    alice.run("send", bob.name, "again")
    assert len(bob.objects("history", alice.name)) == 1
