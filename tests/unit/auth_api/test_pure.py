"""The service's pure parts: cursors, messages as JSON, problems, passwords, networks, reading."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_api.cursors import decode_cursor, encode_cursor
from auth_api.errors import ApiError, FieldError, InvalidInputError, TooManyAttemptsError, UnauthenticatedError, problem
from auth_api.limits import network_of
from auth_api.logs import request_line
from auth_api.message_json import StoredMessage, body_json, message_json
from auth_api.passwords import PasswordHasher, PasswordPolicy, most_used_passwords
from auth_api.reading import check_query, parse_json_object
from auth_api.settings import limit_items
from auth_api.tokens import new_refresh_token, next_refresh_token, refresh_digest
from wire.conversations import Conversation, direct

NOON = "2026-01-31T12:00:00.000Z"


@given(st.integers(0, 2**63 - 1))
def test_a_cursor_is_read_back(seq: int) -> None:
    assert decode_cursor(encode_cursor(seq)) == seq


@given(st.text(max_size=40))
def test_no_text_but_a_cursor_of_ours_is_one(text: str) -> None:
    seq = decode_cursor(text)
    assert seq is None or encode_cursor(seq) == text


@pytest.mark.parametrize("text", ["", "=", encode_cursor(5) + "=", encode_cursor(5) + "A", "MTotMQ", "MTowMDU"])
def test_a_broken_cursor_is_none(text: str) -> None:
    assert decode_cursor(text) is None


@given(st.binary(max_size=64), st.sampled_from(["text/plain", "image/png", "application/json", "x/y+json"]))
def test_no_byte_of_a_body_is_lost(body: bytes, content_type: str) -> None:
    name, shown = body_json(content_type, memoryview(body))
    assert (shown.encode() if name == "body" else base64.b64decode(shown)) == body
    assert name in {"body", "body_base64"}


def test_a_group_message_names_the_group() -> None:
    group = Conversation("group", "gabcdefghijkl")
    shown = message_json(StoredMessage(1, "x", group, "alice", None, b"hi", NOON, NOON))
    assert shown["conversation"] == {"type": "group", "id": "gabcdefghijkl"}


def test_a_retraction_has_no_body() -> None:
    shown = message_json(StoredMessage(2, "x", direct("bob"), "alice", None, b"", NOON, NOON, "retract", 1))
    assert shown.keys().isdisjoint({"body", "body_base64"})
    assert shown["relates_to"] == 1


def test_a_problem_has_errors_only_when_fields_are_named() -> None:
    assert problem(404, "Not found", "Gone.") == {
        "type": "about:blank", "title": "Not found", "status": 404, "detail": "Gone.",
    }  # fmt: skip
    with_fields = problem(422, "Bad", "Refused.", errors=[FieldError("username", "is taken")])
    assert with_fields["errors"] == [{"field": "username", "message": "is taken"}]


def test_every_kind_of_problem_has_a_type_of_its_own() -> None:
    kinds = [kind for kind in ApiError.__subclasses__() if kind.status != 500]
    assert len({kind.type for kind in kinds}) == len(kinds)
    assert UnauthenticatedError("x").headers == {"WWW-Authenticate": "Bearer"}
    assert TooManyAttemptsError(7).headers == {"Retry-After": "7"}


class CountingSlots:
    """Counts how often a slot was taken."""

    def __init__(self) -> None:
        self.times = 0

    @contextmanager
    def taken(self) -> Iterator[None]:
        self.times += 1
        yield


def test_the_most_used_passwords_are_refused_in_any_case() -> None:
    policy = PasswordPolicy(8, 256, most_used_passwords(3000))
    for password in ("password", "PASSWORD", "Iloveyou", "12345678", "qwertyuiop"):
        with pytest.raises(InvalidInputError) as caught:
            policy.check(password, "password")
        assert caught.value.errors[0].field == "password"
    assert len(most_used_passwords(3000)) == 3000
    policy.check("correct horse", "password")


@pytest.mark.parametrize(
    ("password", "allowed"), [("x" * 7, False), ("ü" * 8, True), ("🦉" * 256, True), ("x" * 257, False)]
)
def test_lengths_are_in_characters(password: str, allowed: bool) -> None:
    policy = PasswordPolicy(8, 256, [])
    if allowed:
        policy.check(password, "password")
    else:
        with pytest.raises(InvalidInputError):
            policy.check(password, "password")


def test_a_user_who_is_not_there_costs_one_hash_too() -> None:
    slots = CountingSlots()
    hasher = PasswordHasher("scrypt:1024:8:1", slots)
    stored = hasher.hash("correct horse")
    assert hasher.verify(stored, "correct horse")
    assert not hasher.verify(stored, "wrong horse")
    assert not hasher.verify(None, "correct horse")
    assert slots.times == 4
    assert not hasher.is_outdated(stored)
    assert PasswordHasher("scrypt:2048:8:1", slots).is_outdated(stored)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("nonsense", "unknown"),
        ("", "unknown"),
    ],
)
def test_an_ipv6_host_counts_by_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


def test_limits_are_read_with_the_shortest_window_first() -> None:
    assert [item.get_expiry() for item in limit_items("30/hour;5/minute")] == [60, 3600]


def test_a_refresh_token_has_one_successor_for_each_key() -> None:
    token = new_refresh_token()
    assert len(token) == 43
    assert next_refresh_token(b"k" * 32, token) == next_refresh_token(b"k" * 32, token)
    assert next_refresh_token(b"k" * 32, token) != next_refresh_token(b"l" * 32, token)
    assert len(next_refresh_token(b"k" * 32, token)) == 43
    assert len(refresh_digest(token)) == 32


def test_a_log_line_stays_one_line() -> None:
    line = request_line("GET", "/v1/users/a\nb\x1b[31m", 404, 0.0015, "::1\n")
    assert line == "GET /v1/users/a%0Ab%1B%5B31m 404 1.5ms ::1%0A"


@given(st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), st.integers()))
def test_a_json_object_is_read_as_it_is(content: dict[str, int]) -> None:
    assert parse_json_object(json.dumps(content).encode()) == content


@given(st.binary(max_size=200))
def test_no_bytes_make_reading_fail_otherwise_than_by_refusal(content: bytes) -> None:
    with suppress(InvalidInputError):
        assert isinstance(parse_json_object(content), dict)


def test_query_parameters_stand_there_once_and_are_known() -> None:
    check_query(["limit"], frozenset({"limit"}))
    with pytest.raises(InvalidInputError) as caught:
        check_query(["limit", "limit", "x"], frozenset({"limit"}))
    assert {error.field for error in caught.value.errors} == {"limit", "x"}
