"""Accounts: registering, profiles, the password, deletion."""

import secrets

import httpx
import pytest

from tests.integration.api.people import PASSWORD, Person, assert_problem, log_in, register
from wire.times import parse_time


def new_name() -> str:
    return f"u{secrets.token_hex(6)}"


def test_a_registration_answers_with_the_profile(http: httpx.Client) -> None:
    name = new_name()
    answer = http.post("/v1/users", json={"username": name, "password": PASSWORD, "display_name": "Zoë 🦉"})
    assert answer.status_code == 201
    created = answer.json().pop("created_at")
    assert answer.json() == {"username": name, "display_name": "Zoë 🦉", "created_at": created}
    assert parse_time(created)
    assert created.endswith("Z")


def test_a_taken_name_is_a_conflict(http: httpx.Client, alice: Person) -> None:
    answer = http.post("/v1/users", json={"username": alice.username, "password": PASSWORD})
    assert_problem(answer, 409, "username")


@pytest.mark.parametrize("name", ["archiver", "api", "admin", "all"])
def test_a_reserved_name_is_refused(http: httpx.Client, name: str) -> None:
    assert_problem(http.post("/v1/users", json={"username": name, "password": PASSWORD}), 422, "username")


def test_a_profile_is_shown_to_others(alice: Person, bob: Person) -> None:
    answer = bob.ask("GET", f"/v1/users/{alice.username}")
    assert answer.json() == alice.session["user"]
    assert_problem(bob.ask("GET", f"/v1/users/{new_name()}"), 404)


def test_the_display_name_can_be_changed_and_taken_away(alice: Person) -> None:
    assert alice.ask("PATCH", "/v1/me", json={"display_name": "Al"}).json()["display_name"] == "Al"
    assert alice.ask("GET", "/v1/me").json()["display_name"] == "Al"
    assert alice.ask("PATCH", "/v1/me", json={"display_name": None}).json()["display_name"] is None
    assert_problem(alice.ask("PATCH", "/v1/me", json={}), 422, "display_name")


def test_a_changed_password_ends_every_other_session(alice: Person) -> None:
    other = alice.again()
    wanted = {"current_password": PASSWORD, "new_password": "another long night"}
    assert alice.ask("PUT", "/v1/me/password", json=wanted).status_code == 204
    assert alice.ask("GET", "/v1/me").status_code == 200
    assert_problem(other.ask("GET", "/v1/me"), 401)
    refused = alice.http.post("/v1/sessions/refresh", json={"refresh_token": other.session["refresh_token"]})
    assert_problem(refused, 401)
    old = alice.http.post("/v1/sessions", json={"username": alice.username, "password": PASSWORD})
    assert_problem(old, 401)
    log_in(alice.http, alice.username, "another long night")


def test_a_password_change_needs_the_current_one(alice: Person) -> None:
    wanted = {"current_password": "wrong wrong", "new_password": "another long night"}
    assert_problem(alice.ask("PUT", "/v1/me/password", json=wanted), 403, "current_password")
    log_in(alice.http, alice.username, PASSWORD)


@pytest.mark.parametrize("weak", ["1234567", "password", "PASSWORD1", "x" * 257])
def test_a_weak_new_password_is_refused(alice: Person, weak: str) -> None:
    wanted = {"current_password": PASSWORD, "new_password": weak}
    assert_problem(alice.ask("PUT", "/v1/me/password", json=wanted), 422, "new_password")


@pytest.mark.parametrize("password", ["x7" * 4, "ü" * 8, "日本語のパスワード", "x" * 256, " " * 8, "🦉" * 256])
def test_a_password_of_8_to_256_characters_works(http: httpx.Client, password: str) -> None:
    person = register(http, new_name(), password)
    assert person.session["user"]["username"] == person.username


def test_a_deleted_account_is_gone_at_once_and_its_name_is_not_given_again(alice: Person, bob: Person) -> None:
    other = alice.again()
    assert_problem(alice.ask("DELETE", "/v1/me", json={"password": "wrong wrong"}), 403, "password")
    assert alice.ask("DELETE", "/v1/me", json={"password": PASSWORD}).status_code == 204
    for person in (alice, other):
        assert_problem(person.ask("GET", "/v1/me"), 401)
        refresh = {"refresh_token": person.session["refresh_token"]}
        assert_problem(person.http.post("/v1/sessions/refresh", json=refresh), 401)
    assert_problem(bob.ask("GET", f"/v1/users/{alice.username}"), 404)
    again = {"username": alice.username, "password": PASSWORD}
    assert_problem(alice.http.post("/v1/sessions", json=again), 401)
    assert_problem(alice.http.post("/v1/users", json=again), 409, "username")
