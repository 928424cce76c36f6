"""An archiver of a test's own, with a real broker and the real plugin, over a database of its own."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psutil
import psycopg2
import pytest

from archiver.storage import Storage
from db.migrate import migrate
from scripts.stack.postgres import EmbeddedPostgres
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


@pytest.fixture
def url(database_url: str) -> str:
    """Make a database with users in it."""
    with closing(psycopg2.connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO users (username) SELECT 'user' || n FROM generate_series(0, 9) AS n")
    return database_url


@pytest.fixture
def storage(url: str) -> Iterator[Storage]:
    """Open the storage."""
    opened = Storage(url)
    yield opened
    opened.end()


def processes(server: EmbeddedPostgres) -> list[psutil.Process]:
    """List the server's processes."""
    assert server.process
    if not server.process.alive():
        return []
    postmaster = psutil.Process(server.process.pid)
    return [postmaster, *postmaster.children(recursive=True)]


@pytest.fixture
def own_postgres(reachable_directory: Path) -> Iterator[EmbeddedPostgres]:
    """Run a Postgres that the test may stop."""
    server = EmbeddedPostgres(reachable_directory, reachable_directory / "log")
    server.start()
    yield server
    for process in processes(server):
        process.send_signal(signal.SIGCONT)
    server.stop()


def start_over(world_factory: WorldFactory, server: EmbeddedPostgres, **settings: str) -> World:
    """Start an archiver over a server of the test's own."""
    url = server.create_database("own")
    migrate(url)
    world = world_factory(url, **settings)
    world.start()
    return world
