"""Messages to groups: who may, who is told, and what holds when members change or the archiver is killed."""

from uuid import uuid4

import pytest

from tests.integration.archiver.conftest import WorldFactory
from tests.integration.archiver.database_link import database_link
from tests.integration.archiver.deliveries import LOBBY, add_block, add_member, change, remove_member
from tests.integration.archiver.test_crashes import open_session
from tests.integration.archiver.test_storing import described
from tests.integration.archiver.world import World, receipts, wait_receipts
from tests.support.stack import wait_for
from wire.conversations import direct, group
from wire.receipts import Rejected, Stored

OTHER = "gabcdefghijkl"


def add_group(world: World, *, deleted: bool = False) -> None:
    """Make a second group."""
    change(
        world.url,
        "INSERT INTO groups (id, title, visibility, history, deleted_at) VALUES"  # noqa: S608  # names of ours
        f" ('{OTHER}', 'other', 'private', 'all', {'now()' if deleted else 'NULL'});"
        f"INSERT INTO conversations (group_id) VALUES ('{OTHER}')",
    )


def test_a_message_of_a_member_is_stored_and_the_members_are_told_with_one_publication(world: World) -> None:
    for name in ("alice", "bob", "carol"):
        add_member(world.url, name)
    at_alice, at_bob = world.listener("alice"), world.listener("bob")
    members = [world.group_listener(name, LOBBY) for name in ("alice", "bob", "carol")]
    ids = [str(uuid4()) for _ in range(3)]
    with world.connect("alice", groups=[LOBBY]) as alice:
        for id_ in ids:
            alice.publish(f"groups/{LOBBY}/messages/alice", b"hello all", properties=described(id=id_))
        told = [Stored(id_, seq, group(LOBBY), "alice") for seq, id_ in enumerate(ids, 1)]
        assert wait_receipts(at_alice, 3) == told
        for member in members:
            assert wait_receipts(member, 3) == told
            assert len(member.messages) < 3, "gathered"
        alice.publish("users/bob/inbox/alice", b"and you", properties=described(id=ids[0]))
        alice.publish("users/bob/inbox/alice", b"and you")
    wait_receipts(at_bob, 1)
    assert len(receipts(at_bob)) == 1, "of the direct message only"
    assert wait_receipts(at_alice, 5)[3] == Rejected(ids[0], "id_conflict")
    assert world.query("SELECT group_id, last_seq FROM conversations ORDER BY 1") == [(LOBBY, 3), (None, 4)]


def test_only_members_store_and_a_group_that_is_not_there_has_none(world: World) -> None:
    add_member(world.url, "bob")
    add_group(world, deleted=True)
    add_member(world.url, "alice", OTHER)
    at_alice, in_lobby = world.listener("alice"), world.group_listener("bob", LOBBY)
    names = [LOBBY, OTHER, "gzzzzzzzzzzzz", "bob", "alice", "Group", "g" * 300]
    ids = [str(uuid4()) for _ in names]
    with world.connect("alice", groups=names) as alice, world.connect("bob", groups=[LOBBY]) as bob:
        for name, id_ in zip(names, ids, strict=True):
            alice.publish(f"groups/{name}/messages/alice", b"let me in", properties=described(id=id_))
        assert wait_receipts(at_alice, len(names)) == [Rejected(id_, "not_a_member") for id_ in ids]
        bob.publish(f"groups/{LOBBY}/messages/bob", b"welcome")
        wait_receipts(in_lobby, 1)
    assert world.bodies() == [b"welcome"]
    assert [reason for reason, _ in world.dead_letters()] == ["not_a_member"] * len(names)
    assert len(receipts(in_lobby)) == 1


def test_a_group_with_the_name_of_a_user_is_not_that_user(world: World) -> None:
    """A group's id has the form of a username."""
    add_group(world)
    world.add_users(OTHER)
    add_member(world.url, "alice", OTHER)
    at_alice, at_user, at_group = world.listener("alice"), world.listener(OTHER), world.group_listener("bob", OTHER)
    with world.connect("alice", groups=[OTHER]) as alice:
        alice.publish(f"groups/{OTHER}/messages/alice", b"group")
        alice.publish(f"users/{OTHER}/inbox/alice", b"user")
    told = [receipt for receipt in wait_receipts(at_alice, 2) if isinstance(receipt, Stored)]
    assert [receipt.conversation for receipt in told] == [group(OTHER), direct(OTHER)]
    assert [receipt.seq for receipt in wait_receipts(at_group, 1) if isinstance(receipt, Stored)] == [1]
    assert [receipt.seq for receipt in wait_receipts(at_user, 1) if isinstance(receipt, Stored)] == [2]
    found = "SELECT body, group_id FROM messages JOIN conversations c ON c.id = conversation_id ORDER BY seq"
    assert [(bytes(body), id_) for body, id_ in world.query(found)] == [(b"group", OTHER), (b"user", None)]


def test_who_is_removed_between_publishing_and_storing_is_no_member(world_factory: WorldFactory) -> None:
    world = world_factory()
    add_member(world.url, "alice")
    open_session(world)
    ids = [str(uuid4()) for _ in range(2)]
    with world.connect("alice", groups=[LOBBY]) as alice:
        alice.publish(f"groups/{LOBBY}/messages/alice", b"too late", properties=described(id=ids[0]))
    remove_member(world.url, "alice")
    at_alice = world.listener("alice")
    world.start()
    assert wait_receipts(at_alice, 1) == [Rejected(ids[0], "not_a_member")]
    add_member(world.url, "alice")
    with world.connect("alice", groups=[LOBBY]) as alice:
        alice.publish(f"groups/{LOBBY}/messages/alice", b"back again", properties=described(id=ids[1]))
        world.wait_stored(1)
    assert world.bodies() == [b"back again"]


@pytest.mark.parametrize("removed", [False, True], ids=["still a member", "removed meanwhile"])
def test_a_commit_whose_answer_never_came_is_not_repeated_in_a_group(
    world_factory: WorldFactory, database_url: str, removed: bool
) -> None:
    """The archiver is killed between the commit and the PUBACK. What is stored stays so for who has left since."""
    with database_link(database_url) as link:
        world = world_factory(link.url)
        world.direct_url = database_url
        add_member(database_url, "alice")
        world.start()
        at_alice = world.listener("alice")
        link.hold_answer.set()
        with world.connect("alice", version=4, groups=[LOBBY]) as alice:
            for body in (b"same", b"same", b"other"):
                alice.publish(f"groups/{LOBBY}/messages/alice", body)
        assert link.held.wait(60)
        world.wait_stored(1)
        stored = world.stored()
        world.kill()
        link.cut()
        if removed:
            remove_member(database_url, "alice")
        world.start()
        told = wait_receipts(at_alice, 3)
    kept = 3 if not removed else stored
    assert world.bodies() == [b"same", b"same", b"other"][:kept]
    assert sum(isinstance(receipt, Stored) for receipt in told) == kept
    assert len(world.dead_letters()) == 3 - kept


def test_who_blocks_a_sender_hears_nothing_of_direct_messages_and_the_sender_notices_nothing(world: World) -> None:
    add_block(world.url, "bob", "alice")
    for name in ("alice", "bob"):
        add_member(world.url, name)
    at_alice, at_bob, in_group = world.listener("alice"), world.listener("bob"), world.group_listener("bob", LOBBY)
    with world.connect("alice", groups=[LOBBY], version=4) as alice, world.connect("carol") as carol:
        alice.publish("users/bob/inbox/alice", b"the long way")
        world.wait_stored(1)
        with world.connect("alice", "eeeeeeeeee") as newer:
            newer.publish("users/bob/inbox/alice", b"the quick way", properties=described(id=str(uuid4())))
        alice.publish(f"groups/{LOBBY}/messages/alice", b"in a group the members are told together")
        world.wait_stored(3)
        carol.publish("users/bob/inbox/carol", b"hello")
        wait_receipts(in_group, 1)
        told = wait_receipts(at_bob, 1)
    assert [receipt.sender for receipt in told if isinstance(receipt, Stored)] == ["carol"]
    assert [receipt.seq for receipt in wait_receipts(at_alice, 3) if isinstance(receipt, Stored)] == [1, 2, 3]
    change(world.url, "UPDATE blocks SET until_seq = 4")
    with world.connect("alice") as alice:
        alice.publish("users/bob/inbox/alice", b"forgiven")
        wait_for(lambda: len(receipts(at_bob)) == 2, "bob hears of alice again")
