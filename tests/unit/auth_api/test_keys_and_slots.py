"""Keys on disk, tokens signed with them, and slots that end with their process."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import jwt
import pytest

from auth_api.errors import KeyFilesError, UnauthenticatedError
from auth_api.keys import PublicKeys, init_keys, load_refresh_key, load_signing_key, rotate_keys
from auth_api.slots import Slots
from auth_api.tokens import AccessClaims, AccessTokens, TokenMaker


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    init_keys(tmp_path / "private", tmp_path / "public")
    return tmp_path / "private", tmp_path / "public"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def maker(private: Path, ago_ms: int = 0) -> TokenMaker:
    return TokenMaker(load_signing_key(private), lambda: now_ms() - ago_ms, 900, 3600)


def reader(public: Path) -> AccessTokens:
    return AccessTokens(PublicKeys(public), now_ms)


def test_a_token_is_read_back_and_one_of_a_rotated_key_too(folders: tuple[Path, Path]) -> None:
    private, public = folders
    keys = PublicKeys(public)
    tokens = AccessTokens(keys, now_ms)
    old = maker(private).access("alice", "abcdefghij")
    assert tokens.read(old) == AccessClaims("alice", "abcdefghij")
    new_kid, kept = rotate_keys(private, public)
    new = maker(private).access("alice", "abcdefghij")
    assert jwt.get_unverified_header(new)["kid"] == new_kid
    assert [key["kid"] for key in _jwks(keys)] == sorted([new_kid, *kept])
    for token in (old, new):
        assert tokens.read(token).username == "alice"


def _jwks(keys: PublicKeys) -> list[dict[str, str]]:
    shown = keys.jwks()["keys"]
    assert isinstance(shown, list)
    return shown


def test_an_expired_token_and_one_for_others_are_refused(folders: tuple[Path, Path]) -> None:
    private, public = folders
    tokens = reader(public)
    old = maker(private, ago_ms=901_000).access("alice", "abcdefghij")
    with pytest.raises(UnauthenticatedError, match="expired"):
        tokens.read(old)
    key = load_signing_key(private)
    sound = {
        "iss": "nightjar",
        "aud": "api",
        "sub": "alice",
        "sid": "abcdefghij",
        "iat": 1,
        "exp": now_ms() // 1000 + 60,
    }
    for change in ({"aud": "mqtt"}, {"iss": "x"}, {"sub": "A"}, {"sid": "x"}, {"sub": 5}, {"aud": ["api", "mqtt"]}):
        token = jwt.encode({**sound, **change}, key.private, algorithm="ES256", headers={"kid": key.kid})
        with pytest.raises(UnauthenticatedError):
            tokens.read(token)
    for missing in sound:
        claims = {name: value for name, value in sound.items() if name != missing}
        token = jwt.encode(claims, key.private, algorithm="ES256", headers={"kid": key.kid})
        with pytest.raises(UnauthenticatedError):
            tokens.read(token)


class InTwoMinutes(datetime):
    """A clock that is two minutes ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) + timedelta(minutes=2)


def test_a_token_that_was_read_before_is_refused_once_its_time_is_over(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    private, public = folders
    clock = [now_ms()]
    tokens = AccessTokens(PublicKeys(public), lambda: clock[0])
    nearly_over = maker(private, ago_ms=800_000).access("alice", "abcdefghij")
    assert tokens.read(nearly_over) == tokens.read(nearly_over)
    monkeypatch.setattr("jwt.api_jwt.datetime", InTwoMinutes)  # the library that verifies looks at the clock itself
    clock[0] += 120_000
    with pytest.raises(UnauthenticatedError, match="expired"):
        tokens.read(nearly_over)


def test_a_token_that_was_read_before_is_refused_once_its_key_is_gone(folders: tuple[Path, Path]) -> None:
    private, public = folders
    tokens = reader(public)
    token = maker(private).access("alice", "abcdefghij")
    assert tokens.read(token) == tokens.read(token)
    for path in public.glob("*.pem"):
        path.unlink()
    with pytest.raises(UnauthenticatedError):
        tokens.read(token)


def test_more_tokens_than_are_remembered_are_all_read(folders: tuple[Path, Path]) -> None:
    private, public = folders
    tokens = reader(public)
    makes = maker(private)
    devices = ["".join(letters).rjust(10, "a") for letters in itertools.product("abcdefghijk", repeat=3)]
    made = [makes.access("alice", device) for device in devices]
    for _ in range(2):
        assert [tokens.read(token).device_id for token in made] == devices


def test_a_file_that_is_no_public_key_is_left_out(folders: tuple[Path, Path]) -> None:
    private, public = folders
    (public / "junk.pem").write_text("junk")
    assert len(PublicKeys(public).all()) == 1
    assert reader(public).read(maker(private).access("alice", "abcdefghij")).username == "alice"


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_broken_key_files_are_named(folders: tuple[Path, Path], content: bytes) -> None:
    private, _ = folders
    (private / "refresh.key").write_bytes(content)
    with pytest.raises(KeyFilesError, match=r"refresh\.key"):
        load_refresh_key(private)
    for path in (private / "signing").iterdir():
        path.write_bytes(content)
    with pytest.raises(KeyFilesError):
        load_signing_key(private)


def test_no_more_run_at_once_than_there_are_slots(tmp_path: Path) -> None:
    slots = Slots(tmp_path, 2)
    running, most = 0, 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal running, most
        for _ in range(5):
            with slots.taken():
                with guard:
                    running += 1
                    most = max(most, running)
                time.sleep(0.002)
                with guard:
                    running -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2


def test_a_killed_process_holds_no_slot(tmp_path: Path) -> None:
    hold = "import sys,time;from pathlib import Path;from auth_api.slots import Slots\n"
    hold += f"with Slots(Path({str(tmp_path)!r}), 1).taken():\n print('held', flush=True); time.sleep(60)\n"
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE, cwd=root) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        taken = threading.Event()

        def wait() -> None:
            with Slots(tmp_path, 1).taken():
                taken.set()

        waiter = threading.Thread(target=wait)
        waiter.start()
        assert not taken.wait(0.1)
        os.kill(holder.pid, signal.SIGKILL)
        assert taken.wait(60)
        waiter.join()
