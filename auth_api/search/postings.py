"""Postings: which messages have a word, as the index keeps them. No I/O.

A segment is `SEGMENT` numbers of messages. What has a word in it is kept as two bytes for each message.
"""

import sys
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

SEGMENT: Final = 65536


class Posting(NamedTuple):
    """A word, a segment, and the messages of it that have the word, packed."""

    segment: int
    word: str
    seqs: bytes


class Filing:
    """Files words of messages."""

    def __init__(self) -> None:
        self._segments: dict[int, defaultdict[str, array[int]]] = {}

    def add(self, seq: int, words: Iterable[str]) -> None:
        """File a message under words, each of them once."""
        segment, offset = divmod(seq, SEGMENT)
        filed = self._segments.setdefault(segment, defaultdict(_none))
        for word in words:
            filed[word].append(offset)

    @property
    def segments(self) -> set[int]:
        """In which segments there is something."""
        return {segment for segment, filed in self._segments.items() if filed}

    def postings(self) -> Iterator[Posting]:
        """Go through what was filed, in the order of segment and word."""
        for segment, filed in sorted(self._segments.items()):
            for word in sorted(filed):
                yield Posting(segment, word, _packed(filed[word]))


def unpack(seqs: bytes | memoryview) -> "array[int]":
    """Read packed messages: their numbers within the segment."""
    read = array("H")
    read.frombytes(seqs)
    if sys.byteorder == "big":
        read.byteswap()
    return read


def without(seqs: bytes | memoryview, dropped: set[int]) -> bytes:
    """Take messages out of packed ones."""
    return _packed(array("H", [offset for offset in unpack(seqs) if offset not in dropped]))


def inside(segment: int, seqs: "array[int]", ranges: Iterable[tuple[int, int]]) -> "array[int]":
    """Keep those of a segment's messages whose numbers are in one of the ranges (after, until]."""
    first = segment * SEGMENT
    kept: set[int] = set()
    for after, until in ranges:
        low, high = max(after + 1 - first, 0), min(until - first, SEGMENT - 1)
        if low == 0 and high == SEGMENT - 1:
            return seqs
        kept.update(range(low, high + 1))
    return array("H", [seq for seq in seqs if seq in kept])


def _none() -> "array[int]":
    return array("H")


def _packed(seqs: "array[int]") -> bytes:
    if sys.byteorder == "big":
        seqs = array("H", seqs)
        seqs.byteswap()
    return seqs.tobytes()
