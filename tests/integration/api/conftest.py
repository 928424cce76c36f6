"""A running API over a real Postgres and a real broker, and people who use it."""

import itertools
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import psycopg2
import pytest
from psycopg2.extensions import connection

from auth_api.pool import Pool
from tests.integration.api.archive import Archive
from tests.integration.api.people import Person, register
from tests.support.directories import open_directory
from tests.support.stack import RunningStack

FAST_HASH = "scrypt:1024:8:1"
"""Most tests are not about hashing; those that are set what they need."""


@pytest.fixture(scope="session")
def api_stack(new_database: Callable[[], str]) -> Iterator[RunningStack]:
    """Run a broker and the API for all tests that do not break them, each with users of its own."""
    settings = {"NIGHTJAR_PASSWORD_HASH": FAST_HASH, "NIGHTJAR_LOGIN_LIMIT": "1000/minute"}
    with open_directory() as directory:
        stack = RunningStack(directory, new_database(), settings)
        try:
            yield stack.start("broker", "api")
        finally:
            stack.stop()


@pytest.fixture
def http(api_stack: RunningStack) -> Iterator[httpx.Client]:
    """Open a client of the running API."""
    with httpx.Client(base_url=api_stack.server, trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture
def new_person(http: httpx.Client) -> Callable[[], Person]:
    """Return a function that registers another person and logs them in."""
    numbers = itertools.count(1)
    token = secrets.token_hex(4)
    return lambda: register(http, f"p{token}-{next(numbers)}")


@pytest.fixture
def alice(new_person: Callable[[], Person]) -> Person:
    """Register somebody."""
    return new_person()


@pytest.fixture
def bob(new_person: Callable[[], Person]) -> Person:
    """Register somebody else."""
    return new_person()


@pytest.fixture
def db(api_stack: RunningStack) -> Iterator[connection]:
    """Open the running API's database; every statement stands alone."""
    with closing(psycopg2.connect(api_stack.database_url)) as opened:
        opened.autocommit = True
        yield opened


@pytest.fixture
def archive(db: connection) -> Archive:
    """Write messages into the running API's archive."""
    return Archive(db)


@pytest.fixture
def key_settings(tmp_path: Path) -> dict[str, str]:
    """Name the directories of keys of one test."""
    return {
        "NIGHTJAR_KEYS_DIR": str(tmp_path / "private"),
        "NIGHTJAR_PUBLIC_KEYS_DIR": str(tmp_path / "public"),
    }


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    """Open a pool over a database of this test's own."""
    opened = Pool(database_url, 2)
    yield opened
    opened.close()


@pytest.fixture
def own_db(database_url: str) -> Iterator[connection]:
    """Open the database of `pool`; every statement stands alone."""
    with closing(psycopg2.connect(database_url)) as opened:
        opened.autocommit = True
        yield opened
