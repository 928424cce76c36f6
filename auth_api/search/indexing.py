"""Filling the index of search in the background, a bounded part at a time."""

import logging
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Final

from auth_api.pool import Cursor, Pool
from auth_api.queries import search_index
from auth_api.queries.search_index import SIMPLE, Searchable, State
from auth_api.search.postings import SEGMENT, Filing
from auth_api.search.words import conversation_key, keys_of, readable_text, words_of
from auth_api.side_task import SideTask

_MOST: Final = 4096
_MOST_BYTES: Final = 4 * 1024 * 1024
_LEAST: Final = 512
_LEAST_BYTES: Final = 1024 * 1024
"""What is not indexed yet, each search looks through; that is quick as long as it is not more than this."""
_EVERY_SECONDS: Final = 1.0
_BUSY_RATE: Final = 2000.0
"""Messages a second beyond which the machine is left to those who store them."""
_BUSY_MOST: Final = 1024
_BUSY_WAITING: Final = 50_000
"""While many messages come, indexing waits until so many do; then so many are indexed at once."""
_BUSY_SHARE: Final = 0.1
_SHARE: Final = 0.5
"""How much of the time is spent on indexing, when many messages come, and when not."""
_MOST_STALE: Final = 1000
_STALE_AT_ONCE: Final = 8
"""Messages whose other bodies are read at once: of each there may be a hundred edits, of 64 KiB."""
_READ_AT_ONCE: Final = 512
_WORDS_AT_ONCE: Final = 64
"""Messages that are held, and those of which all words are held as texts: some kilobytes of each."""
_SEARCHED: Final = frozenset({None, "reply", "thread", "edit"})

_LOG = logging.getLogger(__name__)


class Indexer:
    """A thread that indexes what was stored since; one worker's of each host does, the others' stand by."""

    def __init__(
        self, pool: Pool, language: str, is_us: Callable[[], bool] = lambda: True, *, least: int = _LEAST
    ) -> None:
        """Take the language to be searched in, such as english, and whether it is this worker that indexes.

        `least` is how many messages are indexed at least at once.
        """
        self._is_us = is_us
        self._least = least
        self._pool = pool
        self._language: str | None = language
        self._task = SideTask("indexer", "indexing", _EVERY_SECONDS, _LOG)
        self._seen: tuple[float, int] | None = None
        self._busy = False

    def start(self) -> None:
        """Begin; does not wait."""
        self._task.start(self._take_turn)

    def stop(self) -> None:
        """End the thread."""
        self._task.stop()

    def step(self, *, considerate: bool = False) -> bool:
        """Index what is next, unless another worker does; whether there is more. Raises UnavailableError.

        A considerate step leaves the machine to those who store messages, while they store many.
        """
        with self._pool.transaction() as cur:
            state = search_index.claim(cur)
            if state is None:
                return False
            state = self._in_language(cur, state)
            self._note(state)
            busy = considerate and self._busy
            if busy and state.newest_seq - state.indexed_seq < _BUSY_WAITING:
                return False
            stale = _forget_stale(cur, state)
            indexed, closed = _index_next(cur, state, _BUSY_MOST if busy else _MOST, self._least)
        self._language = None  # committed
        if closed:
            with self._pool.reading() as cur:
                search_index.sweep(cur)
        return stale or indexed

    def catch_up(self) -> None:
        """Index as long as there is enough of it. Raises UnavailableError."""
        while self.step():
            pass

    def _note(self, state: State) -> None:
        """See how many messages come at the moment."""
        before, self._seen = self._seen, (time.monotonic(), state.newest_seq)
        seconds = self._seen[0] - before[0] if before else 0.0
        self._busy = before is not None and seconds > 0 and (state.newest_seq - before[1]) / seconds > _BUSY_RATE

    def _in_language(self, cur: Cursor, state: State) -> State:
        """Let the index be in the language that is set, until that is committed."""
        language = self._language
        if language is None or language == state.language:
            return state
        if not search_index.knows_language(cur, language):
            said = "NIGHTJAR_SEARCH_LANGUAGE: Postgres has no dictionary %s_stem; search goes on in %s"
            _LOG.error(said, language, state.language)
            self._language = None
            return state
        _LOG.info("search goes from %s to %s: indexing all messages anew", state.language, language)
        search_index.set_language(cur, language)
        return state._replace(language=language, indexed_seq=0)

    def _take_turn(self) -> float | None:
        """Index, if it is this worker that does; when to go on, if there is more."""
        began = time.monotonic()
        if not self._is_us() or not self.step(considerate=True):
            return None
        share = _BUSY_SHARE if self._busy else _SHARE
        return (time.monotonic() - began) * (1 / share - 1)


def _index_next(cur: Cursor, state: State, most: int, least: int) -> tuple[bool, bool]:
    """Index the next messages if they are enough; whether they were, and whether the segment was closed."""
    filing, reached, count, size = Filing(), state.indexed_seq, 0, 0
    while reached < state.newest_seq and count < most and size < _MOST_BYTES:
        found = search_index.following(cur, reached, min(most - count, max(least, _READ_AT_ONCE)), _MOST_BYTES - size)
        count += len(found)
        size += sum([len(each.body) for each in found])
        if not found or (count < least and size < _LEAST_BYTES):
            break
        _file(cur, state.language, found, filing)
        reached = found[-1].seq
    if reached == state.indexed_seq:
        return False, False
    _write(cur, filing, state.indexed_seq, reached)
    search_index.reach(cur, reached)
    return True, state.indexed_seq // SEGMENT < reached // SEGMENT


def _forget_stale(cur: Cursor, state: State) -> bool:
    """Take the words of bodies that are gone out of the index; whether there may be more of them.

    What is left of those messages, an earlier body or another edit, stays in it.
    """
    taken = search_index.take_stale(cur, _MOST_STALE)
    stale = [seq for seq in taken if seq <= state.indexed_seq]
    for segment, seqs in groupby(stale, key=lambda seq: seq // SEGMENT):
        search_index.forget(cur, segment, seqs)
    for first in range(0, len(stale), _STALE_AT_ONCE):
        bodies = search_index.bodies(cur, stale[first : first + _STALE_AT_ONCE])
        left = [each for each in bodies if each.seq <= state.indexed_seq]
        if left:
            filing = Filing()
            _file(cur, state.language, left, filing)
            _write(cur, filing, state.indexed_seq, state.indexed_seq)
    return len(taken) == _MOST_STALE


def _file(cur: Cursor, language: str, messages: Sequence[Searchable], filing: Filing) -> None:
    """File messages under their words, an edit for the message that it changes."""
    for first in range(0, len(messages), _WORDS_AT_ONCE):
        some = messages[first : first + _WORDS_AT_ONCE]
        texts = [(each, set(words_of(text))) for each in some if (text := _text(each)) is not None]
        every = set().union(*[words for _, words in texts])
        found = {} if language == SIMPLE else search_index.lexemes(cur, language, every)
        for each, words in texts:
            target = each.relates_to if each.relation == "edit" and each.relates_to else each.seq
            keys = {key for word in words for key in keys_of(word, found)} if found else words
            filing.add(target, {conversation_key(each.conversation_id), *keys})


def _write(cur: Cursor, filing: Filing, before: int, reached: int) -> None:
    """Add what was filed to the index, which went up to `before`, and goes up to `reached` with it.

    The segments below that one are closed.
    """
    search_index.add(cur, filing.postings())
    for segment in sorted({before // SEGMENT, *filing.segments}):
        if segment < reached // SEGMENT:
            search_index.close(cur, segment)


def _text(message: Searchable) -> str | None:
    """Return what is indexed of a message; None for those that are no results."""
    return readable_text(message.content_type, message.body) if message.relation in _SEARCHED else None
