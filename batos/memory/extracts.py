"""Extracts: the sentences that stand for several passages, chosen by how central they are among all of theirs.

A sentence is central when the words it is made of return in the others: the degree centrality of LexRank (Erkan and
Radev, 2004), with words compared by their beginnings and stop words left out. No model is asked.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from batos.memory.chunking import count_tokens
from batos.memory.query import stop_words

# A word is compared by so many of its first letters, which is stemming enough to see that words return.
STEM = 6
LONGEST_SENTENCE = 60  # tokens; what is longer is cut into pieces, so that a text without full stops has sentences too
MOST_SENTENCES = 400

_SENTENCE = re.compile(r"[^\n]+?(?:[.!?。！？]+[\"'”’)]*(?=\s|$)|(?<=[。！？])|(?=\n)|$)")
_WORD = re.compile(r"[^\W_]+")
_PIECE = re.compile(r"\S+\s*")


@dataclass(frozen=True)
class Sentence:
    """`passage` is the number of the passage that it comes from."""

    passage: int
    text: str
    tokens: int
    stems: frozenset[str]


def extract(passages: Sequence[str], budget: int) -> str:
    """The most central sentences of `passages` within `budget` tokens, in their order. Empty only without words."""
    found = [sentence for number, passage in enumerate(passages) for sentence in _sentences(number, passage)]
    found = found[:MOST_SENTENCES]
    shared = Counter(stem for sentence in found for stem in sentence.stems)
    order = sorted(range(len(found)), key=lambda place: (-_centrality(found[place], shared), place))
    chosen: list[int] = []
    seen: set[str] = set()
    room = budget
    for place in order:
        sentence = found[place]
        if sentence.tokens <= room and sentence.text not in seen:
            chosen.append(place)
            seen.add(sentence.text)
            room -= sentence.tokens
    return _joined([found[place] for place in sorted(chosen)])


def _centrality(sentence: Sentence, shared: Counter[str]) -> float:
    return sum(shared[stem] - 1 for stem in sentence.stems) / math.sqrt(len(sentence.stems))


def _joined(sentences: Sequence[Sentence]) -> str:
    """What comes from one passage on one line."""
    lines: dict[int, list[str]] = {}
    for sentence in sentences:
        lines.setdefault(sentence.passage, []).append(sentence.text)
    return "\n".join(" ".join(line) for line in lines.values())


def _sentences(number: int, passage: str) -> list[Sentence]:
    found = []
    for match in _SENTENCE.finditer(passage):
        for text in _pieces(match[0].strip()):
            stems = frozenset(
                word[:STEM] for word in (part.casefold() for part in _WORD.findall(text)) if word not in stop_words()
            )
            if stems:
                found.append(Sentence(number, text, count_tokens(text), stems))
    return found


def _pieces(text: str) -> list[str]:
    if count_tokens(text) <= LONGEST_SENTENCE:
        return [text]
    pieces: list[str] = []
    words: list[str] = []
    size = 0
    for word in _PIECE.findall(text):
        tokens = count_tokens(word)
        if words and size + tokens > LONGEST_SENTENCE:
            pieces.append("".join(words).strip())
            words, size = [], 0
        words.append(word[: 8 * LONGEST_SENTENCE])
        size += tokens
    return [*pieces, "".join(words).strip()]
