"""Topics, conversation names, control messages and access lists."""

import json
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.control import Revocation, encode_revocations
from wire.conversations import Conversation, direct, parse_conversation
from wire.tokens import AclRule, api_acl, archiver_acl, user_acl
from wire.topics import (
    ARCHIVED_TOPICS,
    ARCHIVER_FILTERS,
    BROKER_COUNTERS,
    CONTROL,
    Topic,
    archived,
    events,
    group_archived,
    group_filter,
    inbox,
    marker_topic,
    message_topic,
    own_inbox_filter,
    parse_topic,
    sent_filter,
    typing_topic,
)

usernames = st.from_regex(r"[a-z0-9][a-z0-9_-]{2,31}", fullmatch=True)
group_ids = st.from_regex(r"g[a-z2-7]{12}", fullmatch=True)
levels = st.text(st.characters(exclude_characters="/"), min_size=1)


kinds: st.SearchStrategy[Literal["direct", "group"]] = st.sampled_from(["direct", "group"])


@given(kinds, levels, levels)
def test_topics_of_a_conversation_are_read_back(kind: Literal["direct", "group"], name: str, sender: str) -> None:
    conversation = Conversation(kind, name)
    assert parse_topic(message_topic(conversation, sender)) == Topic(kind, name, "message", sender)
    assert parse_topic(marker_topic(conversation, sender)) == Topic(kind, name, "marker", sender)
    assert parse_topic(typing_topic(conversation, sender)) == Topic(kind, name, "typing", sender)


@pytest.mark.parametrize(
    "topic",
    ["", "users", "users//inbox/alice", "users/bob/inbox/", "users/bob/inbox/alice/x", "/users/bob/inbox/alice",
     "users/bob/messages/alice", "groups/bob/inbox/alice", "users/bob/devices/x/inbox/alice", "users/bob/archived"],
)  # fmt: skip
def test_other_topics_are_of_no_conversation(topic: str) -> None:
    assert parse_topic(topic) is None


def matches(topic_filter: str, topic: str) -> bool:
    """Compare a topic with a filter that may hold `+`, or end with `#`."""
    wanted, given_ = topic_filter.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted, given_ = wanted[:-1], given_[: len(wanted) - 1]
    return len(wanted) == len(given_) and all(w in {"+", g} for w, g in zip(wanted, given_, strict=True))


def allowed(rules: list[AclRule], action: str, topic: str) -> bool:
    """Say whether an access list allows something."""
    return any(rule.action in {action, "all"} and matches(rule.topic, topic) for rule in rules)


@given(usernames, usernames)
def test_a_user_publishes_and_reads_in_its_own_name_only(user: str, other: str) -> None:
    rules = user_acl(user)
    assert allowed(rules, "publish", inbox(other, user))
    assert allowed(rules, "subscribe", own_inbox_filter(user))
    assert allowed(rules, "subscribe", sent_filter(user))
    assert allowed(rules, "subscribe", archived(user))
    assert allowed(rules, "subscribe", events(user))
    for topic in (archived(user), events(user), CONTROL):
        assert not allowed(rules, "publish", topic)
    if other != user:
        assert not allowed(rules, "publish", inbox(user, other))
        assert not allowed(rules, "subscribe", own_inbox_filter(other))
        assert not allowed(rules, "subscribe", archived(other))
        assert not allowed(rules, "publish", f"users/{other}/presence")
    assert [rule.topic for rule in rules if rule.retain] == [f"users/{user}/presence"]


@given(usernames, group_ids, group_ids)
def test_a_member_publishes_and_reads_in_their_groups_only(user: str, member_of: str, other: str) -> None:
    rules = user_acl(user, [member_of])
    group = Conversation("group", member_of)
    for topic in (message_topic(group, user), marker_topic(group, user), typing_topic(group, user)):
        assert allowed(rules, "publish", topic)
        assert not allowed(user_acl(user), "publish", topic)
    assert allowed(rules, "subscribe", group_filter(member_of))
    assert not allowed(rules, "publish", group_archived(member_of))
    assert not allowed(rules, "publish", message_topic(group, user + "x"))
    if other != member_of:
        assert not allowed(rules, "subscribe", group_filter(other))
        assert not allowed(rules, "publish", message_topic(Conversation("group", other), user))


def test_the_services_may_do_their_work_and_no_more() -> None:
    for topic_filter in ARCHIVER_FILTERS:
        assert allowed(archiver_acl(), "subscribe", topic_filter)
    assert tuple(f"$share/archiver/{topic_filter}" for topic_filter in ARCHIVED_TOPICS) == ARCHIVER_FILTERS
    assert allowed(archiver_acl(), "publish", group_archived("gabcdefghijkl"))
    assert allowed(archiver_acl(), "publish", archived("alice"))
    assert not allowed(archiver_acl(), "publish", CONTROL)
    assert allowed(api_acl(), "publish", CONTROL)
    assert allowed(api_acl(), "publish", events("alice"))
    read = [rule.topic for rule in api_acl() if rule.action == "subscribe"]
    assert read == list(BROKER_COUNTERS.values())
    assert not any(set(topic) & {"+", "#"} for topic in read)


def test_archivers_subscribe_as_a_group_alone() -> None:
    """Each message reaches one of them; a plain filter beside it would bring it once more."""
    read = [rule.topic for rule in archiver_acl() if rule.action == "subscribe"]
    assert set(ARCHIVER_FILTERS) <= set(read)
    assert all(topic.startswith("$share/archiver/") for topic in read)


def test_a_rule_says_retain_only_where_it_allows_it() -> None:
    assert AclRule("publish", "a/b").as_claim() == {"permission": "allow", "action": "publish", "topic": "a/b"}
    assert AclRule("all", "a", retain=True).as_claim()["retain"] is True


@given(usernames | group_ids)
def test_a_conversation_name_is_read_back(name: str) -> None:
    assert parse_conversation(str(direct(name))) == direct(name)


@given(group_ids)
def test_a_group_conversation_is_read_back(group: str) -> None:
    assert parse_conversation(f"group:{group}") == Conversation("group", group)


@pytest.mark.parametrize(
    "text", ["", "bob", "direct:", "direct:Bob", "direct:b", "group:bob", "other:bob", "direct:bob\n"]
)
def test_other_texts_are_no_conversation(text: str) -> None:
    assert parse_conversation(text) is None


def test_revocations_as_the_broker_reads_them() -> None:
    payload = encode_revocations([Revocation("alice", None, 5), Revocation("bob", "bob.x", 6)])
    assert json.loads(payload) == {
        "commands": [
            {"command": "revoke", "username": "alice", "issued_before_ms": 5},
            {"command": "revoke", "username": "bob", "client_id": "bob.x", "issued_before_ms": 6},
        ]
    }
    assert json.loads(encode_revocations([])) == {"commands": []}
