"""Text on the screen: styled, wrapped, and never a character lost."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from mqtt_client.app.lines import FOLD_ROWS, Setting, block, plain, shown_text
from mqtt_client.app.markup import styled
from mqtt_client.app.wrap import fitted, wrapped
from mqtt_client.text import visible, visible_lines
from tests.unit.app.making import an_entry

texts = st.text(st.characters(codec="utf-8"), max_size=300)
signs = st.text(alphabet="*_` ab\u6f22\u0301:/.h", max_size=120)


def kinds(line: str) -> list[tuple[str, str]]:
    """Name what is styled, and as what."""
    return [(line[part.start : part.end], part.kind) for part in styled(line)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("plain", []),
        ("a *bold* word", [("*bold*", "bold")]),
        ("**bold** too", [("**bold**", "bold")]),
        ("_italic_, and snake_case_name", [("_italic_", "italic")]),
        ("2 * 3 * 4", []),
        ("`code *not bold*` *bold*", [("`code *not bold*`", "code"), ("*bold*", "bold")]),
        ("``a ` b``", [("``a ` b``", "code")]),
        ("*bold _and italic_*", [("*bold _and italic_*", "bold"), ("_and italic_", "italic")]),
        ("see https://example.org/a_b_c.", [("https://example.org/a_b_c", "link")]),
        ("(https://example.org/x_(y))", [("https://example.org/x_(y)", "link")]),
        ("`https://example.org`", [("`https://example.org`", "code")]),
        ("* unfinished", []),
        ("`unfinished", []),
        ("** **", []),
    ],
)
def test_markdown_lite_is_styled(line: str, expected: list[tuple[str, str]]) -> None:
    """Marks count only around words, and code and links keep what is in them."""
    assert kinds(line) == expected


@settings(deadline=None)
@given(signs, st.integers(2, 40))
def test_rows_together_are_the_line(line: str, width: int) -> None:
    """Nothing is lost, and no row is too wide, but for one blank or one wide character."""
    rows = wrapped(line, width)
    assert "".join(line[start:end] for start, end in rows) == line
    for start, end in rows:
        text = line[start:end]
        assert cell_len(text.removesuffix(" ")) <= width, text


@settings(deadline=None)
@given(texts, st.integers(4, 120))
def test_every_character_of_a_message_is_on_the_screen(text: str, width: int) -> None:
    """In its visible form, whatever it is and however narrow the screen is."""
    entry = an_entry(text or "x")
    setting = Setting(width, "alice", unfolded=frozenset([entry.arrival]))
    lines = block(entry, an_entry("before", arrival=1), setting)
    shown = "".join(plain(line)[2:] for line in lines)
    assert shown == "".join(visible_lines(text or "x"))
    assert not any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in shown)


def test_links_are_kept_whole() -> None:
    """One that does not fit goes to the next row; every row of a longer one leads to all of it."""
    entry = an_entry("words before https://example.org/abc and https://example.org/" + "x" * 60)
    lines = block(entry, an_entry("before", arrival=1), Setting(31, "alice"))
    rows = [plain(line).strip() for line in lines]
    assert "https://example.org/abc and" in rows
    links = {span.link for line in lines for span in line if span.link}
    assert links == {"https://example.org/abc", "https://example.org/" + "x" * 60}


def test_wide_and_combining_characters_and_joined_emoji_are_not_torn() -> None:
    """A row ends between characters as people see them."""
    family = "\U0001f469\u200d\U0001f469\u200d\U0001f467"
    line = "e\u0301" * 30 + "\u6f22" * 30 + family * 10
    for start, end in wrapped(line, 11):
        row = line[start:end]
        assert not row.startswith(("\u0301", "\u200d", "\ufe0f"))
        assert cell_len(row) <= 11


def test_right_to_left_text_stays_as_it_is_but_for_overrides() -> None:
    """Letters are shown in their order; what would turn the rest of the line around is shown as text."""
    assert shown_text(an_entry("\u05e9\u05dc\u05d5\u05dd")) == ["\u05e9\u05dc\u05d5\u05dd"]
    assert shown_text(an_entry("a\u202eb")) == ["a\\u202eb"]


def test_a_text_cannot_pass_for_another_message() -> None:
    """Each of its lines is indented; escapes are shown as text."""
    entry = an_entry("x\nbob 10:00\n\x1b[2J\x1b]0;title\x07")
    lines = [plain(line) for line in block(entry, an_entry("before", arrival=1), Setting(60, "alice"))]
    assert lines == ["  x", "  bob 10:00", "  \\x1b[2J\\x1b]0;title\\x07"]


@pytest.mark.parametrize("sign", ["`", "*", "**", "_", "*a ", "`a", "_a_", "https://a)", "http://x" + ")" * 200 + " "])
def test_no_line_takes_long_to_lay_out(sign: str) -> None:
    """64 KiB of marks in one line are laid out in a moment: time grows with the length only."""
    entry = an_entry((sign * 65536)[:65536])
    began = time.process_time()
    block(entry, None, Setting(76, "alice"))
    assert time.process_time() - began < 5


@settings(deadline=None)
@given(texts.map(lambda text: text.replace("\n", "")), st.integers(0, 30))
def test_a_fitted_text_has_exactly_its_width(text: str, width: int) -> None:
    """Whatever is in it."""
    assert cell_len(fitted(visible(text), width)) == width


@pytest.mark.parametrize("text", ["\n" * 65535, "a\n" * 32767, "word " * 13107, "\u6f22" * 21845, "x" * 65536])
def test_a_long_message_is_folded_until_all_of_it_is_wanted(text: str) -> None:
    """So that no message holds up the screen; a line says how to see the rest."""
    entry, before = an_entry(text), an_entry("before", arrival=1)
    folded = block(entry, before, Setting(60, "alice"))
    assert len(folded) == FOLD_ROWS + 1
    assert plain(folded[-1]) == "  … it goes on: Alt+V shows all of it"
    whole = block(entry, before, Setting(60, "alice", unfolded=frozenset([entry.arrival])))
    assert "".join(plain(line)[2:] for line in whole) == "".join(visible_lines(text.removesuffix("\n")))


@given(st.integers(1, 400), st.integers(1, 120))
def test_a_message_that_fits_is_not_folded(rows: int, width: int) -> None:
    """Up to the last row that is shown."""
    entry = an_entry("\n".join(["x" * width] * rows))
    lines = block(entry, an_entry("before", arrival=1), Setting(130, "alice"))
    assert len(lines) == (rows if rows <= FOLD_ROWS else FOLD_ROWS + 1)
