"""HTTP as such: unknown routes, wrong methods, headers, the specification, metrics, health."""

import json
import socket

import httpx
import pytest

from tests.integration.api.people import PASSWORD, Person, assert_problem
from tests.support.stack import RunningStack


@pytest.mark.parametrize(
    "path",
    ["/", "/v1", "/v1/", "/v1/group", "/v1/blocked", "/v1/me/nothing", "/v1/messages/1/nothing", "/v2/me",
     "/v1/me/", "//v1/me", "/openapi", "/openapi/", "/openapi/openapi.json", "/static/x", "/docs/nothing", "/.env"],
)  # fmt: skip
def test_an_unknown_route_is_a_problem(alice: Person, path: str) -> None:
    assert_problem(alice.ask("GET", path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/users", {"POST", "OPTIONS"}),
        ("POST", "/v1/me", {"GET", "HEAD", "PATCH", "DELETE", "OPTIONS"}),
        ("DELETE", "/v1/messages/1", {"GET", "HEAD", "OPTIONS"}),
        ("BREW", "/v1/me", {"GET", "HEAD", "PATCH", "DELETE", "OPTIONS"}),
    ],
)
def test_a_wrong_method_is_a_problem_that_says_what_is_allowed(
    http: httpx.Client, method: str, path: str, allowed: set[str]
) -> None:
    answer = http.request(method, path)
    assert_problem(answer, 405)
    assert set(answer.headers["Allow"].split(", ")) == allowed


def test_options_and_head_answer_without_a_body(http: httpx.Client, alice: Person) -> None:
    options = http.request("OPTIONS", "/v1/me")
    assert (options.status_code, options.content) == (204, b"")
    assert "PATCH" in options.headers["Allow"]
    assert set(http.request("OPTIONS", "/v1/sessions/refresh").headers["Allow"].split(", ")) == {"POST", "OPTIONS"}
    head = alice.ask("HEAD", "/v1/me")
    assert (head.status_code, head.content) == (200, b"")


def test_answers_are_not_stored_nor_sniffed(http: httpx.Client, alice: Person) -> None:
    for answer in (alice.ask("GET", "/v1/me"), http.get("/v1/me"), http.get("/nothing"), http.post("/v1/sessions")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert not any(character.isdigit() for character in answer.headers.get("Server", ""))


def test_health_and_readiness(http: httpx.Client) -> None:
    assert http.get("/healthz").json() == {"status": "alive"}
    assert http.get("/readyz").json() == {"status": "ready"}


def test_metrics_count_over_all_workers(http: httpx.Client, api_stack: RunningStack) -> None:
    def counted() -> float:
        lines = http.get("/metrics").text.splitlines()
        wanted = 'nightjar_api_requests_total{method="GET",route="/.well-known/jwks.json",status="200"}'
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(wanted))

    before = counted()
    for _ in range(20):
        with httpx.Client(base_url=api_stack.server, trust_env=False, timeout=60) as each:
            each.get("/.well-known/jwks.json")
    assert counted() == before + 20
    assert "nightjar_api_broker_links_up 2.0" in http.get("/metrics").text


def test_the_key_set_holds_public_parts_only(http: httpx.Client) -> None:
    (key,) = http.get("/.well-known/jwks.json").json()["keys"]
    assert key.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}


def test_the_documentation_needs_no_other_server(http: httpx.Client) -> None:
    page = http.get("/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "//" not in page.text.replace("<!doctype html>", "")
    for asset in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js"):
        assert f"/docs/{asset}" in page.text
        assert http.get(f"/docs/{asset}").status_code == 200


def test_every_operation_is_described_with_its_answers(http: httpx.Client) -> None:
    specification = http.get("/openapi.json").json()
    assert specification["openapi"].startswith("3.1")
    operations = {
        f"{method.upper()} {path}": operation
        for path, item in specification["paths"].items()
        for method, operation in item.items()
    }
    assert set(operations) == {
        "POST /v1/users", "GET /v1/users/{username}", "POST /v1/sessions", "POST /v1/sessions/refresh",
        "POST /v1/sessions/current/mqtt", "GET /v1/sessions", "DELETE /v1/sessions/{device}", "DELETE /v1/sessions",
        "GET /v1/me", "PATCH /v1/me", "DELETE /v1/me", "PUT /v1/me/password", "GET /v1/conversations",
        "GET /v1/conversations/direct/{username}/messages", "GET /v1/messages", "GET /v1/messages/{seq}",
        "GET /v1/groups", "POST /v1/groups", "GET /v1/groups/{group}", "PATCH /v1/groups/{group}",
        "DELETE /v1/groups/{group}", "POST /v1/groups/{group}/join", "GET /v1/groups/{group}/members",
        "PUT /v1/groups/{group}/members/{username}", "DELETE /v1/groups/{group}/members/{username}",
        "GET /v1/blocks", "PUT /v1/blocks/{username}", "DELETE /v1/blocks/{username}",
        "GET /v1/conversations/group/{group}/messages", "GET /v1/messages/{seq}/versions", "GET /v1/search",
        "GET /v1/me/export", "GET /.well-known/jwks.json", "GET /healthz", "GET /readyz", "GET /metrics",
    }  # fmt: skip
    for name, operation in operations.items():
        assert operation["summary"], name
        assert ("401" in operation["responses"]) >= ("security" in operation), name
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], name


def test_the_log_holds_a_line_for_each_request_and_no_secret(api_stack: RunningStack, alice: Person) -> None:
    alice.ask("GET", "/v1/messages?after_seq=777777")
    alice.ask("GET", "/v1/users/x%0Aforged")
    alice.http.post("/v1/sessions", json={"username": alice.username, "password": "hush hush hush"})
    log = api_stack.api.log
    assert "GET /v1/users/x%0Aforged 422" in log
    for secret in (PASSWORD, "hush hush", alice.session["refresh_token"], alice.session["access_token"], "777777"):
        assert secret not in log
    assert alice.session["mqtt"]["password"] not in log


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /v1/me HTTP/9.9\r\n\r\n", 400),
        (b"GET /v1/users/" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /v1/me HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", 431),
        (b"GET /v1/me HTTP/1.1\r\nHost: x\r\nbad header: 1\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_is_refused_with_a_problem(api_stack: RunningStack, sent: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", api_stack.config.api.port), timeout=60) as connection:
        connection.sendall(sent)
        answer = connection.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"Content-Type: application/problem+json" in head
    assert json.loads(body)["status"] == status


def test_a_body_in_broken_chunks_is_a_problem(api_stack: RunningStack) -> None:
    head = b"POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", api_stack.config.api.port), timeout=60) as connection:
        connection.sendall(head + b"ZZ\r\n{}\r\n0\r\n\r\n")
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in answer
