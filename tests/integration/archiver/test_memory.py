"""The archiver's memory is bounded by what it holds at once, whatever has passed through it.

`NIGHTJAR_TEST_MESSAGES=1000000 pytest tests/integration/archiver/test_memory.py` takes some minutes.
"""

import os

import pytest

from benchmarks.memory import MIB, memory_of
from scripts.stack.postgres import EmbeddedPostgres
from tests.integration.archiver.conftest import WorldFactory, start_over
from tests.integration.archiver.world import World, numbered

MESSAGES = int(os.environ.get("NIGHTJAR_TEST_MESSAGES", "60000"))
PART = 20_000
"""Messages of one part: fewer than may wait at the broker, more than the archiver takes at once."""
GROWN_MIB = 3
"""How much it may hold more, whatever the number of messages: some 50 bytes of each."""
STORED_SECONDS = 120.0
"""Within which a part is stored, on a small machine too."""


def _pass(world: World, postgres: EmbeddedPostgres, *, outage: bool) -> None:
    """Have another part stored, with Postgres away while it is sent or not."""
    before = world.stored()
    if outage:
        postgres.stop()
        world.wait_state("database away")
    world.publish_many("alice", numbered("bob", "alice", PART, size=100))
    if outage:
        postgres.start()
        world.wait_state("ready")
    world.wait_stored(before + PART, STORED_SECONDS)


@pytest.mark.timeout(max(300, MESSAGES // 1000))
def test_memory_does_not_grow_with_messages_even_with_postgres_away_for_some(
    world_factory: WorldFactory, own_postgres: EmbeddedPostgres
) -> None:
    """It has what it keeps for good after some messages, some of which found Postgres away; more bring no more."""
    world = start_over(world_factory, own_postgres)
    assert world.process
    for outage in (False, True):
        _pass(world, own_postgres, outage=outage)
    before = memory_of(world.process.pid).own
    for number in range(MESSAGES // PART):
        _pass(world, own_postgres, outage=number == MESSAGES // PART // 2)
    after = memory_of(world.process.pid).own
    assert world.dead_letters() == []
    assert before > 0
    assert after - before < GROWN_MIB * MIB, f"{before} bytes after {2 * PART} messages, {after} after {MESSAGES} more"
