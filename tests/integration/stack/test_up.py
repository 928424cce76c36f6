"""`scripts/up` as people use it: the whole of Nightjar in the background."""

import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from scripts.stack.config import ROOT
from scripts.stack.ports import free_port
from tests.support.stack import wait_for

pytestmark = pytest.mark.timeout(240)

Up = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(reachable_directory: Path) -> dict[str, str]:
    """Settings that keep this run apart from any other on the machine."""
    return {
        **os.environ,
        "NIGHTJAR_STATE_DIR": str(reachable_directory / "state"),
        "NIGHTJAR_API_BIND": f"127.0.0.1:{free_port()}",
        "NIGHTJAR_MQTT_BIND": f"127.0.0.1:{free_port()}",
        "NIGHTJAR_API_WORKERS": "2",
    }


@pytest.fixture
def up(environment: dict[str, str]) -> Iterator[Up]:
    """Return a function that calls what scripts/up calls; everything is stopped afterwards."""

    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "scripts.stack", *arguments]
        # Its children inherit what it writes to, so a pipe would stay open: it writes to the terminal or a file.
        return subprocess.run(
            argv, cwd=ROOT, env={**environment, **settings}, check=False, capture_output=True, text=True, timeout=180
        )

    yield run
    run("--stop")


def _parts(status: str) -> dict[str, tuple[str, str]]:
    """Read `--status`: name to process id and state."""
    return {name: (pid, state) for name, pid, state in (line.split() for line in status.splitlines())}


def test_it_starts_says_so_and_stops(up: Up, environment: dict[str, str]) -> None:
    """Detached it returns when all is ready; status has a line a part; a second start changes nothing."""
    started = up("--detach")
    assert started.returncode == 0, started.stderr + started.stdout
    assert "Nightjar is ready" in started.stdout
    status = up("--status")
    assert status.returncode == 0
    parts = _parts(status.stdout)
    assert list(parts) == ["postgres", "broker", "api", "archiver"]
    assert {state for _, state in parts.values()} == {"running"}
    assert (
        httpx.get(f"http://{environment['NIGHTJAR_API_BIND']}/readyz", trust_env=False, timeout=60).status_code == 200
    )
    again = up("--detach")
    assert again.returncode == 0
    assert again.stdout == f"Nightjar runs here already:\n{status.stdout}"
    assert _parts(up("--status").stdout) == parts
    assert up("--stop").returncode == 0
    stopped = up("--status")
    assert stopped.returncode == 1
    assert set(_parts(stopped.stdout).values()) == {("-", "stopped")}


def test_a_part_that_is_killed_is_started_again(up: Up) -> None:
    """Each part, one after the other, gets a kill -9 and is back under another process id."""
    assert up("--detach").returncode == 0
    for name in ("postgres", "broker", "api", "archiver"):
        before = _parts(up("--status").stdout)[name][0]
        os.kill(int(before), signal.SIGKILL)

        def back(name: str = name, before: str = before) -> bool:
            pid, state = _parts(up("--status").stdout).get(name, ("-", "stopped"))
            return state == "running" and pid != before

        wait_for(back, f"{name} is started again", timeout=60)


def test_several_archivers_are_parts_of_their_own(up: Up, environment: dict[str, str]) -> None:
    """Each with a number, a token and a log; one that is killed is started again under the same number."""
    environment["NIGHTJAR_ARCHIVERS"] = "3"
    started = up("--detach")
    assert started.returncode == 0, started.stderr + started.stdout
    parts = _parts(up("--status").stdout)
    assert list(parts) == ["postgres", "broker", "api", "archiver", "archiver-2", "archiver-3"]
    log = Path(environment["NIGHTJAR_STATE_DIR"]) / "log" / "archiver-2.log"
    os.kill(int(parts["archiver-2"][0]), signal.SIGKILL)
    wait_for(lambda: log.read_text().count("this is archiver.2") == 2, "it is the second again", timeout=60)
    assert up("--stop").returncode == 0
    assert "archiver.2 takes no new messages" in log.read_text()


def test_the_broker_reads_the_public_keys_where_the_setting_says(up: Up, environment: dict[str, str]) -> None:
    """It verifies with the keys that were made there, or the API's own token would not be let in."""
    keys = Path(environment["NIGHTJAR_STATE_DIR"]).parent / "public keys"
    environment["NIGHTJAR_PUBLIC_KEYS_DIR"] = str(keys)
    started = up("--detach")
    assert started.returncode == 0, started.stderr + started.stdout
    assert list(keys.glob("*.pem"))
    assert (Path(environment["NIGHTJAR_STATE_DIR"]) / "broker" / "keys").resolve() == keys
    ready = httpx.get(f"http://{environment['NIGHTJAR_API_BIND']}/readyz", trust_env=False, timeout=60)
    assert ready.json() == {"status": "ready"}


def test_what_a_killed_supervisor_left_behind_is_cleaned_up(up: Up, environment: dict[str, str]) -> None:
    """After kill -9 of the supervisor the next start takes over, and nothing of the old one remains."""
    assert up("--detach").returncode == 0
    old = _parts(up("--status").stdout)
    record = Path(environment["NIGHTJAR_STATE_DIR"]) / "run" / "parts.json"
    supervisor = int(record.read_text().split('"pid": ')[1].split(",")[0])
    os.kill(supervisor, signal.SIGKILL)
    left = up("--status")
    assert left.returncode == 1
    assert set(_parts(left.stdout).values()) == {(pid, "left-behind") for pid, _ in old.values()}
    again = up("--detach")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "was left behind" in again.stdout
    assert not any(Path(f"/proc/{pid}").exists() for pid, _ in old.values())
    assert {state for _, state in _parts(up("--status").stdout).values()} == {"running"}


def test_a_closed_terminal_stops_it(up: Up, environment: dict[str, str]) -> None:
    """In the foreground, whoever closes the terminal has stopped everything, as with Ctrl-C."""
    master, slave = pty.openpty()
    foreground = subprocess.Popen(
        [sys.executable, "-m", "scripts.stack"],
        cwd=ROOT,
        env={**environment, "PYTHONUNBUFFERED": ""},  # what could not be written is tried again at the end
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    said = b""
    while b"Nightjar is ready" not in said:
        said += os.read(master, 4096)
    parts = _parts(up("--status").stdout)
    foreground.send_signal(signal.SIGHUP)
    os.close(master)
    assert foreground.wait(timeout=60) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid, _ in parts.values())
    assert set(_parts(up("--status").stdout).values()) == {("-", "stopped")}


@pytest.mark.timeout(900)
def test_the_end_to_end_tests_pass_against_it(up: Up, environment: dict[str, str]) -> None:
    """What a user does works at the address that it prints, under the limits that it has by default."""
    assert up("--detach").returncode == 0
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/e2e"]
    server = {"NIGHTJAR_E2E_SERVER": f"http://{environment['NIGHTJAR_API_BIND']}"}
    done = subprocess.run(argv, cwd=ROOT, env={**environment, **server}, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


def test_a_port_in_use_is_named_with_the_setting_that_moves_it(up: Up, environment: dict[str, str]) -> None:
    """It fails with one line, and leaves nothing running."""

    address, _, port = environment["NIGHTJAR_MQTT_BIND"].partition(":")
    with socket.create_server((address, int(port))):
        failed = up("--detach")
    assert failed.returncode == 1
    assert "is in use by another program: stop it, or set NIGHTJAR_MQTT_BIND=ADDRESS:PORT" in failed.stdout
    assert set(_parts(up("--status").stdout).values()) == {("-", "stopped")}


def test_a_bad_setting_of_a_program_is_named(up: Up) -> None:
    """The line that the program ends with reaches the person who started it."""
    failed = up("--detach", NIGHTJAR_ACCESS_TOKEN_SECONDS="soon")
    assert failed.returncode == 1
    assert "NIGHTJAR_ACCESS_TOKEN_SECONDS" in failed.stdout
    assert "Traceback" not in failed.stdout


def test_data_survive_a_stop_and_a_start(up: Up, environment: dict[str, str]) -> None:
    """A user registered before is still there afterwards."""
    server = f"http://{environment['NIGHTJAR_API_BIND']}"
    assert up("--detach").returncode == 0
    account = {"username": "alice", "password": "a long enough secret"}
    assert httpx.post(f"{server}/v1/users", json=account, trust_env=False, timeout=60).status_code == 201
    assert up("--stop").returncode == 0
    assert up("--detach").returncode == 0
    assert httpx.post(f"{server}/v1/sessions", json=account, trust_env=False, timeout=60).status_code == 201
