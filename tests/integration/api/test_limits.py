"""Limits: what counts, for whom, and that they hold when everything comes at once."""

import secrets
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.conftest import StackFactory
from tests.integration.api.conftest import FAST_HASH
from tests.integration.api.people import PASSWORD, Person, assert_problem, register
from tests.support.stack import RunningStack


@pytest.fixture
def limited(stack_factory: StackFactory) -> Callable[..., RunningStack]:
    """Return a function that runs an API with limits of its own, behind one trusted proxy."""

    def run(**settings: str) -> RunningStack:
        strict = {
            "NIGHTJAR_LOGIN_LIMIT": "5/minute;30/hour",
            "NIGHTJAR_TRUSTED_PROXIES": "1",
            "NIGHTJAR_PASSWORD_HASH": FAST_HASH,
        }
        return stack_factory(**{**strict, **settings}).start("broker", "api")

    return run


def client(stack: RunningStack, address: str | None = None) -> httpx.Client:
    headers = {"X-Forwarded-For": address} if address else {}
    return httpx.Client(base_url=stack.server, trust_env=False, timeout=60, headers=headers)


def attempt(http: httpx.Client, username: str, password: str = "wrong wrong") -> httpx.Response:
    return http.post("/v1/sessions", json={"username": username, "password": password})


def test_of_fifty_wrong_logins_at_once_five_are_answered(limited: Callable[..., RunningStack]) -> None:
    stack = limited(NIGHTJAR_API_WORKERS="3")
    with client(stack) as http:
        person = register(http, "alice")

    def one(_: int) -> int:
        with client(stack) as each:
            return attempt(each, "alice").status_code

    with ThreadPoolExecutor(50) as threads:
        statuses = Counter(threads.map(one, range(50)))
    assert statuses == {401: 5, 429: 45}
    with client(stack) as http:
        right = attempt(http, "alice", person.password)
        assert_problem(right, 429)
        assert 1 <= int(right.headers["Retry-After"]) <= 60


def test_right_logins_are_not_counted(limited: Callable[..., RunningStack]) -> None:
    stack = limited()
    with client(stack) as http:
        register(http, "alice")
        for _ in range(4):
            assert_problem(attempt(http, "alice"), 401)

    def one(_: int) -> int:
        with client(stack) as each:
            return attempt(each, "alice", PASSWORD).status_code

    with ThreadPoolExecutor(10) as threads:
        assert Counter(threads.map(one, range(10))) == {201: 10}


def test_an_attacker_elsewhere_locks_nobody_out(limited: Callable[..., RunningStack]) -> None:
    stack = limited()
    with client(stack, "203.0.113.9") as attacker:
        register(attacker, "alice")
        statuses = [attempt(attacker, "alice").status_code for _ in range(7)]
        assert statuses == [401] * 5 + [429] * 2
        assert_problem(attempt(attacker, "bob"), 401)
    with client(stack, "198.51.100.7") as owner:
        assert attempt(owner, "alice", PASSWORD).status_code == 201


def test_an_address_has_a_limit_of_its_own_over_all_accounts(limited: Callable[..., RunningStack]) -> None:
    stack = limited(NIGHTJAR_LOGIN_ADDRESS_LIMIT="8/hour")
    with client(stack, "2001:db8::1") as attacker:
        statuses = [attempt(attacker, f"user{number}").status_code for number in range(10)]
    assert statuses == [401] * 8 + [429] * 2
    with client(stack, "2001:db8::2") as neighbour:
        assert_problem(attempt(neighbour, "user99"), 429)
    with client(stack, "2001:db8:0:1::1") as stranger:
        assert_problem(attempt(stranger, "user99"), 401)


def test_only_the_proxy_may_say_where_a_request_comes_from(limited: Callable[..., RunningStack]) -> None:
    stack = limited(NIGHTJAR_TRUSTED_PROXIES="0")
    statuses = []
    for number in range(7):
        with client(stack, f"203.0.113.{number}") as http:
            statuses.append(attempt(http, "alice").status_code)
    assert statuses == [401] * 5 + [429] * 2


def test_registrations_count_once_they_are_valid(limited: Callable[..., RunningStack]) -> None:
    stack = limited(NIGHTJAR_REGISTRATION_LIMIT="3/hour")
    with client(stack) as http:
        for _ in range(5):
            assert_problem(http.post("/v1/users", json={"username": "A", "password": PASSWORD}), 422)
            assert_problem(http.post("/v1/users", json={"username": "alice", "password": "password1"}), 422)
        statuses = [
            http.post("/v1/users", json={"username": name, "password": PASSWORD}).status_code
            for name in ("alice", "alice", "bob-bob", "carol")
        ]
        assert statuses == [201, 409, 201, 429]


@pytest.mark.parametrize(("method", "path"), [("PUT", "/v1/me/password"), ("DELETE", "/v1/me")])
def test_confirming_a_password_is_limited_for_each_session(
    limited: Callable[..., RunningStack], method: str, path: str
) -> None:
    stack = limited()
    with client(stack) as http:
        thief = register(http, "alice")
        owner = thief.again()

        def guess(person: Person, password: str) -> int:
            body = (
                {"password": password}
                if method == "DELETE"
                else {"current_password": password, "new_password": secrets.token_hex(8)}
            )
            return person.ask(method, path, json=body).status_code

        assert [guess(thief, f"wrong wrong {number}") for number in range(7)] == [403] * 5 + [429] * 2
        assert guess(thief, PASSWORD) == 429
        assert guess(owner, PASSWORD) == 204
