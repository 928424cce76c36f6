"""People with registered accounts and profiles of their own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.nightjar import Person, new_person
from tests.support.stack import RunningStack

NewPerson = Callable[[], Person]


@pytest.fixture
def registered(shared_stack: RunningStack, tmp_path: Path) -> NewPerson:
    """Return a function that registers somebody new at the shared stack."""
    return lambda: new_person(shared_stack.server, tmp_path).register()


@pytest.fixture
def alice(registered: NewPerson) -> Person:
    """Somebody who is logged in."""
    return registered()


@pytest.fixture
def bob(registered: NewPerson) -> Person:
    """Somebody else who is logged in."""
    return registered()
