"""The server that is tested, and the few people that the tests share: a real one limits registrations."""

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.people import Person, register
from tests.e2e.terminal import Terminal

NewTerminal = Callable[..., Terminal]


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> str:
    """Name the REST server: NIGHTJAR_E2E_SERVER, or that of a stack started for this run."""
    given = os.environ.get("NIGHTJAR_E2E_SERVER")
    url: str = given or request.getfixturevalue("shared_stack").server
    return url.rstrip("/")


@pytest.fixture(scope="session")
def alice(server: str) -> Person:
    """Register somebody whose account no test changes."""
    return register(server, "alice")


@pytest.fixture(scope="session")
def bob(server: str) -> Person:
    """Register somebody else whose account no test changes."""
    return register(server, "bob")


@pytest.fixture
def new_terminal(server: str, tmp_path: Path) -> NewTerminal:
    """Return a function that makes another terminal; given a person, it is logged in."""
    numbers = itertools.count(1)

    def make(person: Person | None = None) -> Terminal:
        terminal = Terminal(server, tmp_path / f"terminal-{next(numbers)}")
        if person:
            terminal.login(person.username, person.password)
        return terminal

    return make
