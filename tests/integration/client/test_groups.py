"""People talk in groups, through the real stack."""

import json
from pathlib import Path

from tests.conftest import StackFactory
from tests.integration.client.conftest import NewPerson
from tests.support.nightjar import Person, new_person
from tests.support.stack import wait_for


def new_group(owner: Person, title: str, *members: Person) -> str:
    """Make a private group; return its id."""
    named = [argument for member in members for argument in ("--member", member.name)]
    return owner.out("groups", "create", title, *named).strip()


def texts(reader: Person, group: str) -> list[str]:
    """List the bodies of a group's messages."""
    return [message["body"] for message in reader.objects("history", group)]


def test_a_group_is_made_named_shown_and_deleted(alice: Person, bob: Person) -> None:
    group = new_group(alice, "the team", bob)
    (listed,) = bob.objects("groups", "list")
    assert (listed["id"], listed["title"], listed["role"], listed["members"]) == (group, "the team", "member", 2)
    assert alice.out("groups", "list") == f"{group}  #the team  private, 2 members, you are owner\n"
    shown, *members = alice.objects("groups", "show", "#The Team")
    assert shown["history"] == "since_joining"
    assert {member["username"]: member["role"] for member in members} == {alice.name: "owner", bob.name: "member"}
    alice.run("groups", "rename", group, "a better title")
    assert "#a better title" in bob.out("groups", "show", group)
    alice.run("groups", "delete", "#a better title", "--yes")
    assert bob.out("groups", "list") == ""


def test_roles_are_given_and_enforced(alice: Person, bob: Person, registered: NewPerson) -> None:
    carol = registered()
    group = new_group(alice, "roles", bob)
    bob.fails("groups", "add", group, carol.name, status=1)
    alice.run("groups", "role", group, bob.name, "admin")
    assert bob.objects("groups", "add", group, carol.name) == [
        {"group": group, "username": carol.name, "role": "member"}
    ]
    bob.run("groups", "remove", group, carol.name)
    alice.fails("groups", "leave", group, status=1)
    alice.run("groups", "role", group, bob.name, "owner")
    alice.run("groups", "leave", group)
    assert alice.out("groups", "list") == ""


def test_anybody_finds_and_joins_an_open_group(alice: Person, bob: Person) -> None:
    title = f"open to {bob.name}"
    group = alice.out("groups", "create", title, "--open", "--history", "all").strip()
    assert group in [listed["id"] for listed in bob.objects("groups", "list", "--open")]
    assert bob.objects("groups", "join", f"#{title}")[0]["role"] == "member"
    bob.run("groups", "join", "#lobby")
    assert {listed["title"] for listed in bob.objects("groups", "list")} == {title, "lobby"}
    bob.run("groups", "leave", "#lobby")


def test_a_title_that_none_or_several_of_ones_groups_have_is_a_clear_error(alice: Person) -> None:
    assert "you are in no group of the title 'nowhere'" in alice.fails("send", "#nowhere", "x", status=2)
    one, two = new_group(alice, "twins"), new_group(alice, "twins")
    said = alice.fails("send", "#twins", "x", status=2)
    assert "several groups have the title 'twins'" in said
    assert one in said
    assert two in said
    alice.run("send", one, "by its id")
    assert texts(alice, one) == ["by its id"]


def test_what_a_member_writes_the_others_see_and_find_again(alice: Person, bob: Person, tmp_path: Path) -> None:
    group = new_group(alice, "club", bob)
    elsewhere = alice.elsewhere(tmp_path / "elsewhere")
    with bob.running("tail") as at_bob, alice.running("tail", "#club") as at_alice, elsewhere.running("tail") as there:
        sent = alice.out("send", "#club", "who is there?").split()
        assert at_bob.wait_for_line("who is there?")[6:] == f"{alice.name} → #club: who is there?"
        bob.out("send", group, "I am")
        assert at_alice.wait_for_line("I am")[6:] == f"{bob.name}: I am"
        there.wait_for_line("I am")
        there.wait_for_line("who is there?")
        assert [tail.end() for tail in (at_alice, at_bob, there)] == [0, 0, 0]
        assert at_alice.err == at_bob.err == there.err == []
        assert [len(tail.out) for tail in (at_alice, at_bob, there)] == [2, 2, 2]
    first, second = bob.objects("history", "#club")
    assert [first["id"], str(first["seq"])] == sent
    assert first["conversation"] == second["conversation"] == {"type": "group", "id": group}
    (listed,) = bob.objects("conversations")
    assert (listed["title"], listed["unread"]) == ("club", 1)
    assert bob.out("unread") == "#club (1 unread)\n"
    assert bob.objects("unread", "--count") == [{"unread": 1}]


def test_a_running_tail_joins_and_leaves_with_its_user_without_a_word(
    alice: Person, bob: Person, registered: NewPerson
) -> None:
    """Its connection is made anew each time; nothing is lost, nothing twice."""
    carol = registered()
    group = new_group(alice, "moving", carol)
    with bob.running("tail") as tail, bob.running("tail", "--json") as script:
        bob.wait_until_running(2)
        carol.run("send", bob.name, "before")
        tail.wait_for_line("before")
        alice.run("groups", "add", group, bob.name)
        for number in range(5):
            alice.run("send", group, f"inside {number}")
        tail.wait_for_line("inside 4")
        alice.run("groups", "remove", group, bob.name)
        alice.run("send", group, "behind his back")
        carol.run("send", bob.name, "after")
        tail.wait_for_line("after")
        script.wait_for_line("after")
        expected = ["before", *(f"inside {number}" for number in range(5)), "after"]
        assert [line.partition(": ")[2] for line in tail.out] == expected
        assert [json.loads(line)["body"] for line in script.out] == expected
        assert tail.err == script.err == []
    assert texts(bob, group) == [f"inside {number}" for number in range(5)], "what he could read he still can"


def test_who_has_left_is_told_so_and_nothing_waits(alice: Person, bob: Person) -> None:
    group = new_group(alice, "left", bob)
    bob.run("send", group, "here")
    bob.run("groups", "leave", group)
    said = bob.fails("send", group, "not here", status=2)
    assert "you are in no group of that id" in said
    assert texts(bob, group) == ["here"]
    bob.run("send", alice.name, "direct")
    wait_for(lambda: bob.run("whoami").stderr == b"", "nothing is left in the outbox")


def test_a_message_that_waited_until_its_sender_was_removed_is_rejected_with_the_reason(
    stack_factory: StackFactory, tmp_path: Path
) -> None:
    stack = stack_factory().start()
    alice, bob = (new_person(stack.server, tmp_path, name).register() for name in ("alice", "bob"))
    group = new_group(alice, "team", bob)
    stack.broker.kill()
    # Long enough to ask the server what that is: only then is the message in the outbox.
    assert "stays in the outbox" in bob.fails("send", group, "late", "--timeout", "5", status=4)
    stack.broker.start()
    alice.run("groups", "remove", group, "bob")
    assert "1 rejected" in bob.run("whoami").stderr.decode()
    assert bob.run("whoami").stderr == b""
    assert texts(alice, group) == []


def test_what_one_reads_in_a_group_that_the_token_does_not_know_yet_is_told(alice: Person, bob: Person) -> None:
    """The token is from before bob was added, and no connection was there to hear of it."""
    group = new_group(alice, "fresh", bob)
    alice.run("send", group, "hello")
    assert bob.objects("unread", "--count") == [{"unread": 1}]
    bob.run("read", group)
    wait_for(lambda: bob.objects("unread", "--count") == [{"unread": 0}], "the archive has the marker")
