"""Words of texts and searches, where they match, and how that is shown."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_api.search.postings import SEGMENT, Filing, unpack, without
from auth_api.search.snippets import BEGIN, END, snippet
from auth_api.search.words import Term, find_words, keys_of, matches, parse_query, readable_text, spans, words_of

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, world_wide 2x", ["hello", "world", "wide", "2x"]),
        ("don't e-mail a@example.org", ["don", "t", "e", "mail", "a", "example", "org"]),
        ("ÉCOLE E\u0301cole \uff21\uff22\uff43 Straße", ["école", "école", "abc", "strasse"]),
        ("Привет, МИР", ["привет", "мир"]),
        ("שלום עולם مرحبا", ["שלום", "עולם", "مرحبا"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("你好\uff0c世界 abc漢字", ["你", "好", "世", "界", "abc", "漢", "字"]),
        ("ひらがな ｶﾅ", ["ひ", "ら", "が", "な", "カ", "ナ"]),
        ("ไทย", ["ไ", "ท", "ย"]),
        ("안녕하세요 세계", ["안녕하세요", "세계"]),
        ("ok👍🏽!", ["ok", "👍", "🏽"]),
        ("<b>&amp;</b> 1.5", ["b", "amp", "b", "1", "5"]),
        ("\u0301 _ --", []),
        ("½ \u30ff", ["1", "2", "コ", "ト"]),
        ("x" * 100, ["x" * 64]),
        ("é" * 100, ["é" * 64]),
    ],
)
def test_a_text_is_cut_into_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words
    assert [word.text for word in find_words(text)] == words


@pytest.mark.parametrize("unit", ["\u0301\u0323", "ﷺ", "é", "\u1112\u1161\u11ab", "\u0345\u0301\u0323\u0334"])
def test_of_a_run_only_the_beginning_is_looked_at(unit: str) -> None:
    """A body of 64 KiB may be one: to put its marks in order would take seconds, to keep its words megabytes."""
    words = words_of(f"a{unit * 5000} end")
    assert words == words_of(f"a{unit * 400} end")
    assert words[-1] == "end"
    assert sum(map(len, words)) <= 260
    assert [word.text for word in find_words(f"a{unit * 5000} end")] == words


@given(ANY_TEXT)
def test_words_stand_where_they_are_said_to_stand(text: str) -> None:
    """And both ways of finding them agree, and a word that was found is found again by itself."""
    found = find_words(text)
    assert [word.text for word in found] == words_of(text)
    assert all(one.end <= other.start or one[:2] == other[:2] for one, other in pairwise(found))
    for word in found:
        assert word.text in words_of(text[word.start : word.end])


@given(ANY_TEXT)
def test_a_text_without_quotes_is_found_by_its_own_words(text: str) -> None:
    terms = parse_query(" ".join(words_of(text)))
    assert matches(terms, words_of(text), {})


@given(ANY_TEXT, ANY_TEXT)
def test_no_query_and_no_text_is_malformed(query: str, text: str) -> None:
    """What matches has places, each of which is there; and a snippet's marks pair up."""
    terms = parse_query(query)
    places = spans(terms, find_words(text), {})
    if terms and matches(terms, words_of(text), {}):
        assert places
    shown = snippet(text, places)
    assert shown.count(BEGIN) == shown.count(END)
    assert all(piece.count(END) == 1 for piece in shown.split(BEGIN)[1:])


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("two  Words", [Term(("two",)), Term(("words",))]),
        ("night*", [Term(("night",), prefix=True)]),
        ('"To be"or', [Term(("to", "be")), Term(("or",))]),
        ('“to be*” x "unended here', [Term(("to", "be"), prefix=True), Term(("x",)), Term(("unended", "here"))]),
        ("e-mail 世界", [Term(("e", "mail")), Term(("世", "界"))]),
        ("a a A", [Term(("a",))]),
        ("a * !! & | <-> :* '' \\", [Term(("a",))]),
        ('""', []),
    ],
)
def test_a_query_is_read(query: str, terms: list[Term]) -> None:
    assert parse_query(query) == terms


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("quick fox", "The quick, brown FOX", True),
        ("quick cat", "The quick, brown fox", False),
        ('"quick brown"', "The quick, brown fox", True),
        ('"brown quick"', "The quick, brown fox", False),
        ("bro*", "The quick, brown fox", True),
        ("bro", "The quick, brown fox", False),
        ("row*", "The quick, brown fox", False),
        ('"quick bro*"', "The quick, brown fox", True),
        ("世界", "你好世界", True),
        ("界世", "你好世界", False),
    ],
)
def test_words_match(query: str, text: str, found: bool) -> None:
    assert matches(parse_query(query), words_of(text), {}) is found


def test_a_language_has_its_own_opinion_of_what_is_the_same_word() -> None:
    lexemes = {"running": "run", "runs": "run", "the": None}
    assert keys_of("running", lexemes) == ("run", "=running")
    assert keys_of("run", lexemes) == ("run",)
    assert keys_of("the", lexemes) == ("=the",)
    text = words_of("Running the show")
    assert matches(parse_query("runs"), text, lexemes)
    assert matches(parse_query('"runs the show"'), text, lexemes)
    assert matches(parse_query("runn*"), text, lexemes)
    assert matches(parse_query("the*"), text, lexemes)
    assert not matches(parse_query("shows"), text, lexemes)


def test_a_snippet_marks_what_matches_and_nothing_else_can() -> None:
    text = f"a {BEGIN}forged{END} mark,\n\t and a true one"
    shown = snippet(text, spans(parse_query("true"), find_words(text), {}))
    assert shown == f"a forged mark, and a {BEGIN}true{END} one"


def test_a_snippet_of_a_long_text_shows_the_part_with_the_match() -> None:
    text = "one two three " * 50 + "needle" + " four five" * 50
    shown = snippet(text, spans(parse_query("needle"), find_words(text), {}))
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert f"{BEGIN}needle{END}" in shown
    assert 100 < len(shown) < 200


@pytest.mark.parametrize("word", ["x" * 65_536, "é" * 32_768, "z\u0301" * 20_000])
def test_a_snippet_is_short_however_long_the_word_is_that_matches(word: str) -> None:
    """With its marks, one of 64 KiB is more than a client takes: it could find nothing that was said beside it."""
    shown = snippet(f"one {word} two", spans(parse_query(f"{word[:2]}*"), find_words(f"one {word} two"), {}))
    assert shown.startswith(f"one {BEGIN}{word[:2]}")
    assert shown.endswith(f"{END}…")
    assert len(shown) < 200


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        (None, b"hi", "hi"),
        ("application/json", b'"hi"', '"hi"'),
        ("text/html", b"\xff", None),
        ("image/png", b"hi", None),
        (None, b"", None),
        (None, b"a\0b", "a\0b"),
    ],
)
def test_only_text_and_json_is_read(content_type: str | None, body: bytes, text: str | None) -> None:
    assert readable_text(content_type, body) == text


@given(st.dictionaries(st.integers(0, 3 * SEGMENT), st.sets(st.sampled_from("abc")), max_size=30), st.integers(0, 99))
def test_postings_name_the_messages_that_have_a_word(messages: dict[int, set[str]], dropped: int) -> None:
    filing = Filing()
    for seq, words in messages.items():
        filing.add(seq, words)
    postings = list(filing.postings())
    found = {
        (posting.word, posting.segment * SEGMENT + offset) for posting in postings for offset in unpack(posting.seqs)
    }
    assert postings == sorted(postings)
    assert filing.segments == {posting.segment for posting in postings}
    assert found == {(word, seq) for seq, words in messages.items() for word in words}
    for posting in postings:
        kept = set(unpack(without(posting.seqs, {dropped})))
        assert kept == set(unpack(posting.seqs)) - {dropped}
