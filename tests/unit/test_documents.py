"""What people read first: its links lead somewhere, and its commands exist."""

import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import click
import pytest

from mqtt_client.commands.main import cli

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/protocol.md",
    "docs/architecture.md",
    "docs/operations.md",
    "benchmarks/README.md",
]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_relative_link_leads_to_a_tracked_file(name: str) -> None:
    """To a heading, too, where the link names one."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True)
    tracked = set(listed.stdout.splitlines())
    text = (ROOT / name).read_text()
    missing = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, heading = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        if str(target.resolve().relative_to(ROOT)) not in tracked or heading not in {"", *_headings(target)}:
            missing.append(link)
    assert missing == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_of_nightjar_that_is_shown_exists(name: str) -> None:
    """In the lines that are to be typed."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", (ROOT / name).read_text(), re.DOTALL))
    typed = re.findall(r"^(?:\.venv/bin/)?nightjar (?:--\w+ \S+ )*([a-z-]+)", blocks, re.MULTILINE)
    assert isinstance(cli, click.Group)
    assert sorted(set(typed) - set(cli.list_commands(click.Context(cli)))) == []


def test_the_recording_in_the_readme_is_a_whole_svg() -> None:
    """It has been made by scripts/record, and shows a chat."""
    drawn = ET.parse(ROOT / "docs" / "chat.svg").getroot()  # noqa: S314  # our own file
    shown = [element.text or "" for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert any("nightjar tail" in text for text in shown)
    assert any(re.match(r"\d\d:\d\d bob: ", text) for text in shown)


def _headings(file: Path) -> set[str]:
    """Name the headings of a document as links do."""
    found = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in found}
