"""`.env.example` is the list of all settings: complete, true, and a comment on each."""

import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

import archiver.settings
import auth_api.settings
from mqtt_client.settings import Settings as ClientSettings

ROOT = Path(__file__).resolve().parents[2]
SETTINGS: tuple[type[BaseSettings], ...] = (
    auth_api.settings.Settings,
    archiver.settings.Settings,
    archiver.settings.HealthSettings,
)
_ASSIGNMENT = re.compile(r"#?(NIGHTJAR_[A-Z_]+)=(.*)")


def in_example() -> dict[str, str]:
    """Read the names and values of the example file."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    return {match[1]: match[2] for line in lines if (match := _ASSIGNMENT.fullmatch(line))}


def in_programs() -> set[str]:
    """Name the settings that the programs read."""
    names = [name for settings in SETTINGS for name in settings.model_fields]
    return {f"NIGHTJAR_{name.upper()}" for name in [*names, *(field.name for field in fields(ClientSettings))]}


def in_text(*paths: str) -> set[str]:
    """Name the settings that stand in the tracked files below some paths."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *paths], cwd=ROOT, check=True, capture_output=True, text=True
    )
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    text = "\n".join(file.read_text() for file in files if file.exists())
    return set(re.findall(r"\bNIGHTJAR_[A-Z_]*[A-Z]\b", text))


def test_every_setting_is_in_the_example() -> None:
    """Those of the programs, of the scripts, and of the containers."""
    wanted = in_programs() | in_text("scripts", "docker-compose.yml", "Dockerfile", "db")
    assert sorted(wanted - set(in_example())) == []


def test_the_example_has_no_setting_that_nothing_reads() -> None:
    """A setting that was dropped leaves the example too."""
    read = in_programs() | in_text("scripts", "docker-compose.yml", "db")
    assert sorted(set(in_example()) - read) == []


def test_every_setting_has_a_comment_and_stands_there_once() -> None:
    """The comment is right above it, and the line itself is one: copying the file changes nothing."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    found = [(number, match[1]) for number, line in enumerate(lines) if (match := _ASSIGNMENT.fullmatch(line))]
    assert all(lines[number].startswith("#") for number, _ in found)
    uncommented = [name for number, name in found if not re.match(r"# \S+ \S+", lines[number - 1])]
    assert uncommented == []
    assert len(found) == len({name for _, name in found})


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: settings.__module__)
def test_the_example_names_the_defaults(settings: type[BaseSettings]) -> None:
    """Settings that are required, computed or off by default are left out of this."""
    example = in_example()
    fixed = {
        f"NIGHTJAR_{name.upper()}": field.default
        for name, field in settings.model_fields.items()
        if field.default is not PydanticUndefined and field.default is not None
    }
    assert {name: example.get(name) for name in fixed} == {name: str(value) for name, value in fixed.items()}


def test_the_containers_get_every_setting_of_their_program() -> None:
    """A setting is either fixed in docker-compose.yml or handed on from `.env`."""
    compose = in_text("docker-compose.yml")
    programs = {
        name
        for settings in (auth_api.settings.Settings, archiver.settings.Settings)
        for name in (f"NIGHTJAR_{field.upper()}" for field in settings.model_fields)
    }
    assert sorted(programs - compose) == []
