"""Several archivers that share the work: who is which, what a crash costs, and how one leaves."""

import os
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from scripts.stack.config import ROOT
from scripts.stack.process import Command, Process
from tests.integration.archiver.conftest import WorldFactory
from tests.integration.archiver.database_link import database_link
from tests.integration.archiver.world import World, numbered, numbers
from tests.support.raw_mqtt import publish_packet
from tests.support.stack import wait_for
from wire.topics import inbox

MOST = 4
Start = Callable[..., "Archiver"]


class Archiver:
    """One of several processes over the same tokens and the same database."""

    def __init__(self, world: World, directory: Path, order: int, program: list[str]) -> None:
        self._program = program
        self._health = directory / f"health-{order}"
        self._log = directory / f"archiver-{order}.log"
        environment = {
            **world.environment(),
            "NIGHTJAR_ARCHIVER_INSTANCE": "auto",
            "NIGHTJAR_ARCHIVERS_MOST": str(MOST),
            "NIGHTJAR_ARCHIVER_TOKEN_FILE": str(directory / "tokens" / "token"),
            "NIGHTJAR_ARCHIVER_HEALTH_FILE": str(self._health),
        }
        self._environment = environment
        self.process = self._start()

    def _start(self, *arguments: str) -> Process:
        argv = [sys.executable, *self._program, *arguments]
        return Process(Command("archiver", argv, self._log, ROOT, self._environment))

    def kill(self) -> None:
        """Kill -9 the process that runs now."""
        self.process.kill()

    def restart(self, **changed: str) -> None:
        """Start it again after it has ended, with other settings too."""
        self._environment |= changed
        self._health.unlink(missing_ok=True)
        self.process = self._start()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command with the same settings to its end."""
        return subprocess.run(
            [sys.executable, "-m", "archiver", *arguments],
            env={**os.environ, **self._environment},
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    @property
    def log(self) -> str:
        """All that it has written."""
        return self._log.read_text()

    @property
    def name(self) -> str:
        """The number that it says it has, as its client id."""
        said = [line for line in self.log.splitlines() if "this is archiver." in line]
        return said[-1].rpartition(" ")[2] if said else ""

    def wait_ready(self) -> "Archiver":
        """Wait until it is connected to broker and database."""

        def ready() -> bool:
            assert self.process.alive(), self.log
            return self._health.exists() and '"ready"' in self._health.read_text()

        wait_for(ready, "the archiver is ready", 60)
        return self


def write_tokens(world: World, directory: Path) -> Path:
    """Write what `service-token archiver` writes, with the key of this broker."""
    tokens = directory / "tokens"
    tokens.mkdir()
    for number in range(1, MOST + 1):
        (tokens / f"token.{number}").write_text(world.realm.token("archiver", f"archiver.{number}"))
        (tokens / f"token.{number}.lock").touch()
    return tokens


@pytest.fixture
def world(world_factory: WorldFactory) -> World:
    """Start a broker and make users; every test starts archivers itself."""
    return world_factory(NIGHTJAR_ARCHIVER_RECEIVE_MAXIMUM="200", NIGHTJAR_ARCHIVER_BATCH_ROWS="50")


@pytest.fixture
def tokens(world: World, tmp_path: Path) -> Path:
    """Write what `service-token archiver` writes, with the key of this broker."""
    return write_tokens(world, tmp_path)


@pytest.fixture
def start(world: World, tokens: Path) -> Iterator[Start]:
    """Return a function that starts another archiver and waits until it is ready."""
    with ExitStack() as ends:

        def make(*program: str) -> Archiver:
            started = Archiver(world, tokens.parent, len(made), list(program or ("-m", "archiver")))
            made.append(started)
            ends.callback(started.kill)
            return started.wait_ready()

        made: list[Archiver] = []
        yield make


def numbered_311(to: str, sender: str, count: int) -> list[bytes]:
    """Write messages as an MQTT 3.1.1 client does, without an id; their bodies are their numbers."""
    return [
        publish_packet(inbox(to, sender), struct.pack(">I", number), packet_id=number % 60_000 + 1, version=4)
        for number in range(count)
    ]


def waiting(world: World, number: int) -> int:
    """Count what the broker holds for an archiver that is away, without taking it."""
    session = world.connect("archiver", str(number), clean=False, session_seconds=3600)
    session.unsubscribe("nothing/at/all")  # answered after all that waits
    session.close()
    return len(session.messages)


def is_stored_once(world: World, count: int) -> None:
    """Every message is there and none is there twice: half are by alice, with ids, and half by bob, without."""
    world.wait_stored(count, 60)
    rows = world.query("SELECT username, body FROM messages JOIN users ON users.id = sender_id")
    for sender in ("alice", "bob"):
        bodies = [bytes(body) for username, body in rows if username == sender]
        assert sorted(numbers(bodies)) == list(range(count // 2))


def test_each_takes_the_lowest_free_number_and_a_killed_one_takes_it_again(start: Start) -> None:
    archivers = [start() for _ in range(3)]
    assert [each.name for each in archivers] == ["archiver.1", "archiver.2", "archiver.3"]
    archivers[1].kill()
    archivers[1].restart()
    assert archivers[1].wait_ready().name == "archiver.2"


def test_without_a_free_number_it_ends_with_one_line(start: Start) -> None:
    archivers = [start() for _ in range(MOST)]
    ended = archivers[0].run()
    assert ended.returncode == 2
    assert ended.stderr == (
        f"NIGHTJAR_ARCHIVER_INSTANCE: all {MOST} numbers (NIGHTJAR_ARCHIVERS_MOST) are taken by archivers that run\n"
    )


def test_without_the_files_of_the_numbers_it_ends_with_one_line(start: Start, tokens: Path) -> None:
    archiver = start()
    for file in tokens.iterdir():
        file.unlink()
    ended = archiver.run()
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"NIGHTJAR_ARCHIVER_TOKEN_FILE: {tokens}/token.1.lock cannot be opened: ")
    assert ended.stderr.count("\n") == 1


def test_a_number_is_held_although_its_token_is_replaced(start: Start, tokens: Path) -> None:
    """The one-shot that mints tokens runs again at every start, whoever is running."""
    start()
    renewed = tokens / "new"
    renewed.write_text((tokens / "token.1").read_text())
    renewed.replace(tokens / "token.1")
    assert start().name == "archiver.2"


def test_three_share_5000_messages_and_one_is_killed_meanwhile(world: World, start: Start) -> None:
    """With ids, and without them as an MQTT 3.1.1 client sends: all are stored, each once."""
    archivers = [start() for _ in range(3)]
    with_ids, without = numbered("bob", "alice", 2500), numbered_311("alice", "bob", 2500)
    world.publish_many("alice", with_ids[:1000])
    world.publish_many("bob", without[:1000], version=4)
    archivers[1].kill()
    world.publish_many("alice", with_ids[1000:])
    world.publish_many("bob", without[1000:], version=4)
    assert world.stored() < 5000
    archivers[1].restart()
    is_stored_once(world, 5000)
    for number, archiver in enumerate(archivers, 1):
        archiver.kill()
        assert waiting(world, number) == 0


def test_one_that_is_asked_to_end_leaves_nothing_behind(world: World, start: Start) -> None:
    """It stores what the broker has for it and gets no more, so that fewer archivers lose nothing."""
    archivers = [start() for _ in range(3)]
    world.publish_many("alice", numbered("bob", "alice", 2000))
    for leaving in archivers[:0:-1]:
        leaving.process.send(signal.SIGTERM)
    world.publish_many("bob", numbered("alice", "bob", 2000, ids=False))
    for number, leaving in ((3, archivers[2]), (2, archivers[1])):
        wait_for(lambda: not leaving.process.alive(), "it has ended", 60)  # noqa: B023  # called in this turn
        assert leaving.process.exit_status() == 0, leaving.log
        assert waiting(world, number) == 0
    is_stored_once(world, 4000)
    assert "Traceback" not in "".join(each.log for each in archivers)


def test_one_that_is_asked_to_end_without_a_database_leaves_its_messages_with_the_broker(
    world_factory: WorldFactory, database_url: str, tmp_path: Path
) -> None:
    """It says so and ends; they are stored when there is one of its number again."""
    with database_link(database_url) as link, ExitStack() as ends:
        world = world_factory(link.url)
        world.direct_url = database_url
        write_tokens(world, tmp_path)
        hasty = "import archiver.app, archiver.__main__ as m; archiver.app.LEAVE_SECONDS = 1; exit(m.main([]))"
        archivers = []
        for order in range(2):
            archivers.append(Archiver(world, tmp_path, order, ["-c", hasty]))
            ends.callback(archivers[-1].kill)
            archivers[-1].wait_ready()
        link.close()
        world.publish_many("alice", numbered("bob", "alice", 100))
        world.publish_many("bob", numbered_311("alice", "bob", 100), version=4)
        for archiver in reversed(archivers):
            assert archiver.process.stop(timeout=60) == 0
        assert "the broker keeps messages for archiver.2 until it is started again" in archivers[1].log
        assert world.stored() == 0
        for archiver in archivers:
            archiver.restart(NIGHTJAR_DATABASE_URL=database_url)
            archiver.wait_ready()
        is_stored_once(world, 200)


def test_the_first_stays_subscribed_while_it_is_away(world: World, start: Start) -> None:
    """Alone or not: what comes while it is stopped waits for it."""
    archiver = start()
    assert archiver.process.stop() == 0
    world.publish_many("alice", numbered("bob", "alice", 10))
    drained = archiver.run("drain", "1")
    assert drained.returncode == 2
    assert "archiver.1 is not drained" in drained.stderr
    archiver.restart()
    world.wait_stored(10)


def test_the_queue_of_one_that_does_not_come_back_can_be_drained(world: World, start: Start) -> None:
    """A killed archiver's share waits; `drain` stores it and ends, and the others get all that follows."""
    first, second = start(), start()
    second.kill()
    world.publish_many("alice", numbered("bob", "alice", 1000))
    world.wait_stored(500)
    assert world.stored() == 500
    assert first.run("drain", "1").returncode == 2
    assert first.run("drain").returncode == 2
    drained = first.run("drain", "2")
    assert drained.returncode == 0, drained.stderr
    assert world.stored() == 1000
    world.publish_many("bob", numbered("alice", "bob", 1000, ids=False))
    is_stored_once(world, 2000)


def test_one_of_the_others_takes_the_place_of_the_first(world: World, start: Start) -> None:
    """Whoever is left over when the number of archivers shrinks, there is a first one again."""
    impatient = "import archiver.app, archiver.__main__ as m; archiver.app.FIRST_EVERY_SECONDS = 0.3; exit(m.main([]))"
    first, second = start("-c", impatient), start("-c", impatient)
    first.kill()
    world.publish_many("alice", numbered("bob", "alice", 500))
    wait_for(lambda: second.name == "archiver.1", "the second has become the first", 60)
    world.publish_many("bob", numbered("alice", "bob", 500, ids=False))
    is_stored_once(world, 1000)
    assert second.process.stop() == 0
    assert waiting(world, 2) == 0
