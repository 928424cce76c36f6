"""Whatever is published: it is stored or refused, and what is stored keeps nobody from reading it and all else."""

import base64
import itertools
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from auth_api.queries.search_index import SIMPLE
from auth_api.search.words import readable_text, words_of
from auth_api.settings import Settings
from mqtt_client.api import checked, read
from mqtt_client.events import message_of
from mqtt_client.models import (
    Blocks,
    ConversationEntry,
    ConversationsPage,
    Found,
    Page,
    RestMessage,
    SearchPage,
    Version,
    Versions,
)
from tests.integration.hostile.client import Client
from tests.integration.hostile.publications import Publication, packets, publications
from tests.integration.hostile.world import Example, World, pages, strict_json
from wire.message import TEXT, default_content_type, read_message
from wire.times import format_time

ODD_QUERIES = (
    "*", '"', '""*', "-", "a*", "x*", '"a b', "\u0301", "ﷺ", "½", "👍", "\ue000", "[", "%", "_", "\\", "'", "İ*", "ǆ",
    "z" * 256,
    "\u0301\u0323" * 128, "1*", "e\u0301*", "́*", "🇩*", "\u200b", "\x1b", "\u202e", "=a", " 1", "null", "漢*", '"漢字"*',
    "ก",
)  # fmt: skip


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """An archive with a service that reads it."""
    made = World(
        Settings(
            keys_dir=tmp_path / "private", public_keys_dir=tmp_path / "public", database_url=database_url,
            api_threads=1, log_level="error",
        )
    )  # fmt: skip
    yield made
    made.close()


def test_what_is_stored_is_read_by_everybody_whom_it_is_for(world: World, tmp_path: Path) -> None:
    numbers = itertools.count(1)

    # Nothing is made smaller: an example takes a second, and says itself what was read that was not right.
    @settings(
        max_examples=12,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        said=publications,
        sizes=st.lists(st.integers(1, 30), max_size=3),
        limit=st.integers(1, 40),
        language=st.sampled_from(["simple", "simple", "english"]),
        queries=st.lists(
            st.sampled_from(ODD_QUERIES) | st.text(min_size=1, max_size=20).filter(_may_be_asked), max_size=4
        ),
    )
    def everybody_reads(
        said: list[Publication], sizes: list[int], limit: int, language: str, queries: list[str]
    ) -> None:
        example = world.people()
        came = packets(said, example.names)
        outcomes = world.store(example, came, sizes)
        assert len(outcomes) == len(said)
        for who in example.people:
            with Client(tmp_path / f"{next(numbers)}", who) as client:
                client.hear([packet for packet, _ in came], outcomes)
                read_everything(world, example, who, limit, client)
                client.draw()
                search(world, example, who, queries)
        world.index(language)
        for who in example.people:
            search(world, example, who, queries)
            export(world, example, who)

    everybody_reads()


def read_everything(world: World, example: Example, who: str, limit: int, client: Client) -> None:
    """Ask for it on all ways but search, and see that they agree, and that our client can read what is answered."""
    expected = example.readable(who)
    feed = pages(partial(world.ask, who, "/v1/messages", "FeedPage"), "after_seq", limit)
    assert [each["seq"] for each in feed] == expected
    by_seq = {each["seq"]: each for each in feed}
    client.read(feed)
    for shown in feed:
        assert_is(shown, example)
    for place in {place for seq in expected if (place := example.conversation(seq, who))}:
        path = f"/v1/conversations/{'/'.join(place)}/messages"
        shown_there = [by_seq[seq] for seq in example.readable(who, place)]
        page = partial(world.ask, who, path, "MessagePage")
        for bound, size in (("after_seq", limit), ("before_seq", limit), ("before_seq", 200)):
            assert pages(page, bound, size) == shown_there
        assert read(Page, world.answer(who, path, {"limit": 200})).has_more is False
    for seq in example.stored:
        if seq not in by_seq:
            world.answer(who, f"/v1/messages/{seq}", status=404)
            world.answer(who, f"/v1/messages/{seq}/versions", status=404)
            continue
        assert world.ask(who, f"/v1/messages/{seq}", "Message") == by_seq[seq]
        read_versions(world, who, by_seq[seq])
    read_conversations(world, example, who, by_seq)
    world.ask(who, "/v1/groups", "GroupList")
    world.ask(who, f"/v1/groups/{example.group}", "Group")
    world.ask(who, f"/v1/groups/{example.group}/members", "MemberList")
    read(Blocks, world.answer(who, "/v1/blocks"))


def read_versions(world: World, who: str, shown: dict[str, Any]) -> None:
    path = f"/v1/messages/{shown['seq']}/versions"
    answer = world.answer(who, path)
    found = world.found(answer, "VersionList")["versions"]
    for raw in read(Versions, answer).versions:
        checked(Version, raw)
    if {"body", "body_base64"} & shown.keys() and shown.get("relation") != "edit":
        of_text = ("content_type", "body", "body_base64")
        assert {name: found[-1].get(name) for name in of_text} == {name: shown.get(name) for name in of_text}


def read_conversations(world: World, example: Example, who: str, by_seq: dict[int, dict[str, Any]]) -> None:
    places = {place for seq in by_seq if (place := example.conversation(seq, who))}
    newest = sorted((max(example.readable(who, place)) for place in places), reverse=True)
    for limit in (1, 200):
        seqs: list[int] = []
        query: dict[str, Any] = {"limit": limit}
        while True:
            answer = world.answer(who, "/v1/conversations", query)
            page = world.found(answer, "ConversationList")
            for raw in read(ConversationsPage, answer).conversations:
                entry = checked(ConversationEntry, raw)
                assert entry.last_message
                assert raw["last_message"] == by_seq[entry.last_message.seq]
                seqs.append(entry.last_message.seq)
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert seqs == newest


def assert_is(shown: dict[str, Any], example: Example) -> None:
    """Check what a message says against what was published, as far as nothing has become of it since."""
    outcome, came = example.stored[shown["seq"]]
    envelope = read_message(came.body, came.content_type, came.properties)
    assert (shown["id"], shown["sender"]) == (outcome.id, outcome.sender)
    assert shown.get("relation") == envelope.relation
    sent = shown["sent_at"]
    assert sent == (format_time(envelope.sent_at) if envelope.sent_at else shown["received_at"])
    if "edited_at" in shown or "retracted_at" in shown or envelope.relation == "retract":
        return
    assert shown["content_type"] == (came.content_type or default_content_type(came.body))
    body = shown["body"].encode() if "body" in shown else base64.b64decode(shown["body_base64"], validate=True)
    assert body == came.body
    if default_content_type(came.body) == TEXT and shown["content_type"] == TEXT:
        assert "body" in shown


def search(world: World, example: Example, who: str, queries: list[str]) -> None:
    """Look for odd things, and for a word of every message; each that is as it was sent is found by its words."""
    readable = set(example.readable(who))
    for query in queries:
        assert {each["seq"] for each in found_for(world, who, query)} <= readable
    words: dict[str, set[int]] = {}
    for shown in pages(partial(world.ask, who, "/v1/messages", "FeedPage"), "after_seq", 200):
        text = readable_text(shown["content_type"], shown.get("body", "").encode())
        if text and shown.get("relation") in {None, "reply", "thread"}:
            for word in words_of(text)[:1] + words_of(text)[-1:]:
                words.setdefault(word, set()).add(shown["seq"])
    for word, seqs in sorted(words.items())[:8]:
        # In English some words are searched as beginnings only.
        found = {each["seq"] for each in found_for(world, who, word if world.language == SIMPLE else f"{word}*")}
        assert seqs <= found <= readable, word


def found_for(world: World, who: str, query: str) -> list[dict[str, Any]]:
    """Search, all pages of it."""
    found: list[dict[str, Any]] = []
    bounds: dict[str, int] = {}
    while True:
        answer = world.answer(who, "/v1/search", {"q": query, "limit": 200, **bounds})
        results = world.found(answer, "SearchResults")
        for each in read(SearchPage, answer).results:
            message_of(checked(RestMessage, each.message), each.message)
            assert isinstance(each, Found)
            assert len(each.highlight or "") < 1000
        found += [each["message"] for each in results["results"]]
        if not results["has_more"]:
            return found
        bounds = {"before_seq": found[-1]["seq"]}


def export(world: World, example: Example, who: str) -> None:
    lines = [strict_json(line) for line in world.answer(who, "/v1/me/export").content.split(b"\n")[:-1]]
    assert lines[-1] == {"type": "end", "entries": len(lines) - 1}
    assert sorted(each["seq"] for each in lines if each["type"] == "message") == example.readable(who)


def _may_be_asked(text: str) -> bool:
    return bool(text.strip()) and "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text)
