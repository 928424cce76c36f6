"""The man page and the completions say what the commands are now."""

import shutil
import subprocess
from pathlib import Path

import click
import pytest

from mqtt_client.app.commands import COMMANDS
from mqtt_client.app.keys import KEYS
from mqtt_client.commands.main import cli
from scripts.documenting.files import DOCS, written


def test_they_are_as_the_definitions_make_them() -> None:
    """`scripts/document` makes them anew."""
    for name, content in written().items():
        assert (DOCS / name).read_text() == content, f"docs/{name} is out of date: run scripts/document"


def test_they_name_every_command_and_the_page_every_key_too() -> None:
    """Of the command line and of the app."""
    assert isinstance(cli, click.Group)
    names = cli.list_commands(click.Context(cli))
    for content in written().values():
        assert all(name in content.replace("\\-", "-") for name in names)
    page = written()["man/nightjar.1"].replace("\\-", "-")
    assert all(key.does in page for key in KEYS)
    assert all(command.does in page for command in COMMANDS)


def test_bash_completes_commands_and_their_options() -> None:
    """As bash itself does it."""
    script = f"""
        source {DOCS / "completions" / "nightjar.bash"}
        ask() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _nightjar; echo "${{COMPREPLY[*]}}"; }}
        ask nightjar unr
        ask nightjar unread --co
        ask nightjar --profile x send --ti
        ask nightjar send bob ''
        ask nightjar groups jo
        ask nightjar groups create --op
        ask nightjar groups show ''
    """
    done = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.split("\n")[:7] == ["unread", "--count", "--timeout", "", "join", "--open", ""]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_can_read_theirs(shell: str) -> None:
    """Where they are installed."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, "-n", str(DOCS / "completions" / f"nightjar.{shell}")], check=True)


def test_the_page_is_one_that_man_can_show(tmp_path: Path) -> None:
    """Where groff or man is installed, without a warning."""
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    page = tmp_path / "nightjar.1"
    page.write_text(written()["man/nightjar.1"])
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", str(page)], check=True, capture_output=True, text=True)
    assert done.stderr == ""
