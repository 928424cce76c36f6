"""The parts of the settings that are read by hand."""

from pathlib import Path

import jwt
import pytest

from archiver.errors import SettingsError
from archiver.settings import Credentials, read_credentials


def test_a_token_is_read_and_does_not_show(tmp_path: Path) -> None:
    token = jwt.encode({"sub": "archiver", "client_id": "archiver.1"}, "x" * 32)
    (tmp_path / "token").write_text(f"{token}\n")
    credentials = read_credentials(tmp_path / "token", "archiver.1")
    assert credentials == Credentials("archiver", "archiver.1", token)
    assert token not in repr(credentials)


@pytest.mark.parametrize("content", [b"", b"a.b.c", b"\xff\xfe", b"e30.e30.e30"])
def test_a_file_without_a_token_is_a_bad_setting(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(SettingsError, match=r"^NIGHTJAR_ARCHIVER_TOKEN_FILE: "):
        read_credentials(tmp_path / "token", "archiver.1")
