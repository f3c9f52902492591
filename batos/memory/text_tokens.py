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
from batos.memory.word_table import LONGEST, Cut, WordTable, cut_texts

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
            return self._one_by_one([prepared_words(text) for text in texts])
        plain = [text if text.isascii() else "" for text in texts]
        words = cut_texts(plain)
        tokens, marks = self._found(words)
        others = _beside(plain, words.sizes, marks)
        others.update((place, prepared_words(text)) for place, text in enumerate(texts) if not text.isascii())
        if not others:
            return Told(tokens, words.sizes, [])
        more = self._one_by_one([others.get(place, []) for place in range(len(texts))])
        ends = np.repeat(np.cumsum(words.sizes), more.sizes)
        return Told(np.insert(tokens, ends, more.tokens), words.sizes + more.sizes, more.signs)

    def _one_by_one(self, texts: Sequence[list[str]]) -> Told:
        """Of texts whose words are given."""
        read = list(self.words.of_each(texts))
        tokens = np.array([token for some, _ in read for token in some], np.int64)
        sizes = np.array([len(some) for some, _ in read], np.int64)
        return Told(tokens, sizes, [(place, sign) for place, (_, some) in enumerate(read) for sign in some])

    def _found(self, words: Cut) -> tuple[Array, Array]:
        """(tokens, marks) of words; marks are those of `_mark`."""
        firsts, seconds = words.keys()
        tokens, marks, lacking = self._table.find(firsts, seconds)
        is_long = words.ends - words.starts > LONGEST
        if is_long.any():
            lacking = lacking[~is_long[lacking]]
            told = words.of(np.flatnonzero(is_long))
            tokens[is_long], marks[is_long] = self.words.of(told)[0], [_mark(word) for word in told]
        if len(lacking):
            self._learn(words, lacking, firsts, seconds)
            tokens[lacking], marks[lacking], _ = self._table.find(firsts[lacking], seconds[lacking])
        return tokens, marks

    def _learn(self, words: Cut, lacking: Array, firsts: Array, seconds: Array) -> None:
        """Take the lacking words, which have these keys, into the table."""
        found = dict(zip(words.of(lacking), lacking.tolist(), strict=True))  # each once
        places = np.array(list(found.values()))
        numbers = np.array(self.words.numbers_of(list(found)), np.int64)
        self._table.add(firsts[places], seconds[places], numbers, np.array([_mark(word) for word in found], np.int64))


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
