"""Tokens: texts as the numbers of their stems, the same way for what is remembered and for what is asked.

What a token is, SQLite's `porter unicode61` tokenizer says. It is asked once for each word that comes up: the numbers
are kept by word, and a natural language has few. A number is a hash of 64 bits, so that no table of words is needed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import cast

from batos.memory.query import TOKENIZER, is_cjk

YOUNG = 250_000  # words that may be met before those that were not met again meanwhile are forgotten
# How a word of ASCII ends that the stemmer may change: all of its rules begin with the end of a word.
STEMMED = frozenset("cdegilmnrstuy")
ODD = 0  # stands for a word that is not exactly one token

Numbers = Sequence[int]


class Tokens:
    """Not for several threads at once."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._odd: dict[str, tuple[list[int], list[int]]] = {}
        self._former: dict[str, int] = {}  # and what was odd among them
        self._former_odd: dict[str, tuple[list[int], list[int]]] = {}
        self._asked: sqlite3.Connection | None = None

    def of(self, words: Sequence[str]) -> tuple[Numbers, Numbers]:
        """(the tokens of these words in order, the signs that begin one of them)."""
        return next(self.of_each([words]))

    def of_each(self, read: Sequence[Sequence[str]]) -> Iterator[tuple[Numbers, Numbers]]:
        """The same for several texts, whose unknown words the tokenizer is asked for together."""
        if len(self._known) > YOUNG:
            self._former, self._former_odd = self._known, self._odd
            self._known, self._odd = {}, {}
        number = self._known.get
        found = [list(map(number, words)) for words in read]
        lacking = [place for place, numbers in enumerate(found) if None in numbers]
        pairs = (pair for place in lacking for pair in zip(read[place], found[place], strict=True))
        self._learn(self._not_remembered({word for word, known in pairs if known is None}))
        for place in lacking:
            found[place] = list(map(number, read[place]))
        for words, numbers in zip(read, cast("list[list[int]]", found), strict=True):
            yield self._with_odd(words, numbers) if ODD in numbers else (numbers, ())

    def _with_odd(self, words: Sequence[str], numbers: Numbers) -> tuple[Numbers, Numbers]:
        tokens: list[int] = []
        signs: list[int] = []
        for word, number in zip(words, numbers, strict=True):
            if number == ODD:
                tokens += self._odd[word][0]
                signs += self._odd[word][1]
            else:
                tokens.append(number)
        return tokens, signs

    def _not_remembered(self, unknown: set[str]) -> list[str]:
        """Those of the words that were never met, or not for long; the others are known from now on."""
        if not self._former:
            return list(unknown)
        for word in unknown:
            if word in self._former:
                self._known[word] = self._former[word]
                if word in self._former_odd:
                    self._odd[word] = self._former_odd[word]
        return [word for word in unknown if word not in self._known]

    def numbers_of(self, words: Sequence[str]) -> list[int]:
        """The tokens of these words of ASCII, of which each is one; none of them is kept."""
        return [number_of(stem) for stem in self._stems_of_plain(words)]

    def _learn(self, words: Sequence[str]) -> None:
        plain = [word for word in words if word.isascii()]
        self._known.update(zip(plain, self.numbers_of(plain), strict=True))
        others = [word for word in words if not word.isascii()]
        for word, stems in zip(others, self._stems(others), strict=True):
            signs = [stem[0] for stem in stems if is_cjk(stem[0])]
            if len(stems) == 1 and not signs:
                self._known[word] = number_of(stems[0])
            else:
                self._known[word] = ODD
                self._odd[word] = [number_of(stem) for stem in stems], [sign_number(sign) for sign in signs]

    def _stems(self, words: Sequence[str]) -> list[list[str]]:
        """The tokens of each word, as SQLite's tokenizer makes them."""
        found: list[list[str]] = [[] for _ in words]
        for place, _, stem in sorted(self._told([[word] for word in words]) if words else ()):
            found[place].append(stem)
        return found

    def _stems_of_plain(self, words: Sequence[str]) -> list[str]:
        """The same for words of ASCII, of which each is one token: they are asked for as one text, in a third of the
        time."""
        stems = list(words)
        asked = [place for place, word in enumerate(words) if word[-1] in STEMMED]
        for _, offset, stem in self._told([[words[place] for place in asked]]) if asked else ():
            stems[asked[offset]] = stem
        return stems

    def _told(self, texts: Sequence[Sequence[str]]) -> list[tuple[int, int, str]]:
        """(text, place in it, stem) of each token of texts, whose words are given."""
        if self._asked is None:
            self._asked = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            self._asked.execute(f"create virtual table asked using fts5 (word, content = '', tokenize = '{TOKENIZER}')")
            self._asked.execute("create virtual table token using fts5vocab (asked, 'instance')")
        database = self._asked
        database.execute("begin")
        try:
            database.executemany("insert into asked (rowid, word) values (?, ?)", enumerate(map(" ".join, texts)))
            return database.execute("select doc, offset, term from token").fetchall()
        finally:
            database.execute("rollback")

    def close(self) -> None:
        if self._asked is not None:
            self._asked.close()
            self._asked = None


def number_of(stem: str) -> int:
    """The number of a token, which is never 0."""
    return int.from_bytes(blake2b(stem.encode("utf-8", "replace"), digest_size=8).digest(), "big", signed=True) or 1


def sign_number(sign: str) -> int:
    """The number under which everything stands that has a token beginning with this sign."""
    return number_of(f"{sign}*")
