"""Fixtures with real parts: an embedded Postgres a run, a migrated database a test, a broker with the plugin."""

import itertools
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import psycopg2
import pytest
from hypothesis import HealthCheck, settings
from psycopg2 import sql

from db.migrate import migrate
from scripts.stack.broker import build_plugin
from scripts.stack.postgres import EmbeddedPostgres
from tests.support.directories import open_directory
from tests.support.stack import RunningStack

settings.register_profile("nightjar", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("nightjar")  # which judges by what comes out, and not by how fast

StackFactory = Callable[..., RunningStack]

LOG_END = 4000
"""Characters of a log that are shown when a test has failed."""


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """Run an embedded Postgres of this test run's own, with a migrated database `template` in it."""
    with open_directory() as directory:
        # Without fsync a kill -9 of the server still loses nothing; only a crash of the whole machine would.
        server = EmbeddedPostgres(directory, directory / "log", options=("max_connections=300", "fsync=off"))
        server.start()
        try:
            migrate(server.create_database("template"))
            yield server
        finally:
            server.stop()


@pytest.fixture
def reachable_directory() -> Iterator[Path]:
    """Make a directory with a short path that the database's system user can reach."""
    with open_directory() as directory:
        yield directory


@pytest.fixture(scope="session")
def new_database(postgres_server: EmbeddedPostgres) -> Callable[[], str]:
    """Return a function that makes another migrated, empty database and returns its URL."""
    numbers = itertools.count(1)
    return lambda: postgres_server.create_database(f"test_{next(numbers)}", template="template")


@pytest.fixture
def database_url(new_database: Callable[[], str], postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """Make a migrated, empty database for one test; it is dropped afterwards, whoever is still connected."""
    url = new_database()
    yield url
    name = url.partition("?")[0].rpartition("/")[2]
    with closing(psycopg2.connect(postgres_server.url())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def plugin() -> Path:
    """Build the broker's plugin; return its path."""
    return build_plugin()


@pytest.fixture(scope="session")
def shared_stack(new_database: Callable[[], str]) -> Iterator[RunningStack]:
    """Run one whole stack for all tests that do not break it, each with users of its own."""
    with open_directory() as directory:
        stack = RunningStack(directory, new_database())
        try:
            yield stack.start()
        finally:
            stack.stop()


@pytest.fixture
def stack_factory(reachable_directory: Path, database_url: str) -> Iterator[StackFactory]:
    """Return a function that describes a stack of this test's own, to be started and broken at will.

    It takes settings (`NIGHTJAR_…="…"`); call `.start()` on the result, or `.start("broker", "api")` for some parts.
    """
    with ExitStack() as stacks:

        def make(**settings: str) -> RunningStack:
            stack = RunningStack(reachable_directory, database_url, settings)
            stacks.callback(stack.stop)
            return stack

        yield make


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of each log of the parts that a failed test ran: a rare failure is seen once."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        report.sections += [(f"end of {log.name}", text) for log, text in _logs(item.funcargs.values())]
    return report


def _logs(fixtures: Iterable[object]) -> Iterator[tuple[Path, str]]:
    """Read the end of each log in the directories and stacks that a test has."""
    stacks = {fixture.config.state for fixture in fixtures if isinstance(fixture, RunningStack)}
    for directory in stacks | {fixture for fixture in fixtures if isinstance(fixture, Path) and fixture.is_dir()}:
        for log in sorted(directory.rglob("*.log")):
            with suppress(OSError):  # its part may be going away
                yield log, log.read_text(errors="replace")[-LOG_END:]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what was not tested."""
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if "tests/docker/" in report.nodeid]
    if skipped:
        reason = skipped[0].longrepr[2] if isinstance(skipped[0].longrepr, tuple) else str(skipped[0].longrepr)
        reason = reason.removeprefix("Skipped: ")
        terminalreporter.section("DOCKER TESTS SKIPPED", sep="!", red=True, bold=True)
        terminalreporter.line(f"The containers have NOT been tested ({len(skipped)} tests): {reason}", red=True)
