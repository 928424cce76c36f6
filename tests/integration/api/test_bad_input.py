"""Bad input: every field at its limits and past them. Always a problem that names the field, never a 500."""

import json
import secrets
from typing import Any

import httpx
import pytest

from tests.integration.api.people import PASSWORD, Person, assert_problem

BAD_USERNAMES = [
    "", "ab", "a" * 33, "Alice", "alice+", "al#ce", "al/ce", "$alice", "al ice", "-alice", "_alice", "alice\n",
    "\u0430lice", "\uff41lice", "alice\u0000", "al\ud800ce", "alice.", "ali\u200bce", "\ufb01ona", "\uff11\uff12\uff13",
    "\u0130stanbul",
]  # fmt: skip
WRONG_TYPES: list[object] = [None, True, 7, 1.5, [], {}, ["alice"]]


def send(http: httpx.Client, path: str, body: object, method: str = "POST", **headers: str) -> httpx.Response:
    """Send JSON as it is, unpaired surrogates too."""
    content = json.dumps(body).encode()
    return http.request(method, path, content=content, headers={"Content-Type": "application/json", **headers})


def registration(**changes: object) -> dict[str, object]:
    return {"username": f"u{secrets.token_hex(6)}", "password": PASSWORD, **changes}


@pytest.mark.parametrize("name", [*BAD_USERNAMES, *WRONG_TYPES])
def test_a_bad_username_is_named_at_registration_and_login(http: httpx.Client, name: object) -> None:
    assert_problem(send(http, "/v1/users", registration(username=name)), 422, "username")
    assert_problem(send(http, "/v1/sessions", registration(username=name)), 422, "username")


@pytest.mark.parametrize("name", ["abc", "a" * 32, "0_-", "9lives"])
def test_a_username_at_its_limits_is_taken(http: httpx.Client, name: str) -> None:
    assert send(http, "/v1/users", registration(username=name)).status_code in {201, 409}


@pytest.mark.parametrize(
    "password", ["", "1234567", "x" * 257, "eight\0ch", "eight\ud800ch", "Password1", *WRONG_TYPES]
)
def test_a_bad_password_is_named(http: httpx.Client, password: object) -> None:
    assert_problem(send(http, "/v1/users", registration(password=password)), 422, "password")


@pytest.mark.parametrize(
    "name", ["x" * 65, "a\nb", "a\0b", "a\u001bb", "a\u2028b", "a\udfffb", "a\u0085b", True, 5, [], {}]
)
def test_a_bad_display_or_device_name_is_named(http: httpx.Client, alice: Person, name: object) -> None:
    assert_problem(send(http, "/v1/users", registration(display_name=name)), 422, "display_name")
    assert_problem(send(http, "/v1/me", {"display_name": name}, "PATCH", **alice.auth), 422, "display_name")
    login = {"username": alice.username, "password": PASSWORD, "device_name": name}
    assert_problem(send(http, "/v1/sessions", login), 422, "device_name")


def test_a_name_of_64_characters_is_taken_whatever_they_are(alice: Person) -> None:
    answer = alice.ask("PATCH", "/v1/me", json={"display_name": "🦉" * 64})
    assert answer.json()["display_name"] == "🦉" * 64


@pytest.mark.parametrize("token", ["", "x" * 257, "a\0", "\ud800", *WRONG_TYPES])
def test_a_bad_refresh_token_is_named(http: httpx.Client, token: object) -> None:
    assert_problem(send(http, "/v1/sessions/refresh", {"refresh_token": token}), 422, "refresh_token")


@pytest.mark.parametrize("password", ["", "x" * 4097, "a\0", *WRONG_TYPES])
def test_a_bad_confirming_password_is_named(http: httpx.Client, alice: Person, password: object) -> None:
    assert_problem(send(http, "/v1/me", {"password": password}, "DELETE", **alice.auth), 422, "password")
    wanted = {"current_password": password, "new_password": PASSWORD}
    assert_problem(send(http, "/v1/me/password", wanted, "PUT", **alice.auth), 422, "current_password")


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("POST", "/v1/users", "username"),
        ("POST", "/v1/sessions", "password"),
        ("POST", "/v1/sessions/refresh", "refresh_token"),
        ("PATCH", "/v1/me", "display_name"),
        ("DELETE", "/v1/me", "password"),
        ("PUT", "/v1/me/password", "new_password"),
    ],
)
def test_missing_and_unknown_fields_are_named(alice: Person, method: str, path: str, field: str) -> None:
    problem = assert_problem(alice.ask(method, path, json={"admin": True}), 422, field)
    assert {"field": "admin", "message": "is not known here"} in problem["errors"]
    assert {"field": field, "message": "is missing"} in problem["errors"]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"nonsense", b"null", b"[]", b'"text"', b"1", b"true", b"NaN", b'{"username": NaN}', b"\xff\xfe{}",
        b'{"username": "\xff"}', b"\xef\xbb\xbf{}", b"[" * 30000, b'{"a":' * 10000, b"9" * 60000,
        b'"{\\"username\\": \\"carol\\", \\"password\\": \\"a long night in may\\"}"', b"{} {}", b"{'a': 1}",
    ],
)  # fmt: skip
def test_what_is_no_json_object_is_refused(http: httpx.Client, content: bytes) -> None:
    answer = http.post("/v1/users", content=content, headers={"Content-Type": "application/json"})
    assert_problem(answer, 422, "body")


def test_a_name_that_stands_there_twice_is_refused(http: httpx.Client) -> None:
    content = b'{"username": "carol", "username": "carole", "password": "a long night in may"}'
    answer = http.post("/v1/users", content=content, headers={"Content-Type": "application/json"})
    assert_problem(answer, 422, "username")


def test_strange_names_of_fields_are_refused_without_being_trusted(http: httpx.Client) -> None:
    names = ["\ud800", "x" * 5000, "a\nb", "\0"]
    problem = assert_problem(send(http, "/v1/users", registration(**dict.fromkeys(names, 1))), 422)
    assert all(len(error["field"]) <= 64 for error in problem["errors"])
    many = {f"unknown{number}": 1 for number in range(3000)}
    problem = assert_problem(send(http, "/v1/users", registration(**many)), 422)
    assert len(problem["errors"]) == 20


def test_a_refusal_never_repeats_a_secret(http: httpx.Client) -> None:
    answer = send(http, "/v1/users", registration(username="Bad", password="seven77", secret_field="hush-hush"))
    assert_problem(answer, 422, "username")
    assert "seven77" not in answer.text
    assert "hush-hush" not in answer.text


@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "application/json; charset=latin-1", "application/xml", "nonsense"],
)  # fmt: skip
def test_a_body_of_another_type_is_refused(http: httpx.Client, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = http.post("/v1/users", content=json.dumps(registration()).encode(), headers=headers)
    assert_problem(answer, 415, "Content-Type")


def test_json_with_its_charset_is_taken(http: httpx.Client) -> None:
    headers = {"Content-Type": 'Application/JSON; charset="UTF-8"'}
    answer = http.post("/v1/users", content=json.dumps(registration()).encode(), headers=headers)
    assert answer.status_code == 201


@pytest.mark.parametrize("size", [65_537, 1_000_000, 6_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_huge_body_is_refused(http: httpx.Client, size: int, chunked: bool) -> None:
    body = b'{"username": "' + b"a" * size
    content: Any = (body[start : start + 8192] for start in range(0, len(body), 8192)) if chunked else body
    answer = http.post("/v1/users", content=content, headers={"Content-Type": "application/json"})
    assert_problem(answer, 413)


def test_a_body_of_exactly_64_kib_is_read(http: httpx.Client) -> None:
    body = json.dumps(registration()).encode()
    padded = body[:-1] + b" " * (65_536 - len(body)) + b"}"
    answer = http.post("/v1/users", content=padded, headers={"Content-Type": "application/json"})
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "name",
    ["Alice", "al%2Fce", "al%2fce", "alice%0A", "al%23ce", "al+ce", "%24alice", "ab", "a" * 33, "%D0%B0lice",
     "%ED%A0%80ab", "al%00ce", "%FF%FEa", "..%2F..%2Fetc"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/v1/users/{}", "/v1/conversations/direct/{}/messages"])
def test_a_bad_username_in_a_path_is_named(alice: Person, path: str, name: str) -> None:
    assert_problem(alice.ask("GET", path.format(name)), 422, "username")


@pytest.mark.parametrize("seq", ["0", "-1", "abc", "1.0", "1e3", "0x1", "+1", "%201", "1_0", "٣", "9223372036854775808",
                                 "9" * 400])  # fmt: skip
def test_a_bad_seq_is_named(alice: Person, seq: str) -> None:
    assert_problem(alice.ask("GET", f"/v1/messages/{seq}"), 422, "seq")


@pytest.mark.parametrize("device", ["Current", "abc", "a" * 11, "abcdefgh19", "abcdefghij%0A", "me"])
def test_a_bad_device_is_named(alice: Person, device: str) -> None:
    assert_problem(alice.ask("DELETE", f"/v1/sessions/{device}"), 422, "device")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/conversations", "limit"),
        ("/v1/messages", "limit"),
        ("/v1/messages", "after_seq"),
        ("/v1/conversations/direct/alice/messages", "limit"),
        ("/v1/conversations/direct/alice/messages", "before_seq"),
        ("/v1/conversations/direct/alice/messages", "after_seq"),
    ],
)
@pytest.mark.parametrize(
    "value", ["", "-1", "x", "1.5", "+1", " 1", "٣", "null", "true", "9223372036854775808", "9" * 400]
)
def test_a_bad_number_in_a_query_is_named(alice: Person, path: str, field: str, value: str) -> None:
    assert_problem(alice.ask("GET", path, params={field: value}), 422, field)


@pytest.mark.parametrize("path", ["/v1/conversations", "/v1/messages"])
def test_a_limit_is_1_to_200(alice: Person, path: str) -> None:
    for limit, status in (("0", 422), ("1", 200), ("200", 200), ("201", 422)):
        assert alice.ask("GET", path, params={"limit": limit}).status_code == status


@pytest.mark.parametrize("path", ["/v1/me", "/v1/messages", "/v1/sessions", "/v1/messages/1", "/v1/users/alice"])
def test_an_unknown_or_repeated_parameter_is_named(alice: Person, path: str) -> None:
    assert_problem(alice.ask("GET", f"{path}?offset=1"), 422, "offset")
    if path == "/v1/messages":
        assert_problem(alice.ask("GET", f"{path}?limit=1&limit=1"), 422, "limit")


@pytest.mark.parametrize(
    "cursor", ["", "x", "MTox%3D", "é", "MTo5OTk5OTk5OTk5OTk5OTk5OTk5OQ", "a" * 65, "MjoxMjM", "%00"]
)
def test_a_broken_cursor_is_named(alice: Person, cursor: str) -> None:
    assert_problem(alice.ask("GET", f"/v1/conversations?cursor={cursor}"), 422, "cursor")


def test_a_request_without_a_token_is_refused_before_its_input_is_looked_at(http: httpx.Client) -> None:
    assert_problem(http.get("/v1/messages/abc?x=1"), 401)
    assert_problem(http.patch("/v1/me", content=b"{"), 401)
