"""Texts that are like English as far as an index is concerned: how often words occur, and how long they are."""

import random
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

_FREQUENT: Final = (
    "the of and to a in i is that it was for on you he be with as by at have are this not but had his they from"
    " she which or we an there her were one do been all their has would will what if can when so no out up said"
    " about who them some me my could than more time into only your two any other new our these over just get like"
    " now how then its know see also good well here go very think much way even want because come back make yes ok"
    " still need right down thanks work"
)
_SYLLABLES: Final = (
    "ba ne ti ro ker lan st ing er on al men de con pro ver li sa mo pe tri ous ly ed est hu gra wi fo cha"
)
_VOCABULARY: Final = 30_000
_LENGTH: Final = 100
_HALVES: Final = 20_000
_OFFSET: Final = 2.7
"""Of Zipf's law as Mandelbrot has it: the nth word occurs in proportion to 1 / (n + 2.7)."""


def vocabulary() -> list[str]:
    """List all words, the most frequent first; always the same."""
    chance = random.Random(1)
    words = dict.fromkeys(_FREQUENT.split())
    syllables = _SYLLABLES.split()
    while len(words) < _VOCABULARY:
        words["".join(chance.choices(syllables, k=chance.choice((2, 2, 3, 3, 4))))] = None
    return list(words)


def texts(words: list[str]) -> Iterator[str]:
    """Write texts of 100 characters, always the same, without end."""
    chance = random.Random(2)
    bounds = list(accumulate(1 / (number + _OFFSET) for number in range(len(words))))
    halves = [_half(chance.choices(words, cum_weights=bounds, k=16)) for _ in range(_HALVES)]
    while True:
        yield f"{chance.choice(halves)} {chance.choice(halves)}".ljust(_LENGTH, ".")


def _half(words: list[str]) -> str:
    written = ""
    for word in words:
        if len(written) + 1 + len(word) > _LENGTH // 2 - 1:
            break
        written += f" {word}" if written else word
    return written
