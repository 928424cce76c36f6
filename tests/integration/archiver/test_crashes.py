"""The archiver is killed, or loses the database in the middle of a commit: everything is stored, and nothing twice."""

import pytest

from tests.integration.archiver.conftest import WorldFactory
from tests.integration.archiver.database_link import database_link
from tests.integration.archiver.world import World, message, numbered, numbers, wait_receipts
from tests.support.peer import Peer
from tests.support.stack import wait_for

COUNT = 5000


def open_session(world: World) -> None:
    """Let the broker know the archiver, which then is away."""
    world.start()
    world.stop()


GATE = """
CREATE TABLE gate AS SELECT 0 AS most;
CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WHILE (SELECT count(*) FROM messages) >= (SELECT most FROM gate) LOOP
        PERFORM pg_sleep(0.01);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER gate BEFORE INSERT ON messages FOR EACH STATEMENT EXECUTE FUNCTION wait_at_gate();
"""
"""Lets no batch begin once so many messages are stored: however slow a test is, its archiver is not done before."""


def store_through_five_kills(world: World) -> None:
    """Kill -9 the archiver five times while the queue is being stored, then let it finish."""
    world.query(GATE)
    for number in range(1, 6):
        part = number * COUNT // 6
        world.query("UPDATE gate SET most = %s", (part + COUNT // 12,))
        world.start(ready=False)
        wait_for(lambda part=part: world.stored() >= part, "a part is stored")  # type: ignore[misc]  # a lambda's default
        world.kill()
        assert world.stored() < COUNT, "it was killed in the middle of the queue"
    world.query("UPDATE gate SET most = %s", (COUNT + 1,))
    world.start()
    world.wait_stored(COUNT)


def publish_without_ids(peer: Peer, to: str, bodies: list[bytes]) -> None:
    """Publish as an MQTT 3.1.1 client does: a body and nothing else."""
    for body in bodies:
        peer.publish(f"users/{to}/inbox/alice", body)


def assert_each_once_and_in_order(world: World) -> None:
    """Check the rows of alice's two conversations, with bob and with carol, against what was sent."""
    for to, rest in (("bob", 0), ("carol", 1)):
        bodies = world.query(
            "SELECT body FROM messages JOIN conversations c ON c.id = conversation_id"
            " JOIN users ON users.id = user_high WHERE username = %s ORDER BY seq",
            (to,),
        )
        assert numbers(bytes(body) for (body,) in bodies) == list(range(rest, COUNT, 2))


@pytest.mark.parametrize("ids", [True, False], ids=["with ids", "of an MQTT 3.1.1 client without ids"])
def test_five_kills_lose_nothing_store_nothing_twice_and_keep_the_order(world_factory: WorldFactory, ids: bool) -> None:
    world = world_factory(NIGHTJAR_ARCHIVER_BATCH_ROWS="25")
    open_session(world)
    to_bob, to_carol = numbered("bob", "alice", COUNT), numbered("carol", "alice", COUNT)
    if ids:
        world.publish_many("alice", [(to_carol if number % 2 else to_bob)[number] for number in range(COUNT)])
    else:
        with world.connect("alice", version=4) as alice:
            for number in range(COUNT):
                to = "carol" if number % 2 else "bob"
                publish_without_ids(alice, to, [number.to_bytes(4, "big")])
    store_through_five_kills(world)
    assert_each_once_and_in_order(world)
    assert world.dead_letters() == []


@pytest.mark.parametrize("kind", ["kill", "cut"])
def test_a_commit_whose_answer_never_came_is_not_repeated_even_for_messages_without_ids(
    world_factory: WorldFactory, database_url: str, kind: str
) -> None:
    with database_link(database_url) as link:
        world = world_factory(link.url)
        world.direct_url = database_url
        world.start()
        at_alice = world.listener("alice")
        link.hold_answer.set()
        with world.connect("alice", version=4) as alice:
            publish_without_ids(alice, "bob", [b"same", b"same", b"other", b"same"])
        assert link.held.wait(60)
        world.wait_stored(1)
        if kind == "kill":
            world.kill()
            link.cut()
            world.start()
        else:
            link.cut()
        told = wait_receipts(at_alice, 4)
    assert world.bodies() == [b"same", b"same", b"other", b"same"]
    assert len({receipt.id for receipt in told}) == 4
    assert world.said("this is archiver.1") == (1 if kind == "cut" else 2)
    assert world.said("the database is away") or kind == "kill"


def test_equal_messages_without_ids_under_the_same_packet_id_are_different_messages(world: World) -> None:
    """After a new session the broker's packet ids begin again."""
    with world.connect("alice", version=4) as alice:
        publish_without_ids(alice, "bob", [b"same"] * 3)
        world.wait_stored(3)
        world.stop()
        with world.realm.connect("archiver", "archiver.1", clean=True):
            pass
        world.start()
        publish_without_ids(alice, "bob", [b"same"] * 3)
        world.wait_stored(6)
    assert world.said("new session") == 2


def test_what_is_known_of_packet_ids_is_cleared_away(world_factory: WorldFactory) -> None:
    world = world_factory()
    world.start()
    with world.connect("alice", version=4) as alice:
        publish_without_ids(alice, "bob", [b"one", b"two", b"three"])
    world.wait_stored(3)
    assert world.query("SELECT count(*) FROM unacknowledged") == [(3,)]
    world.stop()
    world.start()
    world.publish_many("alice", [message("bob", "alice", b"four", 1)])
    world.wait_stored(4)
    # After the commit of what is stored, in a transaction of its own.
    wait_for(lambda: world.query("SELECT count(*) FROM unacknowledged") == [(0,)], "packet ids are cleared away")
