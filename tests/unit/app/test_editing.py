"""Writing a message in an editor of one's own."""

import stat
from pathlib import Path

import pytest

from mqtt_client.app.screens.editing import edited
from mqtt_client.errors import InputError


def an_editor(directory: Path, script: str) -> str:
    """Make an editor that does what a script says with the file `$1`."""
    file = directory / "editor"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return str(file)


def test_the_editor_changes_the_text(tmp_path: Path) -> None:
    """It sees what was typed; the line break at the end is the editor's own."""
    editor = an_editor(tmp_path, 'printf "%s, and more\\n" "$(cat "$1")" >"$1"')
    assert edited("first\nsecond \u6f22", {"EDITOR": editor}) == "first\nsecond \u6f22, and more"


def test_visual_goes_before_editor_and_may_have_options(tmp_path: Path) -> None:
    """As everywhere."""
    editor = an_editor(tmp_path, 'printf "%s" "$1" >"$2"')
    assert edited("", {"VISUAL": f"{editor} --wait", "EDITOR": "false"}) == "--wait"


@pytest.mark.parametrize(("command", "said"), [("false", "ended with 1"), ("/no/such", "cannot be started"),
                                               ("'", "cannot be started")])  # fmt: skip
def test_an_editor_that_fails_changes_nothing(command: str, said: str) -> None:
    """One line says so."""
    with pytest.raises(InputError, match=said):
        edited("text", {"EDITOR": command})
