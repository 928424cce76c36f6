"""What people and scripts read."""

import json
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_client.commands.messages import _show_event
from mqtt_client.commands.options import Options
from mqtt_client.commands.showing import Shower
from mqtt_client.events import Message, ReceiptArrived
from mqtt_client.render import Style, as_json, local_time, message_text
from mqtt_client.text import visible, visible_lines
from wire.conversations import direct, group
from wire.receipts import Rejected

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def a_message(body: bytes, content_type: str = "text/plain; charset=utf-8", sender: str = "bob") -> Message:
    return Message(direct("bob"), sender, "1", content_type, body, NOON)


def shown(message: Message, *, one_conversation: bool = True) -> str:
    return message_text(message, Style("alice", one_conversation=one_conversation, zone=UTC), NOON)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("bell\x07", "bell\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("\x7f", "\\x7f"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u2028b", "a\\u2028b"),
        ("\ud800", "\\ud800"),
        ("日本 👩‍👩‍👧 é", "日本 👩‍👩‍👧 é"),
    ],
)
def test_controls_are_shown_and_everything_else_is_left_alone(text: str, safe: str) -> None:
    assert visible(text) == safe


@given(st.text())
def test_no_text_brings_a_control_character_through(text: str) -> None:
    for line in visible_lines(text):
        assert not any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in line)


@given(st.binary(max_size=200))
def test_no_body_can_pass_for_a_message_of_its_own(body: bytes) -> None:
    first, *rest = shown(a_message(body or b"x")).split("\n")
    assert first.startswith("12:00 bob: ")
    assert all(line.startswith("      ") for line in rest)


def test_further_lines_are_indented_and_a_tab_becomes_blanks() -> None:
    assert shown(a_message(b"one\r\ntwo\tthree\n")) == "12:00 bob: one\n      two    three"


def test_a_binary_body_is_named_by_type_and_size() -> None:
    assert shown(a_message(b"\x00" * 123, "application/octet-stream")).endswith("[application/octet-stream, 123 bytes]")


def test_an_own_message_among_several_conversations_names_its_receiver() -> None:
    message = a_message(b"hi", sender="alice")
    assert shown(message, one_conversation=False) == "12:00 alice → bob: hi"
    assert shown(message) == "12:00 alice: hi"


def test_the_clock_on_the_wall_counts_and_another_day_is_named() -> None:
    east = timezone(timedelta(hours=14))
    assert local_time(NOON, NOON, east) == "02:00"
    assert local_time(NOON, NOON + timedelta(days=1), east) == "2026-02-01 02:00"


@pytest.mark.parametrize("year", [1, 9999])
def test_a_senders_clock_at_the_end_of_time_is_shown_too(year: int) -> None:
    moment = datetime(year, 1 if year == 1 else 12, 1 if year == 1 else 31, 12, 0, tzinfo=UTC)
    shown_times = {local_time(moment, NOON, timezone(timedelta(hours=hours)))[-5:] for hours in (-14, 14)}
    assert shown_times <= {"12:00", "22:00", "02:00"}


@given(st.text())
def test_json_is_one_line_of_plain_ascii_that_reads_back(text: str) -> None:
    line = as_json({"body": text})
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {"body": text}


def related(body: bytes, relation: str, **changes: Any) -> Message:
    return replace(a_message(body), relation=relation, relates_to_seq=42, seq=50, **changes)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (related(b"new text", "edit"), "12:00 bob edited 42: new text"),
        (related(b"", "edit", retracted_at=NOON), "12:00 bob edited 42 (taken back)"),
        (related(b"", "retract"), "12:00 bob retracted 42"),
        (related("👍".encode(), "reaction"), "12:00 bob reacted 👍 to 42"),
        (related(b"", "reaction", retracted_at=NOON), "12:00 bob reacted to 42 (taken back)"),
        (related(b"an answer", "reply"), "12:00 bob (re 42): an answer"),
        (related(b"an answer", "reply", edited_at=NOON), "12:00 bob (re 42, edited): an answer"),
        (replace(a_message(b"x"), edited_at=NOON), "12:00 bob (edited): x"),
        (replace(a_message(b""), retracted_at=NOON), "12:00 bob: [retracted]"),
        (replace(a_message(b"x"), reactions={"👍": ("alice", "carol")}), "12:00 bob: x\n      👍 alice, carol"),
        (replace(a_message(b"x"), reactions={"\x1b[2J": ("alice",)}), "12:00 bob: x\n      \\x1b[2J alice"),
        (
            related(b"12:00 bob: forged\n12:00 bob: forged", "edit"),
            "12:00 bob edited 42: 12:00 bob: forged\n      12:00 bob: forged",
        ),
    ],
)
def test_what_relates_to_another_message_says_how(message: Message, said: str) -> None:
    assert shown(message) == said


def test_seqs_are_shown_when_asked_for_and_groups_by_their_title() -> None:
    message = replace(a_message(b"hi"), seq=7, conversation=group("gabcdefabcdef"))
    style = Style("alice", seqs=True, titles={"gabcdefabcdef": "team\x07"}, zone=UTC)
    assert message_text(message, style, NOON) == "12:00 [7] bob → #team\\x07: hi"
    assert message_text(message, Style("alice", zone=UTC), NOON) == "12:00 bob → gabcdefabcdef: hi"


def test_a_refusal_names_the_message_of_another_device_safely(capsys: pytest.CaptureFixture[str]) -> None:
    """Its id is as that device wrote it, and that need not be a program of ours."""
    refused = ReceiptArrived(Rejected("\u202e\x1b[2J", "malformed"))
    _show_event(refused, Shower(Options(), "alice", one_conversation=False), cut=False)
    assert capsys.readouterr().err.startswith(r"nightjar: message \u202e\x1b[2J was rejected")
