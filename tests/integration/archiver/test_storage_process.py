"""The archiver's process that stores: killed, told to end, or left alone by its parent."""

import os
import signal
import threading
from functools import partial

import psutil

from tests.integration.archiver.world import World, numbered, numbers, wait_receipts
from tests.support.stack import wait_for


def storing(world: World) -> psutil.Process:
    """Wait until the process that stores is there, and return it."""
    assert world.process
    archiver = psutil.Process(world.process.pid)
    wait_for(lambda: len(archiver.children()) == 1, "it is there")
    return archiver.children()[0]


def has_come_back(world: World, times: int) -> bool:
    """Whether so many outages are over."""
    return world.said("the database is back") == times


def test_killed_again_and_again_it_comes_back_and_every_message_is_stored_once(world: World) -> None:
    at_alice = world.listener("alice")
    first = storing(world)
    packets = numbered("bob", "alice", 6000)
    publishing = threading.Thread(target=world.publish_many, args=("alice", packets))
    publishing.start()
    for kills, stored in enumerate((1, 1500, 3000), start=1):
        world.wait_stored(stored)
        storing(world).kill()
        wait_for(partial(has_come_back, world, kills), "another one has taken its place")
    publishing.join(60)
    world.wait_stored(6000)
    assert numbers(world.bodies()) == list(range(6000))
    wait_receipts(at_alice, 6000)
    assert storing(world).pid != first.pid
    assert world.said("the database is away: the process that stores was ended by SIGKILL") == 3
    world.wait_state("ready")
    assert "Traceback" not in world.log


def test_it_ends_only_with_its_parent(world: World) -> None:
    child = storing(world)
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(child.pid, number)
    world.publish_many("alice", numbered("bob", "alice", 1))
    world.wait_stored(1)
    assert storing(world).pid == child.pid
    world.kill()
    wait_for(lambda: not child.is_running(), "it has ended by itself")
    assert world.log.count("Traceback") == 0


def test_it_is_gone_when_the_archiver_has_ended_in_order(world: World) -> None:
    child = storing(world)
    assert world.stop() == 0
    assert not child.is_running()
