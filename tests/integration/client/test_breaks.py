"""Parts of the stack go away and come back while people chat: nothing is lost, nothing is there twice."""

import json
import signal
import socket
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import StackFactory
from tests.support.nightjar import PASSWORD, Person, Running, new_person
from tests.support.stack import RunningStack, wait_for


@pytest.fixture
def stack(stack_factory: StackFactory) -> RunningStack:
    """A stack of this test's own."""
    return stack_factory().start()


@pytest.fixture
def people(stack: RunningStack, tmp_path: Path) -> tuple[Person, Person]:
    """Two who are logged in."""
    alice, bob = (new_person(stack.server, tmp_path, name).register() for name in ("alice", "bob"))
    return alice, bob


def start_broker(stack: RunningStack) -> None:
    """Start the broker again, and wait until it lets clients in: a command waits for 5 s to empty the outbox."""
    told = stack.broker.log.count(", all may connect")
    stack.broker.start()
    wait_for(lambda: stack.broker.log.count(", all may connect") > told, "the broker lets clients in")


def bodies(running: Running) -> list[str]:
    """List the texts that a tail has shown."""
    return [line.partition(": ")[2] for line in running.out]


def stored(reader: Person, other: str) -> list[str]:
    """List the texts of a conversation as the archive has them."""
    return [message["body"] for message in reader.objects("history", other)]


def test_with_the_broker_away_messages_wait_in_the_outbox(stack: RunningStack, people: tuple[Person, Person]) -> None:
    alice, bob = people
    stack.broker.kill()
    assert "stays in the outbox" in alice.fails("send", "bob", "one", "--timeout", "4", status=4)
    assert "stays in the outbox" in alice.fails("send", "bob", "two", "--timeout", "4", status=4)
    assert "broker" in alice.fails("tail", status=6)
    stack.broker.start()
    alice.run("send", "bob", "three", "--timeout", "30")
    wait_for(lambda: stored(bob, "alice") == ["one", "two", "three"], "all three, in order, once")


def test_a_tail_bridges_a_restart_of_the_broker(stack: RunningStack, people: tuple[Person, Person]) -> None:
    alice, bob = people
    with bob.running("tail") as tail, alice.running("send", "bob", "during", "--timeout", "60") as early:
        assert early.wait() == 0
        tail.wait_for_line("during")
        stack.broker.kill()
        tail.wait_for_error("the connection was cut, trying again")
        with alice.running("send", "bob", "while away", "--timeout", "60") as send:
            wait_for((alice.directory / "wake").exists, "it waits")
            stack.broker.start()
            assert send.wait(60) == 0
        tail.wait_for_line("while away")
        tail.wait_for_error("connected again")
        alice.run("send", "bob", "after")
        tail.wait_for_line("after")
        assert bodies(tail) == ["during", "while away", "after"]
        assert len(tail.err) == 2, "one line for the cut, one for its end"


def test_a_send_killed_before_its_receipt_is_finished_by_the_next_command(
    stack: RunningStack, people: tuple[Person, Person]
) -> None:
    """The archiver is stopped, so that the receipt cannot come before the kill."""
    alice, bob = people
    stack.archiver.stop()
    with bob.running("tail") as tail, alice.running("send", "bob", "survivor", "--timeout", "60") as send:
        tail.wait_for_line("survivor")
        send.process.kill()
        send.wait()
        assert "outbox" in alice.fails("send", "bob", "second", "--timeout", "4", status=4)
        stack.archiver.start()
        alice.run("send", "bob", "third", "--timeout", "30")
        tail.wait_for_line("third")
        wait_for(lambda: stored(bob, "alice") == ["survivor", "second", "third"], "all three, in order, once")
        assert bodies(tail) == ["survivor", "second", "third"]


def test_a_tail_sends_what_an_earlier_command_left_in_the_outbox(
    stack: RunningStack, people: tuple[Person, Person]
) -> None:
    alice, bob = people
    stack.broker.kill()
    alice.fails("send", "bob", "left behind", "--timeout", "0.5", status=4)
    stack.broker.start()
    with alice.running("tail") as tail:
        tail.wait_for_line("left behind", timeout=60)
        wait_for(lambda: stored(bob, "alice") == ["left behind"], "it is stored")


def outbox(person: Person) -> int:
    """Count what waits in the outbox."""
    (path,) = person.directory.glob("*.db")
    with closing(sqlite3.connect(path)) as store:
        return int(store.execute("SELECT count(*) FROM outbox").fetchone()[0])


@pytest.mark.parametrize("command", [["history", "bob"], ["whoami"], ["read", "bob"], ["history", "nobody-here"]])
def test_any_command_finishes_a_send_that_was_killed_before_its_receipt(
    stack: RunningStack, people: tuple[Person, Person], command: list[str]
) -> None:
    """The archiver is stopped, so that the receipt cannot come before the kill; what it had is lost with the broker."""
    alice, bob = people
    stack.archiver.stop()
    with alice.running("send", "bob", "survivor", "--timeout", "60") as send:
        wait_for(lambda: outbox(alice) == 1, "it is in the outbox")
        send.process.kill()
        send.wait()
    stack.broker.kill()
    stack.broker.start()
    stack.archiver.start()
    status = 1 if "nobody-here" in command else 0
    done = alice.run(*command, expect=None)
    assert done.returncode == status, "the command ends as it does without that"
    if status == 0:
        assert done.stderr == b"nightjar: left in the outbox by earlier commands: 1 sent late\n"
    assert outbox(alice) == 0
    assert stored(bob, "alice") == ["survivor"]
    assert alice.run("whoami").stderr == b""


def test_what_is_stored_already_is_not_sent_again(
    stack: RunningStack, people: tuple[Person, Person], tmp_path: Path
) -> None:
    """Or it would be shown to who has joined since, and to who had blocked its sender, though not theirs to read."""
    alice, bob = people
    carol = new_person(stack.server, tmp_path, "carol").register()
    second = alice.elsewhere(tmp_path / "second")
    group = alice.out("groups", "create", "secret", "--member", "bob").strip()
    with stack.archiver.frozen():
        said = alice.fails("send", group, "before carol", "--timeout", "1", status=4)
        bob.run("block", "alice")
        alice.fails("send", "bob", "while blocked", "--timeout", "1", status=4)
    wait_for(lambda: len(second.objects("history", group) + second.objects("history", "bob")) == 2, "both are stored")
    bob.run("unblock", "alice")
    second.run("groups", "add", group, "carol")
    time.sleep(5)  # younger ones are sent without asking
    with carol.running("tail") as tail, bob.running("tail", "alice") as other:
        carol.wait_until_running(1)
        bob.wait_until_running(1)
        assert alice.run("whoami").stderr == b"nightjar: left in the outbox by earlier commands: 2 sent late\n"
        (result,) = second.objects("history", group)
        assert result["id"] in said
        second.run("send", group, "for all")
        second.run("send", "bob", "again")
        tail.wait_for_line("for all")
        other.wait_for_line("again")
        assert bodies(tail) == ["for all"]
        assert bodies(other) == ["again"]


def test_what_stands_in_the_way_after_a_message_was_kept_does_not_hide_that_it_is(
    stack: RunningStack, people: tuple[Person, Person], tmp_path: Path
) -> None:
    """Who is told that it failed sends it again, and it is there twice."""
    alice, bob = people
    device = alice.login()["device_id"]
    alice.elsewhere(tmp_path / "second").run("sessions", "--end", device)
    said = alice.fails("send", "bob", "without a session", status=4)
    assert "the session of alice has ended, run `nightjar login alice`: message " in said
    password = f"{PASSWORD}\n".encode()
    assert b"1 sent late" in alice.run("login", "alice", "--password-stdin", stdin=password).stderr
    stack.archiver.stop()
    with alice.running("send", "bob", "with a busy store", "--timeout", "60") as send:
        wait_for(lambda: outbox(alice) == 1, "it is in the outbox")
        (path,) = alice.directory.glob("*.db")
        with closing(sqlite3.connect(path, isolation_level=None)) as store:
            wait_for(lambda: begun(store), "the store is free for a moment")
            stack.archiver.start()
            assert send.wait(60) == 4
        (line,) = send.err
        assert "database is locked: message " in line
        assert "stays in the outbox" in line
    alice.run("whoami")
    assert stored(bob, "alice") == ["without a session", "with a busy store"]


def begun(store: sqlite3.Connection) -> bool:
    """Let nobody else write; say whether that was possible."""
    try:
        store.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    return True


def test_a_read_that_was_not_told_is_not_confirmed_when_it_is_asked_for_again(
    stack: RunningStack, people: tuple[Person, Person]
) -> None:
    alice, bob = people
    bob.run("send", "alice", "hello")
    stack.broker.kill()
    alice.fails("read", "bob", "--timeout", "1", status=4)
    alice.fails("read", "bob", "--timeout", "1", status=4)
    start_broker(stack)
    alice.run("read", "bob")
    assert alice.objects("unread", "--count") == [{"unread": 0}]


def test_what_cannot_be_delivered_yet_is_counted_and_holds_no_command_up(
    stack: RunningStack, people: tuple[Person, Person]
) -> None:
    alice, bob = people
    stack.archiver.stop()
    alice.fails("send", "bob", "one", "--timeout", "0.5", status=4)
    alice.fails("send", "bob", "two", "--timeout", "0.5", status=4)
    said = "nightjar: left in the outbox by earlier commands: 2 still waiting"
    begun = time.monotonic()
    assert alice.run("conversations").stderr.decode() == f"{said}\n"
    assert time.monotonic() - begun < 20
    stack.broker.kill()
    assert alice.run("conversations").stderr.decode().startswith(f"{said} (the broker at ")
    stack.broker.start()
    stack.archiver.start()
    alice.run("unread")
    assert stored(bob, "alice") == ["one", "two"]


def test_no_message_is_lost_with_a_logout_and_none_silently_with_the_account(
    stack: RunningStack, people: tuple[Person, Person]
) -> None:
    alice, bob = people
    stack.broker.kill()
    alice.fails("send", "bob", "before", "--timeout", "0.5", status=4)
    password = f"{PASSWORD}\n".encode()
    refused = alice.fails("delete-account", "--yes", "--password-stdin", stdin=password, status=1)
    assert "1 unsent in the outbox would be lost" in refused
    assert "sent when alice logs in here again" in alice.run("logout").stderr.decode()
    start_broker(stack)
    assert "1 sent late" in alice.run("login", "alice", "--password-stdin", stdin=password).stderr.decode()
    stack.broker.kill()
    alice.fails("send", "bob", "between", "--timeout", "0.5", status=4)
    start_broker(stack)
    assert "1 sent late" in alice.run("logout").stderr.decode()
    assert stored(bob, "alice") == ["before", "between"]
    alice.run("login", "alice", "--password-stdin", stdin=password)
    stack.broker.kill()
    alice.fails("send", "bob", "never", "--timeout", "0.5", status=4)
    device = json.loads(alice.out("whoami", "--json"))["device"]["id"]
    said = alice.run("sessions", "--end", device).stderr.decode().splitlines()
    assert [line.split(" (")[0] for line in said] == [
        "nightjar: left in the outbox by earlier commands: 1 still waiting",
        "nightjar: 1 unconfirmed in the outbox; sent when alice logs in here again",
    ]
    alice.run("login", "alice", "--password-stdin", stdin=password)
    deleted = alice.run("delete-account", "--yes", "--force", "--password-stdin", stdin=password)
    assert deleted.stderr == b"nightjar: 1 unsent in the outbox: lost with the account\n"


def test_tokens_that_live_for_seconds_are_renewed_without_a_word(stack_factory: StackFactory, tmp_path: Path) -> None:
    stack = stack_factory(NIGHTJAR_MQTT_TOKEN_SECONDS="5", NIGHTJAR_ACCESS_TOKEN_SECONDS="5").start()
    alice, bob = (new_person(stack.server, tmp_path, name).register() for name in ("alice", "bob"))
    with bob.running("tail") as tail, bob.running("tail", "--json") as script:
        bob.wait_until_running(2)
        sent: list[str] = []
        until = time.monotonic() + 16
        while time.monotonic() < until:
            sent.append(f"m{len(sent)}")
            alice.run("send", "bob", sent[-1], "--timeout", "30")
            bob.run("send", "alice", "x", "--timeout", "30")
        tail.wait_for_line(sent[-1])
        script.wait_for_line(f'"{sent[-1]}"')
        assert [body for body in bodies(tail) if body != "x"] == sent
        assert sum('"sender": "alice"' in line for line in script.out) == len(sent)
        assert tail.err == script.err == []


def test_without_the_rest_server_credentials_that_hold_are_enough_to_send(
    stack: RunningStack, people: tuple[Person, Person]
) -> None:
    alice, _ = people
    stack.api.stop()
    alice.run("send", "bob", "over the broker alone")
    assert "out of reach" in alice.fails("history", "bob", status=6)
    assert "out of reach" in alice.fails("tail", status=6)
    alice.change_login(lambda login: login["mqtt"].update(ends_at=0.0))
    assert "out of reach" in alice.fails("send", "bob", "never sent", status=6)
    stack.api.start()
    with alice.running("tail") as tail:
        alice.run("send", "alice", "last")
        tail.wait_for_line("last")
        assert "never sent" not in bodies(tail), "it was refused before it was put into the outbox"


PATIENT_OF_REST = """
import httpx
import mqtt_client.transport
from mqtt_client.__main__ import main
mqtt_client.transport.CALL_SECONDS = 3600.0
httpx.Timeout = lambda *_, real=httpx.Timeout, **__: real(3600)
raise SystemExit(main())
"""


def test_send_keeps_its_time_even_if_the_rest_server_hangs(stack: RunningStack, people: tuple[Person, Person]) -> None:
    """Its credentials have run out, and whom it asks accepts the connection and says nothing."""
    del stack
    alice, _ = people
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = f"http://127.0.0.1:{silent.getsockname()[1]}"
        alice.change_login(lambda login: login["mqtt"].update(ends_at=0.0))
        alice.change_login(lambda login: login.update(server=server))
        there = Person(alice.name, {**alice.environment, "NIGHTJAR_SERVER": server})
        program = (sys.executable, "-c", PATIENT_OF_REST)
        for to in ("bob", "gabcdefabcdef"):
            said = there.fails("send", to, "x", "--timeout", "1", status=6, program=program)
            assert "nothing was sent" in said, "and not after the hour that its one REST call may take"


def test_chat_goes_on_while_the_rest_server_is_away(stack: RunningStack, people: tuple[Person, Person]) -> None:
    alice, bob = people
    with bob.running("tail") as tail:
        alice.run("send", "bob", "one")
        tail.wait_for_line("one")
        stack.api.stop()
        alice.run("send", "bob", "two")
        tail.wait_for_line("two")
        stack.api.start()
        alice.run("send", "bob", "three")
        tail.wait_for_line("three")
        assert bodies(tail) == ["one", "two", "three"]
        assert tail.end(signal.SIGTERM) == 0


def test_without_the_archive_messages_arrive_and_stay_unconfirmed(
    stack: RunningStack, people: tuple[Person, Person]
) -> None:
    alice, bob = people
    stack.archiver.stop()
    with bob.running("tail") as tail, bob.running("tail", "--json") as script:
        bob.wait_until_running(2)
        with alice.running("send", "bob", "live", "--timeout", "60") as send:
            tail.wait_for_line("live")
            assert send.end() == 4
        assert script.out == [], "for scripts a message is there once it is stored"
        stack.archiver.start()
        script.wait_for_line("live", timeout=30)
        assert bodies(tail) == ["live"]


def test_a_message_that_is_published_again_long_after_it_was_shown_is_not_shown_again(
    stack: RunningStack, people: tuple[Person, Person]
) -> None:
    """Shown live, archived while its sender was away, passed by a second tail, then sent again from the outbox."""
    alice, bob = people
    stack.archiver.stop()
    with bob.running("tail") as first:
        # It publishes again until bob's tail, which may still be connecting, has shown it.
        with alice.running("send", "bob", "once", "--timeout", "60") as send:
            first.wait_for_line("once")
            assert send.end() == 4
        assert first.end() == 0
    stack.archiver.start()
    wait_for(lambda: stored(bob, "alice") == ["once"], "it is archived")
    bob.run("send", "bob", "a note")
    with bob.running("tail") as second:
        second.wait_for_line("a note")
        assert second.end() == 0
    with bob.running("tail") as third:
        alice.run("send", "bob", "the next one")
        third.wait_for_line("the next one")
    assert [bodies(tail) for tail in (first, second, third)] == [["once"], ["a note"], ["the next one"]]
