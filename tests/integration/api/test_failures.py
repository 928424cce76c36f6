"""Things break: the database goes away, a worker is killed, a setting is wrong."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg2
import pytest

from tests.conftest import StackFactory
from tests.integration.api.conftest import FAST_HASH
from tests.integration.api.people import Person, assert_problem, log_in, register
from tests.support.stack import RunningStack, wait_for

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def own(stack_factory: StackFactory) -> RunningStack:
    """Run a broker and an API that a test may break."""
    return stack_factory(NIGHTJAR_PASSWORD_HASH=FAST_HASH).start("broker", "api")


@pytest.fixture
def http(own: RunningStack) -> Iterator[httpx.Client]:
    """Open a client of that API."""
    with httpx.Client(base_url=own.server, trust_env=False, timeout=60) as client:
        yield client


class Database:
    """Shuts a database to everybody, as an outage does, and opens it again."""

    def __init__(self, url: str) -> None:
        self._name = urlsplit(url).path.removeprefix("/")
        self._server = url.replace(f"/{self._name}?", "/postgres?")

    def shut(self) -> None:
        self._run("ALTER DATABASE {} ALLOW_CONNECTIONS false")
        self._run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'")

    def open(self) -> None:
        self._run("ALTER DATABASE {} ALLOW_CONNECTIONS true")

    def cut(self) -> None:
        self._run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'")

    def _run(self, statement: str) -> None:
        with closing(psycopg2.connect(self._server)) as connection:
            connection.autocommit = True
            with connection.cursor() as cur:
                cur.execute(statement.format(self._name))


def test_with_the_database_away_answers_are_503_until_it_is_back(own: RunningStack, http: httpx.Client) -> None:
    alice = register(http, "alice")
    database = Database(own.database_url)
    database.shut()
    try:
        login = {"username": "alice", "password": alice.password}
        for answer in (
            alice.ask("GET", "/v1/me"),
            alice.ask("GET", "/v1/messages"),
            http.post("/v1/sessions", json=login),
            http.post("/v1/users", json=login),
            http.get("/readyz"),
        ):
            assert_problem(answer, 503)
            assert int(answer.headers["Retry-After"]) >= 1
            assert "psycopg2" not in answer.text
        assert http.get("/healthz").status_code == 200
        assert http.get("/.well-known/jwks.json").status_code == 200
    finally:
        database.open()
    wait_for(lambda: http.get("/readyz").status_code == 200, "the API is ready again")
    assert alice.ask("GET", "/v1/me").status_code == 200


def test_connections_that_broke_while_idle_are_replaced_unnoticed(own: RunningStack, http: httpx.Client) -> None:
    alice = register(http, "alice")
    for _ in range(3):
        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(lambda _: alice.ask("GET", "/v1/me").status_code, range(16))) == {200}
        Database(own.database_url).cut()
        time.sleep(0.05)


def workers(stack: RunningStack) -> list[psutil.Process]:
    process = stack.api.process
    assert process is not None
    return psutil.Process(process.pid).children()


def test_a_worker_killed_while_it_hashes_leaves_no_slot_taken(stack_factory: StackFactory) -> None:
    stack = stack_factory(
        NIGHTJAR_API_HASH_SLOTS="1", NIGHTJAR_PASSWORD_HASH="scrypt:262144:8:1", NIGHTJAR_LOGIN_LIMIT="1000/minute"
    ).start("broker", "api")
    with httpx.Client(base_url=stack.server, trust_env=False, timeout=60) as http:
        alice = register(http, "alice")

    def one(_: int) -> int:
        try:
            with httpx.Client(base_url=stack.server, trust_env=False, timeout=60) as each:
                return each.post("/v1/sessions", json={"username": "alice", "password": alice.password}).status_code
        except httpx.HTTPError:
            return 0

    with ThreadPoolExecutor(8) as threads:
        running = [threads.submit(one, number) for number in range(8)]
        wait_for(lambda: any(future.done() for future in running), "the first login is through")
        for worker in workers(stack):
            worker.send_signal(signal.SIGKILL)
        assert {future.result() for future in running} <= {0, 201}
    wait_for(lambda: len(workers(stack)) == 2, "the workers are replaced")
    with httpx.Client(base_url=stack.server, trust_env=False, timeout=60) as http:
        wait_for(lambda: http.get("/readyz").status_code == 200, "the API is ready again")
        log_in(http, "alice", alice.password)


def test_at_most_as_many_hashes_run_at_once_as_there_are_slots(stack_factory: StackFactory) -> None:
    """With one slot, four logins take four times as long as one, though two workers have eight threads each."""
    stack = stack_factory(NIGHTJAR_API_HASH_SLOTS="1", NIGHTJAR_PASSWORD_HASH="scrypt:131072:8:1").start(
        "broker", "api"
    )
    with httpx.Client(base_url=stack.server, trust_env=False, timeout=60) as http:
        person = register(http, "alice")
    ends: list[float] = []

    def one(_: int) -> None:
        with httpx.Client(base_url=stack.server, trust_env=False, timeout=60) as each:
            log_in(each, "alice", person.password)
            ends.append(time.monotonic())

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(one, range(6)))
    gaps = [later - earlier for earlier, later in itertools.pairwise(sorted(ends))]
    assert sum(gap > 0.02 for gap in gaps) >= 4, gaps


def test_an_outdated_hash_is_renewed_at_the_next_login(stack_factory: StackFactory) -> None:
    stack = stack_factory(NIGHTJAR_PASSWORD_HASH="pbkdf2:sha256:1000").start("broker", "api")
    with httpx.Client(base_url=stack.server, trust_env=False, timeout=60) as http:
        alice = register(http, "alice")
    stack.api.stop()
    newer = {**stack.config.settings, "NIGHTJAR_PASSWORD_HASH": FAST_HASH}
    again = RunningStack(stack.config.state, stack.database_url, newer)
    object.__setattr__(again.config, "mqtt", stack.config.mqtt)
    again.api.prepare_and_start()
    try:

        def one(_: int) -> Person:
            with httpx.Client(base_url=again.server, trust_env=False, timeout=60) as http:
                return Person(http, "alice", log_in(http, "alice", alice.password))

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(one, range(8)))
    finally:
        again.api.stop()
    with closing(psycopg2.connect(stack.database_url)) as db, db.cursor() as cur:
        cur.execute("SELECT password_hash LIKE 'scrypt:1024:8:1$%' FROM users")
        assert cur.fetchone() == (True,)


def test_keys_are_rotated_without_a_restart(own: RunningStack, http: httpx.Client) -> None:
    alice = register(http, "alice")
    rotated = run(["keys", "rotate"], own.definition.environment())
    assert rotated.returncode == 0
    (old,) = {key["kid"] for key in http.get("/.well-known/jwks.json").json()["keys"]} & set(
        rotated.stdout.replace(",", " ").split()
    ) - {rotated.stdout.split()[1].rstrip(";")}
    assert len(http.get("/.well-known/jwks.json").json()["keys"]) == 2
    before = {worker.pid for worker in workers(own)}
    assert own.api.process is not None
    own.api.process.send(signal.SIGHUP)
    wait_for(lambda: before.isdisjoint(worker.pid for worker in workers(own)), "new workers run")
    wait_for(lambda: http.get("/readyz").status_code == 200, "the API is ready again")
    with httpx.Client(base_url=own.server, trust_env=False, timeout=60) as fresh:
        assert fresh.get("/v1/me", headers=alice.auth).status_code == 200
        newer = log_in(fresh, "alice", alice.password)
        (own.config.state / "keys" / "public" / f"{old}.pem").unlink()
        assert_problem(fresh.get("/v1/me", headers=alice.auth), 401)
        assert fresh.get("/v1/me", headers={"Authorization": f"Bearer {newer['access_token']}"}).status_code == 200


def test_keys_that_cannot_be_read_at_a_rotation_leave_the_old_ones_in_use(
    own: RunningStack, http: httpx.Client
) -> None:
    alice = register(http, "alice")
    (key,) = (own.config.state / "keys" / "private" / "signing").glob("*.pem")
    key.unlink()
    before = {worker.pid for worker in workers(own)}
    assert own.api.process is not None
    own.api.process.send(signal.SIGHUP)
    wait_for(lambda: before.isdisjoint(worker.pid for worker in workers(own)), "new workers run")
    assert "going on with the keys of before: no signing key in" in own.api.log
    with httpx.Client(base_url=own.server, trust_env=False, timeout=60) as fresh:
        newer = log_in(fresh, "alice", alice.password)
        assert fresh.get("/v1/me", headers={"Authorization": f"Bearer {newer['access_token']}"}).status_code == 200


def test_nothing_is_left_behind_when_it_stops(own: RunningStack) -> None:
    shared = [Path(worker.environ()["AUTH_API_SHARED_DIR"]) for worker in workers(own)]
    assert all(path.is_dir() for path in shared)
    assert own.api.stop() == 0
    assert not any(path.exists() for path in shared)


def run(arguments: list[str], environment: object) -> subprocess.CompletedProcess[str]:
    extra = dict(environment) if isinstance(environment, dict) else {}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTJAR_")}
    return subprocess.run(
        [sys.executable, "-m", "auth_api", *arguments],
        env={**kept, **extra}, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


BASE = {
    "NIGHTJAR_DATABASE_URL": "postgresql://x/y",
    "NIGHTJAR_KEYS_DIR": "/nonexistent",
    "NIGHTJAR_PUBLIC_KEYS_DIR": "/n",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NIGHTJAR_DATABASE_URL", "mysql://x"),
        ("NIGHTJAR_DATABASE_URL", None),
        ("NIGHTJAR_KEYS_DIR", None),
        ("NIGHTJAR_MQTT_URL", "http://x"),
        ("NIGHTJAR_MQTT_URL", "mqtt://x:99999"),
        ("NIGHTJAR_MQTT_PUBLIC_URL", "mqtt://user:pw@x"),
        ("NIGHTJAR_DATABASE_URL", "postgresql://h:abc/x"),
        ("NIGHTJAR_DATABASE_URL", "postgresql://h/x?foo=1"),
        ("NIGHTJAR_KEYS_DIR", "/nonexistent"),
        ("NIGHTJAR_LOGIN_LIMIT", "0/minute"),
        ("NIGHTJAR_API_BIND", "8080"),
        ("NIGHTJAR_API_WORKERS", "0"),
        ("NIGHTJAR_API_THREADS", "many"),
        ("NIGHTJAR_LOGIN_LIMIT", "lots"),
        ("NIGHTJAR_REGISTRATION_LIMIT", ""),
        ("NIGHTJAR_MQTT_TOKEN_SECONDS", "86401"),
        ("NIGHTJAR_PASSWORD_HASH", "md5"),
        ("NIGHTJAR_PASSWORD_HASH", "scrypt:32767:8:3"),
        ("NIGHTJAR_LOG_LEVEL", "loud"),
        ("NIGHTJAR_TRUSTED_PROXIES", "-1"),
    ],
)
def test_a_bad_setting_ends_the_program_with_a_line_that_names_it(name: str, value: str | None) -> None:
    settings = {**BASE, name: value}
    ended = run(["serve"], {each: given for each, given in settings.items() if given is not None})
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"{name}: ")
    assert ended.stderr.count("\n") == 1


def test_without_keys_it_says_what_to_run() -> None:
    ended = run(["serve"], BASE)
    assert ended.returncode == 2
    assert "keys init" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("address", ["192.0.2.1:80", "in use"])
def test_an_address_it_cannot_listen_on_is_named(address: str, key_settings: dict[str, str]) -> None:
    assert run(["keys", "init"], key_settings).returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as other:
        bind = address if address != "in use" else f"127.0.0.1:{other.getsockname()[1]}"
        ended = run(["serve"], {**BASE, **key_settings, "NIGHTJAR_API_BIND": bind})
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"NIGHTJAR_API_BIND: cannot listen on {bind}: ")
    assert ended.stderr.count("\n") == 1
