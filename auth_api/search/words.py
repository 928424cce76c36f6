"""Words: how texts are cut into them, how a search is read, and where it matches. No I/O.

A word is a run of letters and digits of any script, with the marks that belong to them; case, width and the ways of
writing one character do not matter. In scripts without spaces, and of emoji, each character is a word of its own: there
a search for several of them is a phrase. `_` separates words, like all else.
"""

import re
import sys
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final, NamedTuple

from wire.message import is_textual

WORD_MAX: Final = 64
"""Characters of a word that count."""

_RUN_MAX: Final = 4 * WORD_MAX
"""Characters of a run that are looked at: that many become the first `WORD_MAX` of a word, whatever composes to one.
Putting marks in order takes a time that grows with the square of their number, and seconds for a body of them."""
_ALONE: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3105-\u312f\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer, kana, Bopomofo, Han: written without spaces between words."""
_SYMBOLS: Final = "\u231a-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
"""Emoji and what is like them."""
_ASCII: Final = re.compile(r"[a-z0-9]+", re.ASCII)
_ASCII_WORD: Final = re.compile(rf"([a-z0-9]{{1,{WORD_MAX}}})[a-z0-9]*", re.ASCII)
_QUOTES: Final = str.maketrans("“”„«»", '"""""')


class Word(NamedTuple):
    """A word of a text: where it stands there, and how it is compared."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Term:
    """Words that have to stand in a row, mostly one; with `prefix` the last of them is but its beginning."""

    words: tuple[str, ...]
    prefix: bool = False


Lexemes = Mapping[str, str | None]
"""What words are filed under in the server's language; None: nothing, it is among those too frequent to be searched.
Words that are missing are filed under themselves."""


def readable_text(content_type: str | None, body: bytes | memoryview) -> str | None:
    """Read a body that is text; None if its type is neither text nor JSON, or it is not UTF-8, or empty."""
    if not body or (content_type is not None and not is_textual(content_type)):
        return None
    try:
        return str(body, "utf-8")
    except UnicodeDecodeError:
        return None


def find_words(text: str) -> list[Word]:
    """Cut a text into words."""
    if text.isascii():
        lower = text.lower()
        return [Word(found.start(), found.end(), found[0][:WORD_MAX]) for found in _ASCII.finditer(lower)]
    return list(_find_any(text))


def words_of(text: str) -> list[str]:
    """Cut a text into words, without their places: the same as `find_words` in half the time."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return [word.text for word in _find_any(text)]


def parse_query(query: str) -> list[Term]:
    """Read what is searched for: words, "phrases", and beginnings of words*. What holds no word asks for nothing.

    A piece without spaces that is several words, such as e-mail, is a phrase. No text is malformed.
    """
    terms: dict[Term, None] = {}
    for number, part in enumerate(query.translate(_QUOTES).split('"')):
        for piece in [part] if number % 2 else part.split():
            words = find_words(piece)
            if words:
                prefix = piece[words[-1].end :].startswith("*")
                terms[Term(tuple(word.text for word in words), prefix)] = None
    return list(terms)


def conversation_key(conversation_id: int) -> str:
    """Name what the messages of a conversation are filed under, which is no word."""
    return f" {conversation_id}"


def keys_of(word: str, lexemes: Lexemes) -> tuple[str, ...]:
    """Name what a word is filed under: its lexeme, and for searches by its beginning the word itself."""
    lexeme = lexemes.get(word, word)
    if lexeme == word:
        return (word,)
    return (f"={word}",) if lexeme is None else (lexeme, f"={word}")


def wanted_keys(terms: Sequence[Term], lexemes: Lexemes) -> tuple[list[str], list[str]]:
    """Name the keys that all messages found have, and the beginnings that one of their keys each has."""
    keys: dict[str, None] = {}
    prefixes: dict[str, None] = {}
    for term in terms:
        exact = term.words[:-1] if term.prefix else term.words
        keys.update({lexeme: None for word in exact if (lexeme := lexemes.get(word, word)) is not None})
        if term.prefix:
            prefixes[term.words[-1]] = None
    return list(keys), list(prefixes)


def matches(terms: Sequence[Term], words: Sequence[str], lexemes: Lexemes) -> bool:
    """Whether every term stands in a text that has these words."""
    filed = [lexemes.get(word, word) for word in words] if lexemes else words
    for term in terms:
        wanted = _wanted(term, lexemes)
        if len(wanted) == 1 and not term.prefix:
            if wanted[0] not in filed:
                return False
        elif wanted and next(_places(term, wanted, words, filed), None) is None:
            return False
    return True


def spans(terms: Sequence[Term], words: Sequence[Word], lexemes: Lexemes) -> list[tuple[int, int]]:
    """Say which parts of a text match, as (start, end) in ascending order."""
    texts = [word.text for word in words]
    filed = [lexemes.get(text, text) for text in texts]
    found: set[tuple[int, int]] = set()
    for term in terms:
        wanted = _wanted(term, lexemes)
        for at in _places(term, wanted, texts, filed) if wanted else ():
            found.update((word.start, word.end) for word in words[at : at + len(wanted)])
    return sorted(found)


def _wanted(term: Term, lexemes: Lexemes) -> Sequence[str | None]:
    """Name the lexemes of a term, None for any word in that place; nothing if it says nothing."""
    wanted = [lexemes.get(word, word) for word in term.words] if lexemes else term.words
    return wanted if term.prefix or any(lexeme is not None for lexeme in wanted) else ()


def _places(
    term: Term, wanted: Sequence[str | None], words: Sequence[str], filed: Sequence[str | None]
) -> Iterator[int]:
    """Say at which words of a text a term stands."""
    last = len(wanted) - 1
    if last == 0 and not term.prefix:
        yield from (at for at, lexeme in enumerate(filed) if lexeme == wanted[0])
        return
    end = term.words[-1] if term.prefix else ""
    exact = wanted[:-1] if end else wanted
    for at in _starts(exact, filed, len(words) - last):
        if end and not words[at + last].startswith(end):
            continue
        if all(lexeme is None or filed[at + number] == lexeme for number, lexeme in enumerate(exact)):
            yield at


def _starts(exact: Sequence[str | None], filed: Sequence[str | None], many: int) -> Iterator[int]:
    """Say where words in a row may begin, below `many`: where the rarest of them allows it."""
    counts = [(filed.count(lexeme), number) for number, lexeme in enumerate(exact) if lexeme is not None]
    if not counts:
        yield from range(many)
        return
    count, number = min(counts)
    at = number - 1
    for _ in range(count):
        try:
            at = filed.index(exact[number], at + 1, many + number)
        except ValueError:
            return
        yield at - number


def _find_any(text: str) -> Iterator[Word]:
    for found in _pattern().finditer(text):
        for word in _compared(found[0][:_RUN_MAX]):
            yield Word(found.start(), found.end(), word)


@lru_cache(maxsize=4096)
def _compared(run: str) -> tuple[str, ...]:
    """Write a word as it is compared: one case, one width, composed. That may be several, as of a ligature."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", run).casefold())[:_RUN_MAX]
    return tuple(found[0][:WORD_MAX] for found in _pattern().finditer(folded))


@cache
def _pattern() -> re.Pattern[str]:
    marks = _marks()
    return re.compile(rf"(?=[{_ALONE}])[^\W_][{marks}]*|[{_SYMBOLS}]|[^\W_{_ALONE}](?:[^\W_{_ALONE}]|[{marks}])*")


@cache
def _marks() -> str:
    """List Unicode's combining marks as the inside of a character class."""
    ranges: list[list[int]] = []
    for code in range(0x300, min(sys.maxunicode, 0x1F000)):
        if unicodedata.category(chr(code))[0] == "M":
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"{chr(low)}-{chr(high)}" for low, high in ranges)
