"""The files of a profile."""

import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from mqtt_client.credentials import Credentials, StoredMqtt
from mqtt_client.errors import InputError, NotLoggedInError, StorageError
from mqtt_client.profile import Profile, open_profile
from mqtt_client.settings import check_profile, check_server, read_settings


def a_profile(tmp_path: Path) -> Profile:
    return Profile("default", tmp_path / "data" / "default", tmp_path / "config" / "default.json")


def credentials() -> Credentials:
    mqtt = StoredMqtt.model_validate(
        {"host": "h", "port": 1883, "tls": False, "username": "alice", "password": "mqtt-secret",
         "client_id": "alice.abcdefghij", "expires_at": "2026-01-31T12:00:00Z", "ends_at": 1.0}
    )  # fmt: skip
    return Credentials(
        server="http://h", username="alice", device_id="abcdefghij", device_name=None, access_token=SecretStr("a"),
        access_ends_at=1.0, refresh_token=SecretStr("refresh-secret"), mqtt=mqtt,
    )  # fmt: skip


def test_a_login_reads_back_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    profile = a_profile(tmp_path)
    profile.save(credentials())
    assert profile.load() == credentials()
    assert stat.S_IMODE(profile.credentials_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(profile.data.stat().st_mode) == 0o700


def test_secrets_are_not_shown_when_a_login_is_printed() -> None:
    assert "secret" not in f"{credentials()!r}{credentials()}"


def test_a_login_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    profile = a_profile(tmp_path)
    profile.save(credentials())
    profile.credentials_file.chmod(0o644)
    profile.data.chmod(0o755)
    profile.load()
    profile.prepare()
    assert stat.S_IMODE(profile.credentials_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(profile.data.stat().st_mode) == 0o700


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b'{"server": 5}'])
def test_a_damaged_login_is_no_login_and_says_how_to_mend_it(tmp_path: Path, content: bytes) -> None:
    profile = a_profile(tmp_path)
    profile.prepare()
    profile.credentials_file.write_bytes(content)
    with pytest.raises(NotLoggedInError, match="damaged: run `nightjar login USER` again"):
        profile.load()


def test_no_login_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(NotLoggedInError, match="nightjar login USER"):
        a_profile(tmp_path).load()


def test_an_unwritable_place_names_the_variable_that_moves_it(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the directory should be")
    with pytest.raises(StorageError, match="XDG_DATA_HOME"):
        a_profile(tmp_path).save(credentials())


def test_two_accounts_of_a_profile_have_stores_of_their_own(tmp_path: Path) -> None:
    profile = a_profile(tmp_path)
    stores = {profile.store_file(server, user) for server in ("http://a", "http://b") for user in ("alice", "bob")}
    assert len(stores) == 4


def test_the_server_of_the_last_login_is_remembered(tmp_path: Path) -> None:
    profile = a_profile(tmp_path)
    assert profile.remembered_server() is None
    profile.remember_server("http://a")
    assert profile.remembered_server() == "http://a"
    profile.settings_file.write_text("garbage")
    assert profile.remembered_server() is None


def test_the_xdg_directories_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "d"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "c"))
    profile = open_profile("work")
    assert profile.data == tmp_path / "d" / "nightjar" / "work"
    assert profile.settings_file == tmp_path / "c" / "nightjar" / "work.json"


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "a b", "x" * 65, "a\n", "é"])
def test_a_profile_cannot_leave_its_directory(name: str) -> None:
    with pytest.raises(ValueError, match="profile's name"):
        check_profile(name)


@pytest.mark.parametrize("url", ["", "host:8080", "ftp://h", "http://", "http://a b", "http://u:p@h", "http://h\n"])
def test_what_is_no_http_url_is_no_server(url: str) -> None:
    with pytest.raises(ValueError, match="http"):
        check_server(url)


def test_a_slash_at_the_end_of_a_server_does_not_count() -> None:
    assert check_server("https://h:1/base/") == "https://h:1/base"


def test_a_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_SERVER", "nonsense")
    with pytest.raises(InputError, match=r"^NIGHTJAR_SERVER: it is no http"):
        read_settings()


def test_an_empty_setting_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_SERVER", "")
    monkeypatch.setenv("NIGHTJAR_PROFILE", "")
    assert read_settings().profile == "default"
    assert read_settings().server is None
