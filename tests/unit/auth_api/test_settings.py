"""For how many days what was refused is kept, as it stands in the environment."""

from pathlib import Path

import pytest

from auth_api.settings import load_all

NAME = "NIGHTJAR_DEAD_LETTER_DAYS"


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what has no default, and nothing about dead letters."""
    monkeypatch.delenv(NAME, raising=False)
    monkeypatch.setenv("NIGHTJAR_DATABASE_URL", "postgresql://127.0.0.1/nightjar")
    monkeypatch.setenv("NIGHTJAR_KEYS_DIR", str(tmp_path))
    monkeypatch.setenv("NIGHTJAR_PUBLIC_KEYS_DIR", str(tmp_path))


def test_dead_letters_are_kept_for_ninety_days_by_default() -> None:
    assert load_all().dead_letter_days == 90


@pytest.mark.parametrize("days", [0, 1, 3650])
def test_they_are_kept_as_long_as_is_said(days: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, str(days))
    assert load_all().dead_letter_days == days


@pytest.mark.parametrize("text", ["-1", "3651", "0.5", "90d", "", "nan"])
def test_what_is_no_number_of_days_ends_the_program_with_a_line_that_names_it(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(NAME, text)
    with pytest.raises(SystemExit) as ended:
        load_all()
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith(f"{NAME}: ")
    assert said.count("\n") == 1
