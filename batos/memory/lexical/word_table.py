"""Short words of ASCII and their numbers, looked up for many texts at a time by arrays.

A dictionary of some hundred thousand words fits no processor's cache, so that each look at it waits for the memory.
Here a word of up to sixteen letters and digits is two integers of its eight first and next bytes, and all words of a
batch are looked up by a few operations on arrays, which wait for many at once.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from batos.memory.lexical.postings import Array
from batos.memory.query import CUTS

LONGEST = 16  # letters and digits of a word that is looked up so
FEWEST, MOST = 1 << 11, 1 << 18  # words that a table is made for at first, and at most; then it is begun anew
SPREAD = 4  # places for a word, so that few words are not where they are looked for first

_SPACE, _BEYOND_ASCII = ord(" "), 0x80
# By the number of bytes that a word has of eight: what leaves those of an integer, whose first byte is the lowest.
_MASKS = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)


@dataclass(frozen=True, slots=True)
class Cut:
    """The words of texts, in order: word i are the bytes of `signs` from `starts[i]` up to `ends[i]`, and of `given` as
    they were. `sizes` are the words of each text. `apart` tells of each whether it is too long, or not of ASCII."""

    given: bytes
    signs: bytes
    starts: Array
    ends: Array
    sizes: Array
    apart: Array

    def as_given(self, places: Array) -> list[str]:
        """The words at these places."""
        bounds = zip(self.starts[places].tolist(), self.ends[places].tolist(), strict=True)
        return [self.given[start:end].decode() for start, end in bounds]

    def keys(self) -> tuple[Array, Array]:
        """(the first eight bytes, the next eight bytes) of each word as an integer."""
        eights = np.ndarray((len(self.signs) - 7,), "<u8", self.signs, strides=(1,))  # those that begin at each byte
        lengths = self.ends - self.starts
        firsts = eights[self.starts] & _MASKS[np.minimum(lengths, 8)]
        seconds = eights[self.starts + 8] & _MASKS[np.clip(lengths - 8, 0, 8)]
        return firsts, seconds


def cut_texts(texts: Sequence[str]) -> Cut:
    """Texts cut at signs of ASCII, as `query.cut` does it."""
    parts = [text.encode("utf-8", "replace") for text in texts]
    given = b" %b%b" % (b" ".join(parts), b" " * LONGEST)
    signs = given.translate(CUTS)
    bytes_ = np.frombuffer(signs, np.uint8)
    is_word = bytes_ != _SPACE
    edges = np.flatnonzero(is_word[1:] != is_word[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    apart = ends - starts > LONGEST
    if not signs.isascii():
        apart |= np.maximum.reduceat(bytes_, starts) >= _BEYOND_ASCII
    beginnings = np.cumsum([1, *(len(part) + 1 for part in parts)])
    return Cut(given, signs, starts, ends, np.diff(starts.searchsorted(beginnings)), apart)


class WordTable:
    """Each word has a `number` and a `mark`. An open table: a word stands at the place that its keys lead to, or where
    the next one is free."""

    def __init__(self) -> None:
        # Drawn for each process, so that nobody can write words that all lead to one place.
        self._factors: Array = np.array([random.getrandbits(64) | 1 for _ in range(2)], np.uint64)
        self._make(FEWEST)

    def _make(self, room: int) -> None:
        """Empty, for so many words, a power of two."""
        self._held = 0
        self._room = room
        size = SPREAD * room
        self._last = size - 1
        self._shift = np.uint64(64 - self._last.bit_length())
        # What belongs to a word lies together. A first key of zero is a free place.
        table = np.zeros((size, 4), np.uint64)
        self._firsts, self._seconds, numbers, marks = table.T
        self._numbers, self._marks = numbers.view(np.int64), marks.view(np.int64)

    def find(self, firsts: Array, seconds: Array) -> tuple[Array, Array, Array]:
        """(numbers, marks, which of them it does not hold) of the words with these keys."""
        places = self._home(firsts, seconds)
        other = np.flatnonzero((self._firsts[places] != firsts) | (self._seconds[places] != seconds))
        lacking = [other[:0]]
        while len(other):
            free = self._firsts[places[other]] == 0
            lacking.append(other[free])
            other = other[~free]
            places[other] = self._after(places[other])
            at = places[other]
            other = other[(self._firsts[at] != firsts[other]) | (self._seconds[at] != seconds[other])]
        return self._numbers[places], self._marks[places], np.concatenate(lacking)

    def add(self, firsts: Array, seconds: Array, numbers: Array, marks: Array) -> None:
        """Take in distinct words that it does not hold; where they are too many, it forgets those that it held."""
        if self._held + len(firsts) > self._room:
            held = self._all() if self._held + len(firsts) <= MOST else self._all(0)
            self._make(max(FEWEST, 1 << (len(held[0]) + len(firsts) - 1).bit_length()))
            self._place(*held)
        self._place(firsts, seconds, numbers, marks)

    def _all(self, most: int | None = None) -> tuple[Array, Array, Array, Array]:
        taken = np.flatnonzero(self._firsts)[:most]
        return self._firsts[taken], self._seconds[taken], self._numbers[taken], self._marks[taken]

    def _place(self, firsts: Array, seconds: Array, numbers: Array, marks: Array) -> None:
        places = self._home(firsts, seconds)
        waiting = np.arange(len(firsts))
        while len(waiting):
            # Of those that come to the same free place, the last one is left there.
            coming = waiting[self._firsts[places[waiting]] == 0]
            at = places[coming]
            self._firsts[at], self._seconds[at] = firsts[coming], seconds[coming]
            self._numbers[at], self._marks[at] = numbers[coming], marks[coming]
            at = places[waiting]
            waiting = waiting[(self._firsts[at] != firsts[waiting]) | (self._seconds[at] != seconds[waiting])]
            places[waiting] = self._after(places[waiting])
        self._held += len(firsts)

    def _home(self, firsts: Array, seconds: Array) -> Array:
        mixed: Array = firsts * self._factors[0] + seconds * self._factors[1]
        return (mixed >> self._shift).astype(np.int64)

    def _after(self, places: Array) -> Array:
        return (places + 1) & self._last
