"""`python -m auth_api keys` and `service-token`."""

import stat
import subprocess
import sys
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.integration.api.test_failures import run
from wire.tokens import archiver_acl


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_init_makes_keys_once(tmp_path: Path, key_settings: dict[str, str]) -> None:
    assert run(["keys", "init"], key_settings).returncode == 0
    made = files(tmp_path)
    (signing,) = (tmp_path / "private" / "signing").iterdir()
    assert set(made) == {
        f"private/signing/{signing.name}", f"public/{signing.name}", "private/refresh.key", "private/.lock",
    }  # fmt: skip
    for path in (signing, tmp_path / "private" / "refresh.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (tmp_path / "public" / signing.name).unlink()
    assert run(["keys", "init"], key_settings).returncode == 0
    assert files(tmp_path) == made


def test_many_inits_at_once_make_one_key(tmp_path: Path, key_settings: dict[str, str]) -> None:
    started = [
        subprocess.Popen([sys.executable, "-m", "auth_api", "keys", "init"], env=key_settings, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    said = {process.communicate(timeout=60)[0] for process in started}
    assert len(said) == 1
    assert len(list((tmp_path / "private" / "signing").iterdir())) == 1


def test_the_archivers_token_is_written_for_its_eyes_only(tmp_path: Path, key_settings: dict[str, str]) -> None:
    assert run(["keys", "init"], key_settings).returncode == 0
    out = tmp_path / "run" / "archiver.token"
    made = run(["service-token", "archiver", "--out", str(out)], {**key_settings, "NIGHTJAR_ARCHIVER_INSTANCE": "a_2"})
    assert (made.returncode, made.stdout) == (0, "")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    token = out.read_text().strip()
    kid = jwt.get_unverified_header(token)["kid"]
    key = load_pem_public_key((tmp_path / "public" / f"{kid}.pem").read_bytes())
    claims = jwt.decode(token, key, algorithms=["ES256"], audience="mqtt", issuer="nightjar")  # type: ignore[arg-type]  # an EC key, as its use shows
    assert (claims["sub"], claims["client_id"]) == ("archiver", "archiver.a_2")
    assert claims["acl"] == [rule.as_claim() for rule in archiver_acl()]
    assert claims["exp"] - claims["iat"] == 365 * 86400
    shown = run(["service-token", "archiver", "--out", "-"], key_settings)
    assert shown.stdout.count(".") == 2


def test_each_archiver_that_may_run_gets_a_token_and_a_file_to_lock(
    tmp_path: Path, key_settings: dict[str, str]
) -> None:
    """Made again, the tokens are others, and the files to lock are the same: whoever holds one still does."""
    assert run(["keys", "init"], key_settings).returncode == 0
    settings = {**key_settings, "NIGHTJAR_ARCHIVER_INSTANCE": "auto", "NIGHTJAR_ARCHIVERS_MOST": "3"}
    make = ["service-token", "archiver", "--out", str(tmp_path / "archiver" / "token")]
    assert run(make, settings).returncode == 0
    made = {path.name: path for path in (tmp_path / "archiver").iterdir()}
    assert set(made) == {f"token.{number}{end}" for number in (1, 2, 3) for end in ("", ".lock")}
    before = {name: (path.stat().st_ino, path.read_text()) for name, path in made.items()}
    for number in (1, 2, 3):
        claims = jwt.decode(before[f"token.{number}"][1].strip(), options={"verify_signature": False})
        assert claims["client_id"] == f"archiver.{number}"
    assert run(make, settings).returncode == 0
    for name, path in made.items():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert (path.stat().st_ino == before[name][0]) == name.endswith(".lock")


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["keys"], ["keys", "burn"], ["service-token", "alice"]])
def test_wrong_usage_is_said(arguments: list[str]) -> None:
    ended = run(arguments, {})
    assert ended.returncode == 2
    assert "usage" in ended.stderr


def test_an_instance_that_is_no_name_is_refused(key_settings: dict[str, str]) -> None:
    ended = run(["service-token", "archiver", "--out", "-"], {**key_settings, "NIGHTJAR_ARCHIVER_INSTANCE": "a/b"})
    assert ended.returncode == 2
    assert ended.stderr.startswith("NIGHTJAR_ARCHIVER_INSTANCE: ")
