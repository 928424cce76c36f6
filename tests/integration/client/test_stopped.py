"""A command that is stopped while it renews the login: it holds nobody up, and the login survives it."""

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.nightjar import Person, Running, new_person
from tests.support.stack import RunningStack, wait_for


class Relay:
    """A way to the REST server on which answers can be withheld."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open = threading.Event()
        self.withheld = threading.Event()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.let_through()
        threading.Thread(target=self._accept, daemon=True).start()

    def withhold(self) -> None:
        """Keep back what the server answers from now on; `withheld` is set when there is something."""
        self.withheld.clear()
        self._open.clear()

    def let_through(self) -> None:
        """Pass on what was kept back, and all that comes."""
        self._open.set()

    def close(self) -> None:
        """Accept nobody any more."""
        self.let_through()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                threading.Thread(target=self._pass, args=(near, far), daemon=True).start()
                threading.Thread(target=self._pass, args=(far, near, True), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, answers: bool = False) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if answers and not self._open.is_set():
                    self.withheld.set()
                    self._open.wait(60)
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        target.close()


@pytest.fixture
def relay(shared_stack: RunningStack) -> Iterator[Relay]:
    """Stand between people and the REST server."""
    relay = Relay(shared_stack.config.api.port)
    yield relay
    relay.close()


@pytest.fixture
def person(relay: Relay, tmp_path: Path) -> Person:
    """Somebody who reaches the server over the relay, and whose access token has run out."""
    person = new_person(relay.url, tmp_path).register()
    run_out(person)
    return person


def run_out(person: Person) -> None:
    """Let the access token run out."""
    person.change_login(lambda login: login.update(access_ends_at=0.0))


def is_stopped(running: Running) -> bool:
    """Say whether the kernel has stopped a process."""
    return Path(f"/proc/{running.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_another_command_takes_over_from_a_stopped_one_which_then_spoils_nothing(relay: Relay, person: Person) -> None:
    """The server has given the new token out; only the stopped process has been told."""
    relay.withhold()
    with person.running("whoami") as stopped:
        assert relay.withheld.wait(60)
        stopped.process.send_signal(signal.SIGSTOP)
        relay.let_through()
        begun = time.monotonic()
        person.run("whoami")
        assert time.monotonic() - begun < 20, "it does not wait until its patience of 30 s is over"
        after = person.login()
        stopped.process.send_signal(signal.SIGCONT)
        assert stopped.wait() in (0, 6)
        assert not any("Traceback" in line for line in stopped.err)
        assert person.login() == after
    run_out(person)
    person.run("whoami")


def test_ctrl_z_waits_until_the_new_login_is_on_disk(relay: Relay, person: Person) -> None:
    before = person.login()["refresh_token"]
    relay.withhold()
    with person.running("whoami") as command:
        assert relay.withheld.wait(60)
        command.process.send_signal(signal.SIGTSTP)
        relay.let_through()
        wait_for(lambda: is_stopped(command), "it is stopped")
        assert person.login()["refresh_token"] != before
        command.process.send_signal(signal.SIGCONT)
        assert command.wait() == 0
