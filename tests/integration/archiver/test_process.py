"""The process: how it starts, ends, and says how it is."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from scripts.stack.config import ROOT
from tests.integration.archiver.conftest import WorldFactory
from tests.integration.archiver.database_link import database_link
from tests.integration.archiver.world import World, message, numbered, numbers, wait_receipts
from tests.support.stack import wait_for


def run(world: World, *arguments: str, **changed: str | None) -> subprocess.CompletedProcess[str]:
    """Run a command of the archiver to its end; a setting of None is left out."""
    environment = {**os.environ, **world.environment(), **changed}
    return subprocess.run(
        [sys.executable, "-m", "archiver", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        env={name: value for name, value in environment.items() if value is not None},
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_it_ends_with_0_and_the_session_stays(world: World, number: signal.Signals) -> None:
    assert world.process
    world.send(number)
    wait_for(lambda: not world.process.alive(), "it has ended")  # type: ignore[union-attr]  # it was started
    assert world.process.exit_status() == 0, world.log
    assert world.said("ending without the batch in hand") == 0
    world.publish_many("alice", numbered("bob", "alice", 10))
    world.start()
    world.wait_stored(10)
    assert world.said("session resumed") == 1


def test_asked_to_end_under_load_it_finishes_the_batch_in_hand_with_receipts(world: World) -> None:
    at_alice, at_bob = world.listener("alice"), world.listener("bob")
    world.publish_many("alice", numbered("bob", "alice", 2000))
    world.wait_stored(1)
    assert world.stop() == 0
    stored = world.stored()
    wait_receipts(at_alice, stored)
    wait_receipts(at_bob, stored)
    assert "Traceback" not in world.log
    world.start()
    world.wait_stored(2000)
    assert numbers(world.bodies()) == list(range(2000))


def test_asked_to_end_while_postgres_hangs_it_ends_with_0_within_seconds(
    world_factory: WorldFactory, database_url: str
) -> None:
    with database_link(database_url) as link:
        world = world_factory(link.url)
        world.direct_url = database_url
        world.start()
        link.hold_answer.set()
        world.publish_many("alice", [message("bob", "alice", b"in hand", 1)])
        assert link.held.wait(60)
        assert world.stop() == 0, world.log
    assert world.said("ending without the batch in hand") == 1


def test_asked_to_end_while_the_broker_is_away_it_ends_with_0(world: World) -> None:
    world.realm.broker.kill()
    world.wait_state("broker away")
    assert world.stop() == 0
    assert "Traceback" not in world.log


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("NIGHTJAR_DATABASE_URL", None, "must be set"),
        ("NIGHTJAR_DATABASE_URL", "mysql://x", "must be a postgresql:// URL"),
        ("NIGHTJAR_MQTT_URL", "http://x", "must be mqtt://HOST:PORT or mqtts://HOST:PORT"),
        ("NIGHTJAR_MQTT_URL", "mqtt://x:99999", "Port out of range 0-65535"),
        ("NIGHTJAR_MQTT_URL", "mqtt://me:secret@x", "must be mqtt://HOST:PORT without credentials or a path"),
        ("NIGHTJAR_ARCHIVER_TOKEN_FILE", None, "must be set"),
        ("NIGHTJAR_ARCHIVER_TOKEN_FILE", "/nowhere", "/nowhere cannot be read: No such file or directory"),
        ("NIGHTJAR_ARCHIVER_TOKEN_FILE", "/", "/ cannot be read: Is a directory"),
        ("NIGHTJAR_ARCHIVER_TOKEN_FILE", "/etc/passwd", "/etc/passwd holds no token"),
        ("NIGHTJAR_ARCHIVER_HEALTH_FILE", None, "must be set"),
        ("NIGHTJAR_ARCHIVER_HEALTH_FILE", "/proc/x/health", "/proc/x/health cannot be written"),
        ("NIGHTJAR_ARCHIVER_INSTANCE", "a/b", "String should match pattern"),
        ("NIGHTJAR_ARCHIVER_RECEIVE_MAXIMUM", "0", "greater than or equal to 1"),
        ("NIGHTJAR_ARCHIVER_RECEIVE_MAXIMUM", "20001", "less than or equal to 20000"),
        ("NIGHTJAR_ARCHIVER_BATCH_ROWS", "many", "valid integer"),
        ("NIGHTJAR_ARCHIVER_BATCH_MS", "-1", "greater than or equal to 0"),
        ("NIGHTJAR_LOG_LEVEL", "loud", "Input should be"),
    ],
)
def test_a_bad_setting_ends_it_at_start_with_one_line_that_names_it(
    world_factory: WorldFactory, setting: str, value: str | None, said: str
) -> None:
    ended = run(world_factory(), **{setting: value})
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"{setting}: ")
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert "secret" not in ended.stderr


def test_a_token_of_another_instance_ends_it_at_start(world_factory: WorldFactory) -> None:
    ended = run(world_factory(), NIGHTJAR_ARCHIVER_INSTANCE="2")
    assert ended.returncode == 2
    assert ended.stderr == (
        "NIGHTJAR_ARCHIVER_TOKEN_FILE: the token is not for the client id archiver.2 (NIGHTJAR_ARCHIVER_INSTANCE)\n"
    )


def test_an_unknown_command_is_a_usage_error(world_factory: WorldFactory) -> None:
    ended = run(world_factory(), "serve")
    assert (ended.returncode, ended.stderr) == (2, "usage: python -m archiver [health | drain NUMBER]\n")


def test_health_follows_the_process(world: World) -> None:
    asked = world.health()
    assert (asked.returncode, asked.stdout) == (0, "ready\n")
    world.kill()
    wait_for(lambda: world.health().returncode == 1, "the health file is old")
    assert world.health().stdout == "not running: the health file is old\n"


@pytest.mark.parametrize(
    ("part", "attribute"), [("intake", "_intake"), ("receipts", "_settler"), ("worker", "_worker")]
)
@pytest.mark.parametrize("how", ["raise ValueError('broken')", "return"])
def test_a_part_that_ends_by_itself_ends_the_process_with_one_line(
    world_factory: WorldFactory, tmp_path: Path, part: str, attribute: str, how: str
) -> None:
    """The part is broken on purpose, in a process of its own; the others are as they are."""
    world = world_factory()
    program = tmp_path / "broken.py"
    program.write_text(
        textwrap.dedent(f"""
        import asyncio, sys
        import archiver.app
        from archiver.__main__ import main

        class Broken(archiver.app.App):
            def __init__(self, *arguments, **options):
                super().__init__(*arguments, **options)
                self.{attribute}.run = self.end

            async def end(self):
                await asyncio.sleep(0.5)
                {how}

        archiver.app.App = archiver.__main__.App = Broken
        sys.exit(main([]))
        """)
    )
    ended = subprocess.run(
        [sys.executable, str(program)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **world.environment(), "PYTHONPATH": str(ROOT)},
    )
    expected = f"the {part} failed: ValueError: broken" if how.startswith("raise") else f"the {part} ended by itself"
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == f"the archiver ends: {expected}"
    assert "Traceback" not in ended.stderr
