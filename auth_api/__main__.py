"""`python -m auth_api serve | keys init | keys rotate | service-token archiver --out FILE`."""

import argparse
import os
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from auth_api.clock import now_ms
from auth_api.errors import KeyFilesError
from auth_api.keys import init_keys, load_refresh_key, load_signing_key, rotate_keys
from auth_api.services import SHARED_DIR
from auth_api.settings import ArchiverTokenSettings, KeySettings, Settings, load_all, load_settings
from auth_api.tokens import TokenMaker
from wire.names import client_id
from wire.tokens import archiver_acl

_YEAR_SECONDS = 365 * 86400
_AUTO = "auto"
"""As the instance: a token for each number that an archiver may take."""


def main(arguments: Sequence[str]) -> int:
    """Run one command; 0 done, 1 the keys cannot be used, 2 usage or a bad setting."""
    asked = _parser().parse_args(arguments)
    try:
        match asked.command:
            case "serve":
                return _serve()
            case "keys":
                return _keys(asked.action)
            case _:
                return _service_token(asked.out)
    except (KeyFilesError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m auth_api", description="The REST service of Nightjar.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="answer requests, with gunicorn, until stopped")
    keys = commands.add_parser("keys", help="make the keys that sign tokens")
    keys.add_argument("action", choices=["init", "rotate"], help="init makes what is missing; rotate makes a new pair")
    token = commands.add_parser("service-token", help="write the broker token of an archiver, or of each")
    token.add_argument("service", choices=["archiver"])
    token.add_argument("--out", required=True, metavar="FILE", help="a file to write (0600), or - for standard output")
    return parser


def _serve() -> int:
    settings = load_all()
    wrong = _what_is_wrong(settings)
    if not wrong:
        _become_gunicorn()
    print(wrong, file=sys.stderr)
    return 2


def _become_gunicorn() -> NoReturn:
    shared = tempfile.mkdtemp(prefix="nightjar-api-")
    metrics = Path(shared, "metrics")
    metrics.mkdir()
    environment = {**os.environ, SHARED_DIR: shared, "PROMETHEUS_MULTIPROC_DIR": str(metrics)}
    command = [sys.executable, "-m", "gunicorn", "--config", "python:auth_api.gunicorn_config"]
    sys.stdout.flush()
    os.execve(sys.executable, command, environment)  # noqa: S606  # becomes gunicorn, without a shell


def _what_is_wrong(settings: Settings) -> str | None:
    """Try what gunicorn's workers would fail at, one after the other and in more words than one line."""
    try:
        load_signing_key(settings.keys_dir)
        load_refresh_key(settings.keys_dir)
    except KeyFilesError as error:
        return f"NIGHTJAR_KEYS_DIR: {error}"
    host, _, port = settings.api_bind.rpartition(":")
    if host == "unix":
        return None
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host.strip("[]"), int(port)), family=family).close()
    except OSError as error:
        return f"NIGHTJAR_API_BIND: cannot listen on {settings.api_bind}: {error.strerror}"
    return None


def _keys(action: str) -> int:
    settings = load_settings(KeySettings)
    if action == "init":
        print(f"signing with {init_keys(settings.keys_dir, settings.public_keys_dir)}")
        return 0
    new, kept = rotate_keys(settings.keys_dir, settings.public_keys_dir)
    print(f"made {new}; kept the public keys {', '.join(kept) or 'of none'}")
    print("Now send SIGHUP to the API's main process, and write the archiver a new token and restart it.")
    print("Remove an old public key when no token signed with it is left: a day later at the latest.")
    return 0


def _service_token(out: str) -> int:
    settings = load_settings(ArchiverTokenSettings)
    maker = TokenMaker(load_signing_key(settings.keys_dir), now_ms, 0, 0)

    def token(instance: str) -> str:
        return maker.broker_token("archiver", client_id("archiver", instance), archiver_acl(), _YEAR_SECONDS).token

    instance = settings.archiver_instance
    if out == "-":
        print(token("1" if instance == _AUTO else instance))
        return 0
    path = Path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    if instance != _AUTO:
        _replace(path, token(instance))
        return 0
    for number in range(1, settings.archivers_most + 1):
        numbered = path.with_name(f"{path.name}.{number}")
        _replace(numbered, token(str(number)))
        # What an archiver locks to have this number. It must stay the same file for ever.
        os.close(os.open(numbered.with_name(f"{numbered.name}.lock"), os.O_WRONLY | os.O_CREAT, 0o600))
    return 0


def _replace(path: Path, token: str) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(token + "\n")
    unfinished.replace(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
