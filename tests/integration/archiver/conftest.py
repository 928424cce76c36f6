"""An archiver of a test's own, with a real broker and the real plugin, over a database of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.archiver.world import World
from tests.support.broker import Broker, Realm

WorldFactory = Callable[..., World]


@pytest.fixture
def world_factory(tmp_path: Path, plugin: Path, database_url: str) -> Iterator[WorldFactory]:
    """Return a function that starts broker and users, but no archiver yet; it takes settings of the archiver."""
    with ExitStack() as ends:

        def make(url: str = database_url, **settings: str) -> World:
            realm = Realm(Broker(tmp_path / "broker", plugin)).start()
            ends.callback(realm.broker.stop)
            ends.callback(realm.close)
            world = World(tmp_path, realm, url, settings)
            ends.callback(world.stop)
            world.add_users("alice", "bob", "carol")
            return world

        yield make


@pytest.fixture
def world(world_factory: WorldFactory) -> World:
    """Start everything, the archiver too, and wait until it is ready."""
    world = world_factory()
    world.start()
    return world
