"""Presence, markers, typing, relations, search and blocks, through the real stack."""

import json
import time
from pathlib import Path

from tests.integration.client.conftest import NewPerson
from tests.support.nightjar import Person
from tests.support.peer import Peer
from tests.support.stack import RunningStack, wait_for


def presence(asker: Person, of: Person) -> str | None:
    """Say what `whois` says of somebody's presence."""
    (found,) = asker.objects("whois", of.name)
    return found["presence"]["status"] if found["presence"] else None


def statuses(device: Peer) -> list[str]:
    """List the presences that a device was told."""
    return [json.loads(message.payload)["status"] for message in device.messages]


def test_who_follows_is_there_and_who_has_ended_is_not(alice: Person, bob: Person, tmp_path: Path) -> None:
    assert presence(bob, alice) is None, "who has never said anything"
    with alice.running("tail") as tail:
        wait_for(lambda: presence(bob, alice) == "online", "alice is there")
        assert f"{alice.name}  online since " in bob.out("whois", alice.name)
        elsewhere = alice.elsewhere(tmp_path / "elsewhere")
        with elsewhere.running("tail") as there:
            elsewhere.wait_until_running(1)
            alice.run("send", elsewhere.name, "a note")
            there.wait_for_line("a note")
            assert there.end() == 0
        wait_for(lambda: presence(bob, alice) == "online", "alice's other device is still there")
        assert tail.end() == 0
    assert presence(bob, alice) == "offline"
    assert bob.out("whois", alice.name) == f"{alice.name}  offline\n"


def test_who_does_not_want_to_be_seen_is_not(alice: Person, bob: Person) -> None:
    assert alice.out("privacy") == "markers: on\npresence: on\ntyping: on\n"
    assert alice.objects("privacy", "--presence", "off") == [{"markers": True, "presence": False, "typing": True}]
    with alice.running("tail") as tail:
        bob.run("send", alice.name, "are you there?")
        tail.wait_for_line("are you there?")
        assert presence(bob, alice) is None


def test_a_connection_that_breaks_says_so_some_seconds_later(
    shared_stack: RunningStack, alice: Person, bob: Person
) -> None:
    block = bob.login()["mqtt"]
    with Peer(shared_stack.mqtt_port, block["client_id"], block["username"], block["password"]) as device:
        with alice.running("tail") as tail:
            device.subscribe(f"users/{alice.name}/presence", 1)
            wait_for(lambda: statuses(device) == ["online"], "alice is there")
            killed = time.monotonic()
            tail.process.kill()
        wait_for(lambda: "offline" in statuses(device), "the will")
        assert statuses(device) == ["online", "offline"]
        assert time.monotonic() - killed > 5, "a short break is none"


def test_an_answer_an_edit_a_retraction_and_reactions(alice: Person, bob: Person) -> None:
    seq = alice.out("send", bob.name, "helo").split()[1]
    with bob.running("tail", "--seqs") as tail:
        tail.wait_for_line("helo")
        bob.run("send", alice.name, "--reply-to", seq, "hello?")
        alice.run("edit", seq, "hello")
        tail.wait_for_line(f"{alice.name} edited {seq}: hello")
        bob.run("react", seq, "👍")
        tail.wait_for_line(f"reacted 👍 to {seq}")
    first, answer, edit, reaction = alice.objects("history", bob.name)
    assert (first["body"], first["reactions"], "edited_at" in first) == ("hello", {"👍": [bob.name]}, True)
    assert (answer["relation"], answer["relates_to"]) == ("reply", int(seq))
    assert (edit["relation"], reaction["relation"], reaction["body"]) == ("edit", "reaction", "👍")
    lines = [line[6:] for line in alice.out("history", bob.name).splitlines()]
    assert lines[:3] == [f"{alice.name} (edited): hello", f"👍 {bob.name}", f"{bob.name} (re {seq}): hello?"]
    assert [version["body"] for version in bob.objects("versions", seq)] == ["helo", "hello"]
    bob.run("react", seq, "👍", "--remove")
    assert "reactions" not in alice.objects("history", bob.name, "-n", "10")[0]
    assert "not reacted" in bob.fails("react", seq, "👍", "--remove", status=1)
    assert "only its author can edit it" in bob.fails("edit", seq, "mine", status=2)
    alice.run("retract", seq)
    assert "body" not in bob.objects("history", alice.name)[0]
    assert bob.out("history", alice.name).splitlines()[0][6:] == f"{alice.name}: [retracted]"
    assert "retracted already" in alice.fails("edit", seq, "again", status=1)
    assert "there is no message" in alice.fails("retract", "999999999", status=2)


def test_what_is_read_is_read_on_all_devices_and_the_other_side_sees_it(
    alice: Person, bob: Person, tmp_path: Path
) -> None:
    elsewhere = bob.elsewhere(tmp_path / "elsewhere")
    seq = int(alice.out("send", bob.name, "news").split()[1])

    def seen() -> dict[str, int]:
        (listed,) = alice.objects("conversations")
        return {key: listed.get(key, 0) for key in ("their_delivered_seq", "their_read_seq")}

    with bob.running("tail") as tail:
        tail.wait_for_line("news")
        wait_for(lambda: seen() == {"their_delivered_seq": seq, "their_read_seq": 0}, "delivered, not read")
    assert elsewhere.out("unread", "--count") == "1\n"
    assert bob.objects("read", alice.name) == [{"conversation": f"direct:{alice.name}", "read": seq}]
    assert elsewhere.out("unread", "--count") == "0\n"
    assert seen() == {"their_delivered_seq": seq, "their_read_seq": seq}
    alice.run("privacy", "--markers", "off")
    assert "tells nobody" in alice.fails("read", bob.name, status=1)


def test_search_finds_what_was_said(alice: Person, bob: Person) -> None:
    for text in ("the quick brown fox", "something else", "a fox again"):
        alice.run("send", bob.name, text)
    found = bob.objects("history", alice.name, "--search", "fox")
    assert [message["body"] for message in found] == ["the quick brown fox", "a fox again"]
    assert all("highlight" in message for message in found)
    assert len(bob.out("history", alice.name, "--search", "fox", "-n", "1").splitlines()) == 1


def test_who_is_blocked_is_not_seen_and_cannot_tell(alice: Person, bob: Person, registered: NewPerson) -> None:
    carol = registered()
    with alice.running("tail") as tail:
        bob.run("send", alice.name, "first")
        tail.wait_for_line("first")
        alice.run("block", bob.name)
        assert alice.objects("blocks") == [{"username": bob.name}]
        bob.run("send", alice.name, "unseen")
        carol.run("send", alice.name, "second")
        tail.wait_for_line("second")
        alice.run("unblock", bob.name)
        bob.run("send", alice.name, "third")
        tail.wait_for_line("third")
        assert [line.partition(": ")[2] for line in tail.out] == ["first", "second", "third"]
        assert tail.err == []
    assert [message["body"] for message in alice.objects("history", bob.name)] == ["first", "third"]
    assert alice.out("blocks") == ""


def test_everything_that_is_stored_about_one_comes_out(alice: Person, bob: Person) -> None:
    alice.run("send", bob.name, "to be exported")
    lines = [json.loads(line) for line in alice.out("export").splitlines()]
    assert any("to be exported" in json.dumps(line) for line in lines)
