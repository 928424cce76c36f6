"""Names."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.names import (
    RESERVED_USERNAMES,
    USERNAME_PATTERN,
    client_id,
    is_device_id,
    is_group_id,
    is_instance,
    is_shown_name,
    is_username,
    new_device_id,
)


@given(st.from_regex(re.compile(USERNAME_PATTERN, re.ASCII)).filter(lambda text: not text.endswith("\n")))
def test_what_the_pattern_makes_is_a_username(text: str) -> None:
    assert is_username(text)


@pytest.mark.parametrize("text", ["abc", "0ab", "a-b", "a__", "a" * 32, *sorted(RESERVED_USERNAMES - {"me"})])
def test_usernames(text: str) -> None:
    assert is_username(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ab",
        "a" * 33,
        "Abc",
        "-bc",
        "_bc",
        "abc\n",
        "a+c",
        "a#c",
        "a/c",
        "$ab",
        "a b",
        "a.c",
        "\u0430bc",
        "ab\u0663",
        "ab\0",
    ],
)
def test_other_spellings_are_no_usernames(text: str) -> None:
    assert not is_username(text)


@given(st.randoms(use_true_random=False))
def test_a_new_device_id_is_one(chance: random.Random) -> None:
    made = new_device_id(chance.choice)
    assert is_device_id(made)
    assert client_id("alice", made) == f"alice.{made}"


@pytest.mark.parametrize("text", ["", "aaaaaaaaa", "aaaaaaaaaaa", "aaaaaaaaa1", "AAAAAAAAAA", "aaaaaaaaaa\n"])
def test_other_spellings_are_no_device_ids(text: str) -> None:
    assert not is_device_id(text)


def test_group_ids() -> None:
    assert is_group_id("g" + "a2" * 6)
    for text in ("", "g", "a" + "a2" * 6, "g" + "a2" * 6 + "\n", "g" + "a1" * 6):
        assert not is_group_id(text)


def test_shown_names_are_short_and_hold_no_control_characters() -> None:
    assert is_shown_name("Ärzte 👩🏽‍⚕️ مرحبا", 64)
    assert is_shown_name("a" * 64, 64)
    assert not is_shown_name("a" * 65, 64)
    for character in "\0\n\x7f\x9f\u2028\u2029\ud800":
        assert not is_shown_name(f"a{character}b", 64), f"{character!r}"


@pytest.mark.parametrize(
    ("text", "good"), [("1", True), ("a_b-C", True), ("x" * 32, True), ("", False), ("x" * 33, False), ("a/b", False)]
)
def test_names_of_archivers(text: str, good: bool) -> None:
    assert is_instance(text) is good
    assert not is_instance(text + "\n")
