"""People as the REST interface knows them: made, logged in, asked about."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

Json = Mapping[str, Any]
ENDED = frozenset({202, 204})
"""How a server answers when it has ended sessions: 202 when its broker takes some seconds to cut them off."""


@dataclass(frozen=True)
class Person:
    """A registered user."""

    server: str
    username: str
    password: str

    def login(self, device_name: str | None = None, password: str | None = None) -> "Login":
        """Log in over REST as a new device."""
        answer = httpx.post(
            f"{self.server}/v1/sessions",
            json={
                "username": self.username,
                "password": password or self.password,
                **({"device_name": device_name} if device_name else {}),
            },
            timeout=120,
        )
        assert answer.status_code == 201, answer.text
        return Login(self, answer.json())


@dataclass(frozen=True)
class Login:
    """One login: what `POST /v1/sessions` answered."""

    person: Person
    answer: Json

    @property
    def mqtt(self) -> Json:
        """The `mqtt` block."""
        block: Json = self.answer["mqtt"]
        return block

    @property
    def device_id(self) -> str:
        """The id of the device that this login is."""
        return str(self.answer["device"]["id"])

    def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Ask the REST interface as this device."""
        headers = {"Authorization": f"Bearer {self.answer['access_token']}"}
        return httpx.request(method, f"{self.person.server}{path}", headers=headers, timeout=120, **arguments)

    def get(self, path: str, **parameters: str | int) -> Json:
        """GET, expecting 200; returns the answer's object."""
        answer = self.request("GET", path, params=parameters)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    def history_with(self, other: str, **parameters: str | int) -> list[Json]:
        """Return the newest page of the direct history."""
        page = self.get(f"/v1/conversations/direct/{other}/messages", **parameters)
        messages: list[Json] = page["messages"]
        return messages

    def wait_for_message(self, other: str, body: str, timeout: float = 60.0) -> Json:
        """Wait until the history with `other` has a message of that body; return it."""
        deadline = time.monotonic() + timeout
        while True:
            found = [message for message in self.history_with(other) if message.get("body") == body]
            if found:
                assert len(found) == 1, "the message is stored more than once"
                return found[0]
            assert time.monotonic() < deadline, f"after {timeout:.0f} s {body!r} is not in the history"
            time.sleep(0.05)


def new_name(stem: str) -> str:
    """Make a username that no earlier run has used."""
    return f"{stem}-{secrets.token_hex(5)}"


def register(server: str, stem: str) -> Person:
    """Register somebody over REST. A server allows an address 20 an hour: the whole suite needs fewer than 12."""
    person = Person(server, new_name(stem), f"correct {secrets.token_hex(8)} horse")
    answer = httpx.post(
        f"{server}/v1/users", json={"username": person.username, "password": person.password}, timeout=30
    )
    assert answer.status_code == 201, answer.text
    return person
