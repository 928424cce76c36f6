"""Search: full text over what the server can read, the newest message first (contract, section 6).

The index says which messages have the words; those are read newest first, in portions, until the page is full. What
is read is compared once more, so that nothing is found by words that were edited away, and phrases are phrases. What is
not indexed yet is read as if the index had named it.
"""

import math
import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from auth_api.errors import NotFoundError, UnavailableError
from auth_api.message_json import StoredMessage
from auth_api.pool import Cursor, Pool
from auth_api.queries import search, search_index
from auth_api.queries.search import Scope, Text
from auth_api.queries.search_index import SIMPLE
from auth_api.search.postings import SEGMENT, inside, unpack
from auth_api.search.snippets import snippet
from auth_api.search.words import (
    Term,
    conversation_key,
    find_words,
    matches,
    parse_query,
    readable_text,
    spans,
    wanted_keys,
    words_of,
)
from auth_api.tokens import AccessClaims
from wire.receipts import SEQ_MAX

_SECONDS: Final = 2.0
"""For which a search goes on before it is given up: rare phrases of frequent words need the longest."""
_MANY: Final = 4096
"""Of more candidates than this in a segment, those in the user's conversations are chosen before all else."""
_ROWS_A_CONVERSATION: Final = 3
"""So many messages are passed over in the time that it takes to look up a conversation's in a segment."""
_TELLING: Final = 3
"""Characters of a beginning that few words have."""
_MOST_SEGMENTS: Final = 32
_MOST_TEXTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """What is searched, and where: with a user or in a group, and below a number."""

    query: str
    other: str | None = None
    group: str | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """Messages, the newest first, the snippet of each, and whether there are more."""

    found: list[tuple[StoredMessage, str]]
    has_more: bool


def find(
    pool: Pool, claims: AccessClaims, asked: Asked, limit: int, clock: Callable[[], float] = time.monotonic
) -> Results:
    """Search. Raises UnauthenticatedError, NotFoundError, or UnavailableError when it takes too long."""
    with pool.reading() as cur:
        until = clock() + _SECONDS
        while True:
            scope = search.scope(cur, claims, asked.other, asked.group)
            _demand_known(asked, scope)
            found = _Search(cur, scope, asked, lambda: clock() > until).first(limit + 1)
            if search.generation(cur) == scope.generation:
                break
        kept = found[:limit]
        shown = search.shown(cur, claims, [seq for seq, _ in kept])
    results = [(shown[seq], highlight) for seq, highlight in kept if seq in shown]
    return Results(results, len(found) > limit)


def _demand_known(asked: Asked, scope: Scope) -> None:
    if asked.other is not None and not scope.knows_user:
        raise NotFoundError("There is no such user.")
    if asked.group is not None and not scope.conversations:
        raise NotFoundError("There is no such group.")


_Parts = list["array[int]"]
_OWN: Final = " "


class _Search:
    """One search, while the index stays as it is or grows."""

    def __init__(self, cur: Cursor, scope: Scope, asked: Asked, is_late: Callable[[], bool]) -> None:
        self._cur = cur
        self._scope = scope
        self._before = SEQ_MAX if asked.before is None else asked.before
        self._is_late = is_late
        self._terms: Sequence[Term] = parse_query(asked.query)
        self._asked_words = {word for term in self._terms for word in term.words}
        self._lexemes: dict[str, str | None] = {}
        self._readable: Mapping[int, Sequence[tuple[int, int]]] | None = None
        self._has_read = False

    def first(self, most: int) -> list[tuple[int, str]]:
        """Find the newest messages: the number of each, and its snippet."""
        self._learn(self._asked_words)
        keys, beginnings = wanted_keys(self._terms, self._lexemes)
        found: list[tuple[int, str]] = []
        if not (keys or beginnings) or not self._scope.conversations:
            return found
        for seqs in _portions(self._candidates(keys, beginnings), most + most // 8):
            found += self._matching(seqs)
            if len(found) >= most:
                break
        return found[:most]

    def _candidates(self, keys: Sequence[str], beginnings: Sequence[str]) -> Iterator[int]:
        """Go through the messages that may match, from the newest on."""
        recent: dict[int, set[int]] = {}
        for seq in search.recent(self._cur, self._scope, self._before):
            recent.setdefault(seq // SEGMENT, set()).add(seq)
        newest = min(self._before - 1, self._scope.newest_seq) // SEGMENT
        portion = 1
        while newest >= 0:
            segments = range(newest, max(newest - portion, -1), -1)
            filed = self._filed(segments, keys, beginnings)
            for segment in segments:
                seqs = {segment * SEGMENT + offset for offset in filed.get(segment, ())}
                seqs |= recent.get(segment, set())
                yield from sorted((seq for seq in seqs if seq < self._before), reverse=True)
            newest -= portion
            portion = min(2 * portion, _MOST_SEGMENTS)
            if not any(filed.values()):
                newest = self._next(newest, recent)

    def _next(self, newest: int, recent: Mapping[int, set[int]]) -> int:
        """Find the newest segment up to one that has any message: a restoration leaves out thousands. -1 is none."""
        unindexed = max((segment for segment in recent if segment <= newest), default=-1)
        return max(unindexed, search.newest_segment(self._cur, newest))

    def _filed(self, segments: Sequence[int], keys: Sequence[str], beginnings: Sequence[str]) -> dict[int, set[int]]:
        """Look up the messages that may match, by segment: as many as it takes until they are few enough to be read."""
        asked: dict[int, dict[str, _Parts]] = {} if keys else {segment: {} for segment in segments}
        for segment, key, seqs in search.filed(self._cur, segments, keys) if keys else ():
            asked.setdefault(segment, {}).setdefault(key, []).append(unpack(seqs))
        if keys or max(map(len, beginnings)) < _TELLING:
            self._add_own(asked, [segment for segment, sets in asked.items() if _least(sets) > _MANY])
        for beginning in beginnings:
            self._add_beginning(asked, beginning)
        found = {segment: _intersection(list(sets.values())) for segment, sets in asked.items()}
        few = max(search.FEW, _ROWS_A_CONVERSATION * len(self._scope.conversations))
        left = {
            segment: {"": [array("H", its)]}
            for segment, its in found.items()
            if len(its) > few and _OWN not in asked[segment]
        }
        self._add_own(left, list(left))
        return found | {segment: _intersection(list(sets.values())) for segment, sets in left.items()}

    def _add_own(self, asked: Mapping[int, dict[str, _Parts]], segments: Sequence[int]) -> None:
        """Ask in segments for the messages of the conversations, too."""
        for segment in segments:
            asked[segment][_OWN] = []
        keys = [conversation_key(id_) for id_ in self._scope.conversations]
        for segment, seqs, key in search.filed_under_any(self._cur, segments, keys) if segments else ():
            ranges = self._spans().get(int(key))
            its = unpack(seqs)
            asked[segment][_OWN].append(its if ranges is None else inside(segment, its, ranges))

    def _spans(self) -> Mapping[int, Sequence[tuple[int, int]]]:
        """Look up what may be read of groups: one may have left those in which most is said."""
        if self._readable is None:
            self._readable = search.spans(self._cur, self._scope.user_id)
        return self._readable

    def _add_beginning(self, asked: Mapping[int, dict[str, _Parts]], beginning: str) -> None:
        """Ask for words that begin so, too, where more than a few messages are left."""
        wide = [segment for segment, sets in asked.items() if _least(sets) > search.FEW]
        for segment in wide:
            asked[segment][f"{beginning}*"] = []
        for segment, seqs in self._under_beginning(wide, beginning):
            asked[segment][f"{beginning}*"].append(unpack(seqs))

    def _under_beginning(self, segments: Sequence[int], beginning: str) -> list[tuple[int, memoryview]]:
        """Look up all words that begin so, in whatever form they are filed."""
        if not segments:
            return []
        rows = search.filed_from(self._cur, segments, beginning)
        return (
            rows if self._scope.language == SIMPLE else rows + search.filed_from(self._cur, segments, f"={beginning}")
        )

    def _matching(self, seqs: Sequence[int]) -> list[tuple[int, str]]:
        """Read messages, and keep those that match, in the same order: the newest first."""
        found: list[tuple[int, str]] = []
        while seqs:
            # Not before the first reading: a machine that stood still for a moment has not been asked for too much.
            if self._has_read and self._is_late():
                raise UnavailableError("The search takes too long: ask for rarer words, or in one conversation.")
            read = search.texts(self._cur, self._scope, seqs)
            self._has_read = True
            found += self._kept(read)
            if sum(len(each.body) for each in read) < search.TEXTS_BYTES:
                break
            seqs = [seq for seq in seqs if seq < read[-1].seq]
        return found

    def _kept(self, read: Sequence[Text]) -> list[tuple[int, str]]:
        texts = [(each.seq, text) for each in read if (text := _text(each)) is not None]
        words = [words_of(text) for _, text in texts]
        self._learn(set().union(*words))
        return [
            (seq, snippet(text, spans(self._terms, find_words(text), self._lexemes)))
            for (seq, text), its in zip(texts, words, strict=True)
            if matches(self._terms, its, self._lexemes)
        ]

    def _learn(self, words: set[str]) -> None:
        """Look up what words are filed under, as far as that is not known."""
        unknown = words - self._lexemes.keys()
        if unknown:
            self._lexemes |= search_index.lexemes(self._cur, self._scope.language, unknown)


def _least(sets: Mapping[str, _Parts]) -> float:
    """Say how many messages there are at most that are in all the sets."""
    return min([sum(len(part) for part in parts) for parts in sets.values()], default=math.inf)


def _intersection(sets: Sequence[_Parts]) -> set[int]:
    """Intersect sets that are given in parts, the smallest first."""
    least, *others = sorted(sets, key=lambda parts: sum(len(part) for part in parts))
    found: set[int] = set().union(*least)
    for parts in others:
        found = set().union(*[found.intersection(part) for part in parts])
    return found


def _portions(seqs: Iterator[int], size: int) -> Iterator[list[int]]:
    """Cut what is gone through into portions, small ones first."""
    while portion := list(islice(seqs, size)):
        yield portion
        size = min(2 * size, _MOST_TEXTS)


def _text(message: Text) -> str | None:
    return readable_text(message.content_type, message.body)
