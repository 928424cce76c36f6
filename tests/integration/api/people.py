"""People who use the API, and what is said about its answers."""

from dataclasses import dataclass
from typing import Any

import httpx

PASSWORD = "a long night in may"


@dataclass
class Person:
    """Somebody with a session."""

    http: httpx.Client
    username: str
    session: dict[str, Any]
    password: str = PASSWORD

    @property
    def auth(self) -> dict[str, str]:
        """The header that says who calls."""
        return {"Authorization": f"Bearer {self.session['access_token']}"}

    @property
    def device(self) -> str:
        """The id of the session."""
        return str(self.session["device"]["id"])

    def ask(self, method: str, path: str, **extra: Any) -> httpx.Response:
        """Send a request as this person."""
        return self.http.request(method, path, headers=self.auth, **extra)

    def again(self, device_name: str | None = None) -> "Person":
        """Log in once more."""
        return Person(self.http, self.username, log_in(self.http, self.username, self.password, device_name))


def register(http: httpx.Client, username: str, password: str = PASSWORD) -> Person:
    """Register somebody and log them in."""
    made = http.post("/v1/users", json={"username": username, "password": password})
    assert made.status_code == 201, made.text
    return Person(http, username, log_in(http, username, password), password)


def log_in(http: httpx.Client, username: str, password: str, device_name: str | None = None) -> dict[str, Any]:
    """Log somebody in; return the session."""
    wanted = {"username": username, "password": password, "device_name": device_name}
    answer = http.post("/v1/sessions", json={name: value for name, value in wanted.items() if value is not None})
    assert answer.status_code == 201, answer.text
    session: dict[str, Any] = answer.json()
    return session


def assert_problem(answer: httpx.Response, status: int, field: str | None = None) -> dict[str, Any]:
    """Check that an answer is a problem of that status, naming that field; return it."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail"} <= problem.keys()
    assert problem["status"] == status
    if field is not None:
        assert field in [error["field"] for error in problem["errors"]], problem
    return problem
