"""Two people in a group and in a direct conversation, each in the app in a real terminal, against the real servers."""

import json
from pathlib import Path

from tests.integration.app.conftest import NewPerson
from tests.integration.app.test_in_a_terminal import say
from tests.support.nightjar import Person
from tests.support.stack import wait_for
from tests.support.tmux import AppTerminal, app_terminal


def both_online(*terminals: AppTerminal) -> None:
    """Wait until all apps have caught up."""
    for terminal in terminals:
        terminal.wait_for("● online")


def test_two_chat_in_a_group_and_change_what_they_have_written(registered: NewPerson) -> None:
    """Joined by its title; typing, an answer, a correction, a reaction and a retraction are on the other screen."""
    alice, bob = registered(), registered()
    title = f"garden of {alice.name}"
    alice.run("groups", "create", title, "--open")
    with app_terminal(alice.environment) as alices, app_terminal(bob.environment) as bobs:
        both_online(alices, bobs)
        alices.wait_for(f"#{title}"[:15])
        say(bobs, f"/join #{title}")
        bobs.wait_for(f"│ #{title}")  # over the messages; what was typed has it too
        say(alices, f"/msg #{title}")
        alices.wait_for(f"│ #{title}")
        say(alices, "the owl is backk")
        alices.wait_for("the owl is backk ✓")
        bobs.wait_for("the owl is backk")
        bobs.write("which")
        alices.wait_for(f"{bob.name} is typing")
        bobs.press("C-u")
        alices.wait_without("is typing")
        say(alices, "/correct the owl is back")
        bobs.wait_for("the owl is back (edited)")
        say(bobs, "/react tada")
        alices.wait_for(f"🎉 {bob.name}")
        say(bobs, "/reply which one?")
        alices.wait_for(f"│ {alice.name}: the owl is back")
        alices.wait_for("which one?")
        bobs.wait_for("which one? ✓")  # before, there is nothing to retract yet
        say(bobs, "/retract")
        alices.wait_for("(retracted)")
        alices.wait_without("which one?")
        say(bobs, "/leave")
        bobs.wait_for_one_of(f"you have left #{title}", f"you are not in #{title} any more")


def test_a_direct_message_is_seen_to_be_read_and_who_is_there(alice: Person, bob: Person, tmp_path: Path) -> None:
    """Delivered while another conversation is open, read when its own is; the mark of a person comes and goes."""
    with app_terminal(alice.environment, "chat", bob.name) as alices:
        alices.wait_for("● online")
        with app_terminal(bob.environment, "chat", bob.name) as bobs:
            bobs.wait_for("● online")
            say(alices, "are you awake?")
            alices.wait_for("are you awake? ✓✓")
            alices.wait_for(f"●{bob.name}"[:12])
            assert "✓✓ read" not in alices.screen()
            bobs.wait_for(f"●{alice.name}"[:12])
            say(bobs, f"/msg {alice.name}")
            alices.wait_for("are you awake? ✓✓ read")
            say(bobs, f"/whois {alice.name}")
            bobs.wait_for("online since")
            target = tmp_path / "mine.ndjson"
            say(bobs, f"/export {target}")
            wait_for(lambda: target.exists() and '"end"' in target.read_text(), "the export")
            assert json.loads(target.read_text().splitlines()[0])["type"] == "profile"
            bobs.press("C-q")
            bobs.wait_for("ended with 0")
        alices.wait_without(f"●{bob.name}"[:12])


def test_who_is_blocked_is_not_seen(alice: Person, bob: Person) -> None:
    """Until the block is taken back."""
    with app_terminal(alice.environment, "chat", bob.name) as alices:
        alices.wait_for("● online")
        say(alices, "/block")
        alices.wait_for("is blocked")
        bob.run("send", alice.name, "unwanted words")
        say(alices, "/unblock")
        alices.wait_for(f"blocked: {bob.name}")
        say(alices, f"/unblock {bob.name}")
        alices.wait_for("is not blocked any more")
        bob.run("send", alice.name, "welcome words")
        assert "unwanted" not in alices.wait_for("welcome words")
