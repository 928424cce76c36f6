"""The app as people have it: in real terminals, against the real servers."""

from pathlib import Path

from tests.conftest import StackFactory
from tests.integration.app.conftest import NewPerson
from tests.support.nightjar import PASSWORD, Person, new_person
from tests.support.stack import RunningStack, wait_for
from tests.support.tmux import AppTerminal, app_terminal


def say(terminal: AppTerminal, text: str) -> None:
    """Type a line and send it."""
    terminal.write(text)
    terminal.press("Enter")


def test_somebody_registers_in_the_app_and_two_chat(shared_stack: RunningStack, tmp_path: Path, bob: Person) -> None:
    """The server is there already; an error stands below its field; both see what the other writes."""
    newcomer = new_person(shared_stack.server, tmp_path)
    with app_terminal(newcomer.environment) as alices, app_terminal(bob.environment) as bobs:
        alices.wait_for(shared_stack.server)
        say(alices, "No Such Name")
        alices.write("short")
        alices.press("Tab")
        alices.write("short")
        alices.press("Enter")
        alices.wait_for("is no username")
        alices.press("C-u")
        say(alices, newcomer.name)
        for _ in range(2):
            alices.press("C-u")
            alices.write(PASSWORD)
            alices.press("Tab")
        alices.press("Tab", "Enter")
        alices.wait_for("● online")
        bobs.wait_for("● online")
        say(alices, f"/msg {bob.name} Hello from the app")
        bobs.wait_for("Hello from the app")
        say(bobs, "and hello to you")
        alices.wait_for("and hello to you")
        alices.wait_for("Hello from the app ✓")


def test_what_was_being_sent_at_a_kill_is_sent_by_the_next_start(stack_factory: StackFactory, tmp_path: Path) -> None:
    """Killed -9 with a message in the outbox; restarted, it shows its last screen and sends it; nothing comes twice."""
    stack = stack_factory().start()
    alice, bob = (new_person(stack.server, tmp_path).register() for _ in range(2))
    with app_terminal(alice.environment, "chat", bob.name) as first:
        first.wait_for("● online")
        say(first, "before the kill")
        first.wait_for("before the kill ✓")
        stack.broker.kill()
        first.wait_for("offline")
        say(first, "written while the broker was away")
        first.wait_for("was away …")
        first.kill()
    stack.broker.start()
    with app_terminal(alice.environment) as again, app_terminal(bob.environment) as bobs:
        again.wait_for("before the kill ✓")
        again.wait_for("was away ✓")
        shown = bobs.wait_for("was away")
        assert shown.count("was away") == 1 + shown.split("│")[0].count("was away")
        stack.broker.kill()
        bobs.wait_for("offline")
        stack.broker.start()
        bobs.wait_for("● online")
        say(bobs, "back again")
        again.wait_for("back again")


def test_a_second_device_shows_what_was_said_before(alice: Person, bob: Person, tmp_path: Path) -> None:
    """The history is there after the login."""
    for number in range(3):
        alice.run("send", bob.name, f"number {number}")
    elsewhere = bob.elsewhere(tmp_path / "second")
    with app_terminal(elsewhere.environment) as second:
        second.wait_for("number 2")
        second.wait_for("number 0")


def test_two_apps_on_one_profile_are_prevented_with_a_line(alice: Person) -> None:
    """The second one names the first."""
    with app_terminal(alice.environment) as first:
        first.wait_for("● online")
        with app_terminal(alice.environment) as second:
            shown = second.wait_for("ended with 1")
            assert "the app is open already on profile default (process" in shown
            assert "Traceback" not in shown


def test_a_message_to_nobody_says_why_and_can_be_sent_again(shared_stack: RunningStack, registered: NewPerson) -> None:
    """It is refused by the archive, since its receiver has gone; the app says so, and offers to send it again."""
    alice, bob = registered(), registered()
    with app_terminal(alice.environment, "chat", bob.name) as terminal:
        terminal.wait_for("● online")
        bob.run("delete-account", "--yes", "--password-stdin", stdin=f"{PASSWORD}\n".encode())
        say(terminal, "are you there?")
        terminal.wait_for("not sent: there is no such user")
        with shared_stack.archiver.frozen():
            terminal.press("C-r")
            terminal.wait_without("not sent")
        terminal.wait_for("not sent: there is no such user")
        terminal.press("M-x")
        terminal.wait_without("are you there?")


def test_the_screen_is_whole_after_leaving(alice: Person) -> None:
    """Ctrl+Q ends the app in order, with status 0 and no traceback; a draft is there the next time."""
    with app_terminal(alice.environment, "chat", alice.name) as terminal:
        terminal.wait_for("● online")
        say(terminal, "a note to myself")
        terminal.wait_for("a note to myself ✓")
        terminal.write("half a thou")
        terminal.wait_for("half a thou")
        terminal.press("C-q")
        shown = terminal.wait_for("ended with 0")
        assert "Traceback" not in shown
    with app_terminal(alice.environment) as again:
        again.wait_for("half a thou")
        wait_for(lambda: "● online" in again.screen(), "online again")
