"""Who may do what in a group, for each role; and that a token has room for all groups."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from auth_api import roles
from auth_api.cursors import decode_text_cursor, encode_cursor, encode_text_cursor
from auth_api.errors import ApiError, ForbiddenError, InvalidInputError, LastOwnerError, NotFoundError
from auth_api.keys import SigningKey
from auth_api.queries.groups import Group, Role, Visibility
from auth_api.tokens import GROUPS_MOST, TokenMaker
from wire.names import new_group_id

ROLES: tuple[Role, ...] = ("owner", "admin", "member")


def group(role: Role | None, visibility: Visibility = "private") -> Group:
    return Group("gaaaaaaaaaaaa", "x", visibility, "all", datetime.now(UTC), role, 3)


def outcome(check: Callable[..., object], *arguments: object, **named: object) -> type[ApiError] | None:
    try:
        check(*arguments, **named)
    except ApiError as error:
        return type(error)
    return None


def allowed(check: Callable[..., object], *rest: object, **named: object) -> set[Role]:
    return {role for role in ROLES if outcome(check, role, *rest, **named) is None}


def test_a_group_is_seen_by_its_members_and_an_open_one_by_all() -> None:
    assert outcome(roles.seen, None) is NotFoundError
    assert outcome(roles.seen, group(None)) is NotFoundError
    assert outcome(roles.seen, group(None, "open")) is None
    assert outcome(roles.membership, group(None)) is NotFoundError
    assert outcome(roles.membership, group(None, "open")) is ForbiddenError
    assert outcome(roles.membership, group("member")) is None


def test_what_each_role_may_do() -> None:
    assert allowed(roles.check_settings, only_title=True) == {"owner", "admin"}
    assert allowed(roles.check_settings, only_title=False) == {"owner"}
    assert allowed(roles.check_deletion) == {"owner"}
    assert allowed(roles.check_addition, "member") == {"owner", "admin"}
    assert allowed(roles.check_addition, "admin") == allowed(roles.check_addition, "owner") == {"owner"}
    assert allowed(roles.check_removal, "member") == {"owner", "admin"}
    assert allowed(roles.check_removal, "admin") == allowed(roles.check_removal, "owner") == {"owner"}
    for present in ROLES:
        assert allowed(roles.check_role_change, present, owners=2) == {"owner"}


def test_a_group_keeps_an_owner() -> None:
    assert outcome(roles.check_role_change, "owner", "owner", owners=1) is LastOwnerError
    assert outcome(roles.check_role_change, "owner", "member", owners=1) is None
    assert outcome(roles.check_leaving, "owner", owners=1, members=2) is LastOwnerError
    assert outcome(roles.check_leaving, "owner", owners=1, members=1) is None
    assert outcome(roles.check_leaving, "owner", owners=2, members=2) is None
    assert outcome(roles.check_leaving, "member", owners=1, members=2) is None


def test_the_largest_token_fits_into_an_mqtt_password() -> None:
    """With the longest names there are, and more groups than anybody may be in."""
    maker = TokenMaker(SigningKey("0123456789abcdef", ec.generate_private_key(ec.SECP256R1())), lambda: 0, 1, 86400)
    groups = [new_group_id(lambda letters: letters[0]) for _ in range(GROUPS_MOST + 50)]
    token = maker.mqtt("x" * 32, "a" * 10, 10**13, groups)
    assert 55_000 < len(token.token) <= 65_535


@pytest.mark.parametrize("name", ["abc", "x" * 32, "a_b-c"])
def test_a_cursor_of_names_is_read_back(name: str) -> None:
    assert decode_text_cursor(encode_text_cursor(name)) == name


def test_the_beginning_needs_no_cursor() -> None:
    assert decode_text_cursor(None) == ""
    assert encode_text_cursor(None) is None


@pytest.mark.parametrize("text", ["", "=", "x", "é", encode_cursor(5), f"{encode_text_cursor('abc')}=", "Mjo"])
def test_a_broken_cursor_of_names_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        decode_text_cursor(text)
