"""Looking for what is to be erased: runs of words, whatever stands between the words, in any case.

Words and not bytes, because a text that was quoted is wrapped, escaped and capitalised anew; whole words, because who
erases `Ada` does not mean `adapter`. Signs of Chinese, Japanese and Korean count as a word each.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from batos.objects.records import Intent
from batos.objects.values import texts_in

ERASED = "[erased]"
_CJK = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_CJK}]|[^\W{_CJK}]+")

QUOTE = 8  # words in a row that tell a quotation of a document from a chance
SHORTEST_QUOTE = 3  # of a document that has fewer words than that


class Phrases:
    """Runs of words, to be found in texts."""

    def __init__(self, runs: Iterable[tuple[str, ...]]) -> None:
        self._runs: defaultdict[int, set[tuple[str, ...]]] = defaultdict(set)
        for run in runs:
            self._runs[len(run)].add(run)

    @classmethod
    def of(cls, text: str) -> Phrases:
        """All of `text` as one run."""
        run = tuple(word for word, _, _ in words(text))
        return cls([run] if run else [])

    @classmethod
    def quoting(cls, texts: Iterable[str]) -> Phrases:
        """Every run of the texts that is long enough to be a quotation of them."""
        return cls(run for text in texts for run in _quotable([word for word, _, _ in words(text)]))

    def __bool__(self) -> bool:
        return bool(self._runs)

    def __or__(self, other: Phrases) -> Phrases:
        return Phrases(run for runs in (*self._runs.values(), *other._runs.values()) for run in runs)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where the runs stand in `text`, joined where they overlap."""
        found = list(words(text))
        spans: list[tuple[int, int]] = []
        for place in range(len(found)):
            for length, runs in self._runs.items():
                part = found[place : place + length]
                if len(part) == length and tuple(word for word, _, _ in part) in runs:
                    begin, end = part[0][1], part[-1][2]
                    if spans and begin <= spans[-1][1]:
                        spans[-1] = spans[-1][0], max(end, spans[-1][1])
                    else:
                        spans.append((begin, end))
        return spans

    def are_in(self, value: Any) -> bool:
        """Whether a run stands in any text of a plain value."""
        return any(self.spans(text) for text in texts_in(value))

    def masked(self, text: str) -> str:
        """`text` with a mark in place of each run."""
        parts, last = [], 0
        for begin, end in self.spans(text):
            parts += [text[last:begin], ERASED]
            last = end
        return "".join((*parts, text[last:]))


def words(text: str) -> Iterator[tuple[str, int, int]]:
    """(word without case, where it begins, where it ends)"""
    for found in _WORD.finditer(text):
        yield found[0].casefold(), found.start(), found.end()


def _quotable(run: list[str]) -> Iterator[tuple[str, ...]]:
    if len(run) >= QUOTE:
        for place in range(len(run) - QUOTE + 1):
            yield tuple(run[place : place + QUOTE])
    elif len(run) >= SHORTEST_QUOTE:
        yield tuple(run)


def masked(value: Any, phrases: Phrases) -> Any:
    """A plain value with every text masked; what is not plain stays as it is."""
    match value:
        case str():
            return phrases.masked(value)
        case bytes():
            hit = phrases.spans(value.decode("utf-8", "replace"))
            return phrases.masked(value.decode("utf-8", "replace")).encode() if hit else value
        case dict():
            return {masked(key, phrases): masked(entry, phrases) for key, entry in value.items()}
        case list() | tuple() | set() | frozenset():
            return type(value)(masked(entry, phrases) for entry in value)
        case Intent():
            return Intent(phrases.masked(value.text), _without(value.examples, phrases), value.retired)
    return value


def _without(examples: tuple[Any, ...], phrases: Phrases) -> tuple[Any, ...]:
    """The examples that hold none of it: a masked example would ask for something nobody meant."""
    return tuple(example for example in examples if not phrases.are_in(example))


def masked_contract(contract: dict[str, Any], phrases: Phrases) -> dict[str, Any]:
    """A method's contract without the examples that hold a run."""
    examples = [example for example in contract.get("examples", ()) if not phrases.are_in(example)]
    return {**masked({**contract, "examples": []}, phrases), "examples": examples} if contract else contract
