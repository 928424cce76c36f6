"""The app in a real terminal while its server is away: what is stored is there, and the terminal is treated well."""

import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.groups.app import seed
from benchmarks.mqtt import Login
from benchmarks.stacks import Account
from tests.support.stack import wait_for
from tests.support.tmux import AppTerminal, app_terminal

COUNT = 300


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A profile with a copy of a conversation, and a server that is away."""
    seed(tmp_path, Account("alice", Login("alice.aaaaaaaaaa", "alice", "none"), "none"), "http://127.0.0.1:9", 9, COUNT)
    homes = {f"XDG_{kind}_HOME": str(tmp_path / kind.lower()) for kind in ("DATA", "CONFIG", "STATE", "CACHE")}
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", "TZ": "UTC", **homes}


@pytest.fixture
def terminal(environment: dict[str, str]) -> Iterator[AppTerminal]:
    """The app, after its first screen."""
    with app_terminal(environment) as opened:
        opened.wait_for("offline")
        yield opened


def test_everything_stored_can_be_read_and_searched_without_the_server(terminal: AppTerminal) -> None:
    """Back to the first message; what is written waits."""
    terminal.wait_for(f"message {COUNT - 1}")

    def further_up() -> bool:
        terminal.press("PPage")
        return "message 0 " in terminal.screen()

    wait_for(further_up, "the first message")
    terminal.press("C-End")
    terminal.wait_for(f"message {COUNT - 1}")
    terminal.write("/search message 42 with")
    terminal.press("Enter")
    terminal.wait_for("─ 1 found")
    terminal.press("Enter")
    terminal.wait_without("─ 1 found")
    terminal.wait_for("message 42 with")
    terminal.write("for later")
    terminal.press("Enter")
    terminal.wait_for("for later …")


def test_an_editor_takes_the_terminal_and_gives_it_back(environment: dict[str, str], tmp_path: Path) -> None:
    """Ctrl+E; the screen is whole afterwards, and the message is what the editor wrote."""
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "an editor is here"; read -r line; echo "$line from the editor" >"$1"\n')
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    with app_terminal({**environment, "EDITOR": str(editor)}) as terminal:
        terminal.wait_for("offline")
        terminal.press("C-e")
        shown = terminal.wait_for("an editor is here")
        assert "offline" not in shown
        terminal.write("written")
        terminal.press("Enter")
        terminal.wait_for("written from the editor")
        terminal.wait_for("offline")
        terminal.press("Enter")
        terminal.wait_for("written from the editor …")
        terminal.press("C-q")
        assert "an editor is here" in terminal.wait_for("ended with 0")


def test_bytes_that_are_no_text_do_not_end_it(terminal: AppTerminal) -> None:
    """A terminal of another locale, or a paste from one."""
    terminal.press("-H", "61", "ff", "fe", "e4", "62")
    terminal.wait_for("a\ufffd\ufffd\ufffdb")


def test_a_signal_ends_it_in_good_order(terminal: AppTerminal) -> None:
    """SIGTERM, as at a shutdown: status 0, and the terminal is as before."""
    terminal.signal("TERM")
    shown = terminal.wait_for("ended with 0")
    assert "Traceback" not in shown
    assert "message" not in shown


def test_a_signal_to_go_on_changes_nothing(terminal: AppTerminal) -> None:
    """SIGCONT without a stop before it, as a terminal sends that goes away: there is no second reader of keys."""
    for _ in range(3):
        terminal.signal("CONT")
    terminal.write("every letter once")
    terminal.wait_for(" every letter once")
    terminal.press("C-q")
    terminal.wait_for("ended with 0")


def test_it_ends_with_its_terminal(environment: dict[str, str]) -> None:
    """A window that is closed: nothing is left running, and what was being typed is there the next time."""
    with app_terminal(environment) as closed:
        closed.wait_for("offline")
        closed.write("half a thou")
        closed.wait_for("half a thou")
        (process,) = closed.processes()
    wait_for(lambda: not Path(f"/proc/{process}").exists(), "the app gone")
    with app_terminal(environment) as again:
        again.wait_for("half a thou")


def test_without_colours_none_is_used(environment: dict[str, str]) -> None:
    """NO_COLOR: neither in the first screen nor later; bold and reversed text stay."""
    with app_terminal({**environment, "NO_COLOR": "1"}) as terminal:
        terminal.wait_for("offline")
        looks = re.findall(r"\x1b\[([0-9;]*)m", terminal.screen(looks=True))
    numbers = {number for look in looks for number in look.split(";") if number}
    assert "1" in numbers
    assert "7" in numbers
    assert not {number for number in numbers if len(number) > 1} - {"39", "49"}


@pytest.mark.parametrize("size", [(80, 24), (300, 80), (40, 12)], ids=str)
def test_it_fills_every_terminal(environment: dict[str, str], size: tuple[int, int]) -> None:
    """The newest message, the input and the keys are on the screen."""
    with app_terminal(environment, size=size) as terminal:
        terminal.wait_for("offline")
        shown = terminal.wait_for(f"message {COUNT - 1}").split("\n")
        assert "F1 help" in shown[-1]
        assert len(shown) == size[1]


def test_a_mistake_in_the_settings_is_one_line(environment: dict[str, str]) -> None:
    """Before anything is drawn."""
    config = Path(environment["XDG_CONFIG_HOME"]) / "nightjar" / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text("theme = 5")
    with app_terminal(environment) as terminal:
        assert "config.toml: theme is a text" in terminal.wait_for("ended with 2").replace("\n", "")


def test_the_app_says_that_it_needs_a_terminal(environment: dict[str, str]) -> None:
    """In a pipe."""
    done = subprocess.run(
        [sys.executable, "-m", "mqtt_client"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
