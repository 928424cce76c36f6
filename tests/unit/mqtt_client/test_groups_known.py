"""Groups in tokens, titles, typing plans: what is decided without a server."""

import base64
import json

import pytest

from mqtt_client.credentials import groups_in
from mqtt_client.errors import InputError
from mqtt_client.groups import _titled
from mqtt_client.models import Group
from mqtt_client.typing_plan import AGAIN_SECONDS, SHOWN_SECONDS, TypingPlan, Typists
from wire.tokens import user_acl

ONE, TWO = "gaaaaaaaaaaaa", "gbbbbbbbbbbbb"


def token(content: object) -> str:
    claims = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
    return f"header.{claims}.signature"


def a_group(id_: str, title: str) -> Group:
    return Group(id=id_, title=title, visibility="private", history="all", members=1)


def test_the_groups_of_a_token_are_those_of_its_access_list() -> None:
    rules = [rule.as_claim() for rule in user_acl("alice", [ONE, TWO])]
    assert groups_in(token({"acl": rules})) == {ONE, TWO}
    assert groups_in(token({"acl": [rule.as_claim() for rule in user_acl("alice")]})) == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "token",
        "a.b",
        "a.!.c",
        token([]),
        token({"acl": 5}),
        token({"acl": [5]}),
        token({"acl": [{"action": "all"}]}),
        token({"acl": [{"action": "all", "topic": 7}]}),
        token({"acl": [{"action": "all", "topic": "groups/+/#"}]}),
        token({"acl": [{"action": "publish", "topic": f"groups/{ONE}/#"}]}),
    ],
)
def test_a_token_that_cannot_be_read_is_good_for_no_group(text: str) -> None:
    assert groups_in(text) == frozenset()


def test_a_title_is_compared_as_written_first() -> None:
    groups = [a_group(ONE, "Team"), a_group(TWO, "team")]
    assert _titled(groups, "team", "no").id == TWO
    assert _titled(groups[:1], "TEAM", "no").id == ONE
    with pytest.raises(InputError, match=f"{ONE}, {TWO}"):
        _titled(groups, "TEAM", "no")
    with pytest.raises(InputError, match="no of the title 'other'"):
        _titled(groups, "other", "no")


def test_typing_is_told_now_and_then_and_its_end_once() -> None:
    plan = TypingPlan()
    assert plan.typed("direct:bob", 0.0)
    assert not plan.typed("direct:bob", AGAIN_SECONDS - 0.1)
    assert plan.typed("direct:bob", AGAIN_SECONDS)
    assert plan.stopped("direct:bob")
    assert not plan.stopped("direct:bob")


def test_who_types_is_believed_for_some_seconds() -> None:
    typists = Typists()
    typists.told("direct:bob", "bob", active=True, now=0.0)
    typists.told("group:g", "carol", active=True, now=0.0)
    assert typists.typing("direct:bob", 1.0) == ["bob"]
    assert typists.typing("group:g", SHOWN_SECONDS) == []
    typists.told("direct:bob", "bob", active=True, now=10.0)
    typists.told("direct:bob", "bob", active=False, now=11.0)
    assert typists.typing("direct:bob", 11.0) == []
