"""Texts as tokens, many at a time: the numbers that `Tokens` gives to the words of each.

Nearly all words are short and of ASCII; those are found by arrays (`word_table`). The others go one by one: long ones,
those with other signs, and what stands beside a text for its camel-case names and irregular words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np

from batos.memory.lexical.postings import Array
from batos.memory.lexical.tokens import Tokens
from batos.memory.lexical.word_table import Cut, WordTable, cut_texts
from batos.memory.query import CASES, cut, folded_words, humps, irregular_forms, plain_words, prepared_words

FEW = 3_000  # signs of texts whose words are sooner found one by one
LONGEST_KEPT = 40  # signs of a word that may come again
NONE: Array = np.empty(0, np.int64)


class Told(NamedTuple):
    """The tokens of texts, one after the other, and how many each text has; the signs that begin one, and the text that
    each of those is in."""

    tokens: Array
    sizes: Array
    signs: Array
    signed: Array


class TextTokens:
    """Not for several threads at once."""

    def __init__(self) -> None:
        self.words = Tokens()
        self._table = WordTable()

    def of(self, texts: Sequence[str]) -> Told:
        if sum(map(len, texts)) < FEW:
            return self._one_by_one([prepared_words(text) for text in texts])
        words = cut_texts(texts)
        tokens, marks = self._found(words)
        of_text = np.repeat(np.arange(len(texts)), words.sizes)  # which one each word is of
        irregular = np.flatnonzero(marks)
        forms = set(zip(of_text[irregular].tolist(), marks[irregular].tolist(), strict=True))
        told = Told(tokens, words.sizes, NONE, NONE)
        if words.apart.any():
            told = self._with_apart(told, words, of_text, forms)
        beside = _beside(texts, words, forms)
        if not beside:
            return told
        more = self._one_by_one([beside.get(place, ()) for place in range(len(texts))])
        ends = np.repeat(np.cumsum(told.sizes), more.sizes)
        return told._replace(tokens=np.insert(told.tokens, ends, more.tokens), sizes=told.sizes + more.sizes)

    def _one_by_one(self, texts: Sequence[Sequence[str]]) -> Told:
        """Of texts whose words are given."""
        read = list(self.words.of_each(texts))
        tokens = np.array([token for some, _ in read for token in some], np.int64)
        sizes = np.array([len(some) for some, _ in read], np.int64)
        signs = [sign for _, some in read for sign in some]
        if not signs:
            return Told(tokens, sizes, NONE, NONE)
        signed = np.repeat(np.arange(len(read)), [len(some) for _, some in read])
        return Told(tokens, sizes, np.array(signs, np.int64), signed)

    def _found(self, words: Cut) -> tuple[Array, Array]:
        """(tokens, marks) of words; marks are those of `_mark`. Both are zero for those that are apart."""
        firsts, seconds = words.keys()
        tokens, marks, lacking = self._table.find(firsts, seconds)
        lacking = lacking[~words.apart[lacking]]
        if len(lacking):
            self._learn(words.as_given(lacking), lacking, firsts, seconds)
            tokens[lacking], marks[lacking], _ = self._table.find(firsts[lacking], seconds[lacking])
        tokens[words.apart] = marks[words.apart] = 0
        return tokens, marks

    def _learn(self, words: Sequence[str], places: Array, firsts: Array, seconds: Array) -> None:
        """Take the words at these places into the table."""
        found = dict(zip(map(str.lower, words), places.tolist(), strict=True))  # each once
        places = np.array(list(found.values()))
        numbers = np.array(self.words.numbers_of(list(found)), np.int64)
        self._table.add(firsts[places], seconds[places], numbers, np.array([_mark(word) for word in found], np.int64))

    def _with_apart(self, told: Told, words: Cut, of_text: Array, forms: set[tuple[int, int]]) -> Told:
        """With the tokens of the words that are apart, which may be none or several each; what is irregular in them is
        added to `forms`."""
        places = np.flatnonzero(words.apart)
        given = words.as_given(places)
        read = [_apart(word) if len(word) <= LONGEST_KEPT else _apart.__wrapped__(word) for word in given]
        more = self._one_by_one([folded for folded, _ in read])
        times = np.ones(len(told.tokens), np.int64)
        times[places] = more.sizes
        tokens = np.repeat(told.tokens, times)
        tokens[np.repeat(words.apart, times)] = more.tokens
        before = np.append(0, np.cumsum(times))  # tokens before each word
        sizes = np.diff(before[np.append(0, np.cumsum(words.sizes))])
        texts = of_text[places]
        forms.update((text, mark) for text, (_, marks) in zip(texts.tolist(), read, strict=True) for mark in marks)
        return Told(tokens, sizes, more.signs, texts[more.signed])


def _beside(texts: Sequence[str], words: Cut, forms: Iterable[tuple[int, int]]) -> dict[int, list[str]]:
    """The words that stand beside texts, as `query.prepared_words` has them, by the place of the text; `forms` are
    (text, mark) of its irregular words."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    if b"aA" in words.given.translate(CASES):
        for place, text in enumerate(texts):
            if parts := humps(text):
                found[place] += parts
    for place, mark in sorted(forms):
        found[place].append(irregular_forms()[_forms()[mark - 1]])
    return {place: cut(" ".join(parts)) for place, parts in found.items()}


def _mark(word: str) -> int:
    """What place an irregular form has among them, from 1; 0 for any other word."""
    return _marks().get(word, 0)


@lru_cache(4_096)
def _apart(word: str) -> tuple[Sequence[str], Sequence[int]]:
    """(the words, the marks of what is irregular) in one that is apart."""
    return folded_words(word), [mark for part in plain_words(word) if (mark := _mark(part))]


@cache
def _forms() -> list[str]:
    return sorted(irregular_forms())


@cache
def _marks() -> dict[str, int]:
    return {form: place for place, form in enumerate(_forms(), 1)}
