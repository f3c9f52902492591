"""Texts as tokens, many at a time: the numbers that `Tokens` gives to the words of each.

Nearly all words are short and of ASCII; those are found by arrays (`word_table`). The others go one by one: those of
other alphabets, long ones, and what stands beside a text for its camel-case names and irregular words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from batos.memory.postings import Array
from batos.memory.query import CASES, cut, humps, irregular_forms, prepared_words
from batos.memory.tokens import Tokens
from batos.memory.word_table import LONGEST, Cut, WordTable, cut_texts, word_of

FEW = 3_000  # signs of texts whose words are sooner found one by one


class Told(NamedTuple):
    """The tokens of texts, one after the other; how many each text has; (text, sign) of the signs that begin one."""

    tokens: Array
    sizes: Array
    signs: list[tuple[int, int]]


class TextTokens:
    """Not for several threads at once."""

    def __init__(self) -> None:
        self.words = Tokens()
        self._table = WordTable()

    def of(self, texts: Sequence[str]) -> Told:
        if sum(map(len, texts)) < FEW:
            nothing = Told(np.empty(0, np.int64), np.zeros(len(texts), np.int64), [])
            return self._with_others(nothing, dict(enumerate(map(prepared_words, texts))))
        plain = [text if text.isascii() else "" for text in texts]
        words = cut_texts(plain)
        tokens, marks = self._found(words)
        others = _beside(plain, words.sizes, marks)
        others.update((place, prepared_words(text)) for place, text in enumerate(texts) if not text.isascii())
        return self._with_others(Told(tokens, words.sizes, []), others) if others else Told(tokens, words.sizes, [])

    def _found(self, words: Cut) -> tuple[Array, Array]:
        """(tokens, marks) of words; marks are those of `_mark`."""
        firsts, seconds = words.keys()
        tokens, marks, lacking = self._table.find(firsts, seconds)
        is_long = words.ends - words.starts > LONGEST
        if is_long.any():
            lacking = lacking[~is_long[lacking]]
            told = [words.word(place) for place in np.flatnonzero(is_long).tolist()]
            tokens[is_long], marks[is_long] = self.words.of(told)[0], [_mark(word) for word in told]
        if len(lacking):
            self._learn(firsts[lacking], seconds[lacking])
            tokens[lacking], marks[lacking], _ = self._table.find(firsts[lacking], seconds[lacking])
        return tokens, marks

    def _learn(self, firsts: Array, seconds: Array) -> None:
        keys = list(dict.fromkeys(zip(firsts.tolist(), seconds.tolist(), strict=True)))
        words = [word_of(*key) for key in keys]
        firsts, seconds = np.array(keys, np.uint64).T
        numbers, marks = self.words.numbers_of(words), [_mark(word) for word in words]
        self._table.add(firsts, seconds, np.array(numbers, np.int64), np.array(marks, np.int64))

    def _with_others(self, told: Told, others: dict[int, list[str]]) -> Told:
        """With these words at the ends of texts."""
        places = sorted(others)
        numbers: list[int] = []
        signs: list[tuple[int, int]] = []
        more = np.zeros(len(told.sizes), np.int64)
        for place, (some, begun) in zip(places, self.words.of_each([others[place] for place in places]), strict=True):
            numbers += some
            more[place] = len(some)
            signs += ((place, sign) for sign in begun)
        ends = np.repeat(np.cumsum(told.sizes), more)
        return Told(np.insert(told.tokens, ends, numbers), told.sizes + more, signs)


def _beside(texts: Sequence[str], sizes: Array, marks: Array) -> dict[int, list[str]]:
    """The words that stand beside texts of ASCII, as `query.prepared_words` has them, by the place of the text; `marks`
    are those of all their words."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    if b"aA" in " ".join(texts).encode().translate(CASES):
        for place, text in enumerate(texts):
            if parts := humps(text):
                found[place] += parts
    if marks.any():
        irregular = np.flatnonzero(marks)
        places = np.repeat(np.arange(len(texts)), sizes)[irregular]
        forms = _forms()
        for place, mark in sorted(set(zip(places.tolist(), marks[irregular].tolist(), strict=True))):
            found[place].append(irregular_forms()[forms[mark - 1]])
    return {place: cut(" ".join(words)) for place, words in found.items()}


def _mark(word: str) -> int:
    """What place an irregular form has among them, from 1; 0 for any other word."""
    return _marks().get(word, 0)


@cache
def _forms() -> list[str]:
    return sorted(irregular_forms())


@cache
def _marks() -> dict[str, int]:
    return {form: place for place, form in enumerate(_forms(), 1)}
