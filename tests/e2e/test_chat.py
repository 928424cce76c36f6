"""Two people chat on the command line: the main job."""

from datetime import datetime
from uuid import UUID, uuid4

from tests.e2e.conftest import NewTerminal
from tests.e2e.people import Person, new_name


def test_two_terminals_chat_and_see_each_other_at_once(alice: Person, bob: Person, new_terminal: NewTerminal) -> None:
    """`tail` shows in one what `send` says in the other, both ways."""
    at_alice, at_bob = new_terminal(alice), new_terminal(bob)
    ask, reply = f"shall we? {uuid4()}", f"we shall, übermorgen ☕ {uuid4()}"
    with at_alice.tail() as alices, at_bob.tail(alice.username) as bobs:
        at_alice.run("send", bob.username, ask)
        received = bobs.wait_for(ask)
        at_bob.run("send", alice.username, reply)
        answered = alices.wait_for(reply)
    assert received["sender"] == alice.username
    assert received["conversation"] == {"type": "direct", "with": alice.username}
    assert answered["sender"] == bob.username
    assert answered["conversation"] == {"type": "direct", "with": bob.username}


def test_send_waits_until_stored_and_prints_id_and_seq(alice: Person, bob: Person, new_terminal: NewTerminal) -> None:
    """What it prints is in the archive when it ends."""
    text = f"kept {uuid4()}"
    [sent] = new_terminal(alice).json("send", bob.username, text)
    assert sent["status"] == "stored"
    assert UUID(sent["id"]).version == 7
    stored = bob.login().get(f"/v1/messages/{sent['seq']}")
    assert (stored["id"], stored["body"], stored["sender"]) == (sent["id"], text, alice.username)
    assert stored["content_type"] == "text/plain; charset=utf-8"
    for moment in (stored["sent_at"], stored["received_at"]):
        assert moment.endswith("Z")
        assert len(moment.rpartition(".")[2]) == 4, "milliseconds"
        assert datetime.fromisoformat(moment).tzinfo


def test_standard_input_is_sent_byte_for_byte(alice: Person, bob: Person, new_terminal: NewTerminal) -> None:
    """White space and bytes that are no text come through."""
    text = f"  two lines,\n\tand a trailing newline {uuid4()}\n"
    terminal = new_terminal(alice)
    terminal.run("send", bob.username, stdin=text.encode())
    terminal.run("send", bob.username, stdin=b"\x00\xff\xfe not text")
    newest = bob.login().history_with(alice.username, limit=2)
    assert newest[0]["body"] == text
    assert newest[1]["content_type"] == "application/octet-stream"
    assert newest[1]["body_base64"] == "AP/+IG5vdCB0ZXh0"


def test_a_second_device_has_the_history_from_before_its_login(
    alice: Person, bob: Person, new_terminal: NewTerminal
) -> None:
    """Oldest first, and older ones by the number of a newer one."""
    words = [f"{number} of 3 {uuid4()}" for number in range(3)]
    first = new_terminal(bob)
    for word in words:
        first.run("send", alice.username, word)
    second = new_terminal(bob)
    shown = second.json("history", alice.username, "-n", "3")
    assert [message["body"] for message in shown] == words
    older = second.json("history", alice.username, "-n", "2", "--before", str(shown[2]["seq"]))
    assert [message["body"] for message in older] == words[:2]
    page = second.run("history", alice.username, "-n", "3")
    assert [page.index(word) for word in words] == sorted(page.index(word) for word in words)


def test_a_device_that_was_away_catches_up_and_shows_each_message_once(
    alice: Person, bob: Person, new_terminal: NewTerminal
) -> None:
    """What was sent while it was away comes from the archive."""
    at_alice, at_bob = new_terminal(alice), new_terminal(bob)
    while_away, live = f"while you were out {uuid4()}", f"welcome back {uuid4()}"
    at_bob.run("send", alice.username, while_away)
    with at_alice.tail() as tail:
        tail.wait_for(while_away)
        at_bob.run("send", alice.username, live)
        tail.wait_for(live)
        at_bob.run("send", alice.username, end := f"that is all {uuid4()}")
        tail.wait_for(end)
    assert tail.bodies.count(while_away) == 1
    assert tail.bodies.count(live) == 1


def test_conversations_and_unread_name_who_wrote(alice: Person, bob: Person, new_terminal: NewTerminal) -> None:
    """The newest conversation is the first."""
    text = f"psst {uuid4()}"
    new_terminal(bob).run("send", alice.username, text)
    terminal = new_terminal(alice)
    [newest, *_] = terminal.json("conversations")
    assert newest["conversation"] == {"type": "direct", "with": bob.username}
    assert newest["last_message"]["body"] == text
    assert newest["unread"] > 0
    assert bob.username in terminal.run("conversations")
    assert bob.username in terminal.run("unread")
    assert int(terminal.run("unread", "--count")) > 0


def test_a_message_to_nobody_is_rejected_with_status_3(alice: Person, new_terminal: NewTerminal) -> None:
    """There is no history with nobody either."""
    terminal = new_terminal(alice)
    terminal.run("send", new_name("nobody"), "hello?", expect=3)
    terminal.run("history", new_name("nobody"), expect=1)


def test_a_notebook_is_a_conversation_with_oneself(alice: Person, new_terminal: NewTerminal) -> None:
    """Notes to oneself are messages like any other."""
    terminal = new_terminal(alice)
    note = f"milk, rice {uuid4()}"
    terminal.run("send", alice.username, note)
    [kept] = terminal.json("history", alice.username, "-n", "1")
    assert (kept["body"], kept["sender"]) == (note, alice.username)
