"""An archiver that becomes the first, and is disturbed meanwhile: by an outage, or by being asked to end."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.archiver.conftest import WorldFactory
from tests.integration.archiver.database_link import DatabaseLink, database_link
from tests.integration.archiver.test_sharing import Archiver, waiting, write_tokens
from tests.integration.archiver.world import World, numbered
from tests.support.stack import wait_for

_HASTY = """
import archiver.__main__, archiver.app as app
app.FIRST_EVERY_SECONDS, app.LEAVE_SECONDS, app.FINISH_SECONDS = 0.5, 2, 1
take = app.take
def look(*arguments):
    found = take(*arguments)
    print("the first number is", "free" if found else "taken", flush=True)
    return found
app.take = look
exit(archiver.__main__.main([]))
"""


@pytest.fixture
def link(database_url: str) -> Iterator[DatabaseLink]:
    """Open a way to the database that can be cut."""
    with database_link(database_url) as opened:
        yield opened


@pytest.fixture
def world(world_factory: WorldFactory, database_url: str, link: DatabaseLink) -> World:
    """Start a broker and make users; archivers reach the database over the link."""
    made = world_factory(link.url)
    made.direct_url = database_url
    return made


@pytest.fixture
def second(world: World, link: DatabaseLink, tmp_path: Path) -> Iterator[Archiver]:
    """Start two archivers, let both have messages that they cannot store, and kill the first; return the other."""
    write_tokens(world, tmp_path)
    with ExitStack() as ends:
        archivers = []
        for order in range(2):
            archivers.append(Archiver(world, tmp_path, order, ["-c", _HASTY]))
            ends.callback(archivers[-1].kill)
            archivers[-1].wait_ready()
        link.close()
        world.publish_many("alice", numbered("bob", "alice", 100))
        archivers[0].kill()
        yield archivers[1]


def is_moving(archiver: Archiver) -> bool:
    """Whether it has said that it becomes the first."""
    return "this one takes its place" in archiver.log


def test_it_leaves_nothing_under_its_number_however_long_the_database_is_away(
    world: World, link: DatabaseLink, second: Archiver
) -> None:
    """Nobody would take that number again as long as there are so few archivers."""
    wait_for(lambda: is_moving(second), "it moves")
    with pytest.raises(AssertionError):
        wait_for(lambda: second.name == "archiver.1", "it has moved", 4)
    link.reopen()
    world.wait_stored(100)
    wait_for(lambda: second.name == "archiver.1", "it has moved")
    assert second.process.stop(timeout=60) == 0
    assert waiting(world, 2) == 0


def test_it_ends_when_it_is_asked_to_while_it_moves(second: Archiver) -> None:
    wait_for(lambda: is_moving(second), "it moves")
    second.process.send(signal.SIGTERM)
    wait_for(lambda: not second.process.alive(), "it has ended")
    assert second.process.exit_status() == 0, second.log


def test_it_ends_when_it_is_asked_to_between_two_looks_at_the_first_number(second: Archiver) -> None:
    """It looks once more while it takes its leave, and must not begin anything new."""
    wait_for(lambda: "the first number is free" in second.log, "it has looked once")
    second.process.send(signal.SIGTERM)
    wait_for(lambda: not second.process.alive(), "it has ended")
    assert second.process.exit_status() == 0, second.log
    assert not is_moving(second)
