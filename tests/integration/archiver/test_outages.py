"""Postgres or the broker goes away in the middle of the flow: nothing is lost, and it is said once."""

import re
import signal
from functools import partial

import psutil

from db.migrate import migrate
from scripts.stack.postgres import EmbeddedPostgres
from tests.integration.archiver.conftest import WorldFactory, processes, start_over
from tests.integration.archiver.world import World, numbered, numbers, wait_receipts
from tests.support.stack import wait_for

COUNT = 3000


def signal_all(server: EmbeddedPostgres, number: signal.Signals) -> None:
    """Send a signal to all processes of the server."""
    for process in processes(server):
        process.send_signal(number)


def assert_outages_said_once(world: World) -> None:
    """Each is said when it begins and when it ends, and not at each attempt; a slow machine may make two of one."""
    said = partial(re.findall, "the database is (away|back)")
    wait_for(lambda: said(world.log)[-1:] == ["back"], "the database is said to be back")
    assert said(world.log) == ["away", "back"] * (len(said(world.log)) // 2), world.log


def test_postgres_is_shut_down_in_mid_flow_and_comes_back(
    world_factory: WorldFactory, own_postgres: EmbeddedPostgres
) -> None:
    world = start_over(world_factory, own_postgres, NIGHTJAR_ARCHIVER_BATCH_ROWS="50")
    at_alice = world.listener("alice")
    packets = numbered("bob", "alice", COUNT)
    world.publish_many("alice", packets[: COUNT // 2])
    world.wait_stored(1)
    own_postgres.stop()
    world.wait_state("database away")
    assert world.health().returncode == 1
    assert world.health().stdout == "database away\n"
    world.publish_many("alice", packets[COUNT // 2 :])
    own_postgres.start()
    world.wait_state("ready")
    world.wait_stored(COUNT)
    assert numbers(world.bodies()) == list(range(COUNT))
    wait_receipts(at_alice, COUNT)
    assert_outages_said_once(world)


def test_postgres_hangs_in_mid_flow_and_goes_on(world_factory: WorldFactory, own_postgres: EmbeddedPostgres) -> None:
    world = start_over(world_factory, own_postgres, NIGHTJAR_ARCHIVER_BATCH_ROWS="50")
    packets = numbered("bob", "alice", COUNT)
    world.publish_many("alice", packets[: COUNT // 2])
    world.wait_stored(1)
    signal_all(own_postgres, signal.SIGSTOP)
    world.publish_many("alice", packets[COUNT // 2 :])
    world.wait_state("database away")
    signal_all(own_postgres, signal.SIGCONT)
    world.wait_state("ready")
    world.wait_stored(COUNT)
    assert numbers(world.bodies()) == list(range(COUNT))
    assert_outages_said_once(world)


def test_a_database_without_the_schema_is_an_outage_and_no_reason_to_refuse_messages(
    world_factory: WorldFactory, own_postgres: EmbeddedPostgres
) -> None:
    url = own_postgres.create_database("own")
    migrate(url)
    world = world_factory(url)
    world.start()
    world.query("ALTER TABLE messages RENAME TO elsewhere")
    world.publish_many("alice", numbered("bob", "alice", 3))
    world.wait_state("database away")
    world.query("ALTER TABLE elsewhere RENAME TO messages")
    world.wait_stored(3)
    assert world.dead_letters() == []


def test_a_database_that_turns_read_only_is_an_outage(world: World) -> None:
    world.query("ALTER ROLE postgres IN DATABASE postgres SET work_mem = '4MB'")
    name = world.query("SELECT current_database()")[0][0]
    world.query(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    world.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'nightjar-archiver'")
    world.publish_many("alice", numbered("bob", "alice", 3))
    world.wait_state("database away")
    world.query(f'SET transaction_read_only = off; ALTER DATABASE "{name}" SET default_transaction_read_only = off')
    world.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'nightjar-archiver'")
    world.wait_stored(3)
    assert world.dead_letters() == []
    assert_outages_said_once(world)


def test_while_postgres_is_away_20000_messages_wait_at_the_broker_and_not_in_memory(
    world_factory: WorldFactory, own_postgres: EmbeddedPostgres
) -> None:
    count, size = 20_000, 2000
    world = start_over(world_factory, own_postgres)
    own_postgres.stop()
    world.wait_state("database away")
    assert world.process
    archiver = psutil.Process(world.process.pid)
    before = archiver.memory_info().rss
    world.publish_many("alice", numbered("bob", "alice", count, size=size))
    assert world.state() == "database away"
    grown = archiver.memory_info().rss - before
    own_postgres.start()
    world.wait_stored(count, timeout=60)
    assert numbers(world.bodies()) == list(range(count))
    assert grown < 35_000_000, f"4,000 of 20,000 messages are in memory, with buffers; it grew by {grown} bytes"


def test_the_broker_is_killed_and_comes_back(world: World) -> None:
    at_alice = world.listener("alice")
    packets = numbered("bob", "alice", COUNT)
    world.publish_many("alice", packets[:1000])
    wait_receipts(at_alice, 1000)
    world.realm.broker.kill()
    world.wait_state("broker away")
    assert world.health().returncode == 1
    world.realm.start()
    world.wait_state("ready")
    world.publish_many("alice", packets[1000:])
    world.wait_stored(COUNT)
    assert numbers(world.bodies()) == list(range(COUNT))
    assert world.said("the broker is back") == 1
    away = [line.partition("WARNING ")[2] for line in world.log.splitlines() if "the broker is away" in line]
    assert len(away) == len(set(away)) <= 3, "each cause is said once"


def test_a_broker_that_hangs_is_noticed_and_what_it_holds_arrives_in_the_end(world: World) -> None:
    broker = psutil.Process(world.realm.broker.pid)
    broker.suspend()
    try:
        world.wait_state("broker away")
    finally:
        broker.resume()
    world.wait_state("ready")
    world.publish_many("alice", numbered("bob", "alice", 10))
    world.wait_stored(10)


def test_behind_the_brokers_gate_it_waits_and_says_so_once(world: World) -> None:
    world.realm.broker.stop()
    world.wait_state("broker away")
    world.realm.start(open_gate=False)
    wait_for(lambda: world.said("it serves nobody yet") == 1, "the gate is said")
    world.realm.revoke()
    world.wait_state("ready")
    assert world.said("it serves nobody yet") == 1


def test_it_starts_before_the_broker_does(world_factory: WorldFactory) -> None:
    world = world_factory()
    world.realm.broker.stop()
    world.start(ready=False)
    world.wait_state("broker away")
    world.realm.start()
    world.wait_state("ready")


def test_a_token_the_broker_refuses_is_tried_again_and_a_better_one_in_the_file_is_used(
    world_factory: WorldFactory,
) -> None:
    world = world_factory()
    world.write_token(world.realm.token("archiver", "archiver.1", exp=1))
    world.start(ready=False)
    wait_for(lambda: world.said("refuses our token") == 1, "the refusal is said")
    world.write_token(world.realm.token("archiver", "archiver.1"))
    world.wait_state("ready")
    assert world.said("refuses our token") == 1


def test_a_session_taken_over_by_another_archiver_is_taken_back(world: World) -> None:
    with world.realm.connect("archiver", "archiver.1", clean=False, session_seconds=1000):
        wait_for(lambda: world.said("the broker is away: the connection was cut") == 1, "it is cut")
    world.wait_state("ready")
    world.publish_many("alice", numbered("bob", "alice", 10))
    world.wait_stored(10)
