"""Where a search starts: the arguments, the slots, and the constants worth trying.

Constants come from the intent's words, from characters of the examples, and from a short fixed list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from batos.methods.synthesis.brief import LARGEST, Case
from batos.methods.synthesis.nodes import Leaf, Node, constant
from batos.methods.synthesis.values import Column, is_number, keys_in, same, texts_in, type_of_column
from batos.methods.synthesis.words import Words, lexicon

KEYS = 24
"""More different record keys than this are taken for data, not for names worth having as constants."""

AFFIX = 4
"""What a result adds to the front or the end of an input is offered as a constant up to this length."""

TEXTS = 12
"""So many texts of inputs and of results are searched for punctuation."""


class Start(NamedTuple):
    """A leaf with its price; `feeds` if it is worth looking into item by item."""

    cost: int
    kind: str
    column: Column
    node: Node
    reads: int
    feeds: bool


@dataclass(frozen=True)
class Leaves:
    """All starts; bit masks of the arguments and of the slots that the intent mentions; names by bit."""

    starts: tuple[Start, ...]
    arguments: int
    mentioned: int


def leaves(
    cases: list[Case],
    results: list[Any],
    parameters: tuple[str, ...],
    words: Words,
    slot: str = "",
    more: Callable[[list[Case], int], Iterator[Start]] | None = None,
) -> Leaves:
    """Starts over `cases`: the examples, whose `results` are known, and then the probes.

    `slot` is the one that will be written: its new value often comes from the old one. `more` gives starts of other
    kinds, given the cases and the first bit that is free.
    """
    starts: list[Start] = []
    bit, arguments, mentioned = 1, 0, 0
    for place, name in enumerate(parameters):
        column = [case.inputs[place] for case in cases]
        arguments |= bit
        _put(starts, 1, column, (Leaf("argument", name),), bit)
        bit <<= 1
    for name in cases[0].slots:
        if not all(name in case.slots and len(repr(case.slots[name])) <= LARGEST for case in cases):
            continue
        named = words.mention(name)
        mentioned |= bit if named or name == slot else 0
        cost = 1 if named or name == slot else 3 if parameters else 2
        _put(starts, cost, [case.slots[name] for case in cases], (Leaf("slot", name),), bit)
        bit <<= 1
    if more is not None:
        starts += more(cases, bit)
    has_text = any(start.kind in ("text", "texts", "record", "records", "lists") for start in starts)
    for value, cost in _constants(cases[: len(results)], results, words).values():
        _put(starts, cost, [value] * len(cases), constant(value), 0)
    if has_text:
        for pattern, speaking in lexicon().patterns.items():
            cost = 1 if words.speak_for(speaking.split()) else 3
            starts.append(Start(cost, "pattern", [pattern] * len(cases), (Leaf("pattern", pattern),), 0, False))
    return Leaves(tuple(starts), arguments, mentioned)


def _put(starts: list[Start], cost: int, column: Column, node: Node, reads: int) -> None:
    if (kind := type_of_column(column)) is not None:
        starts.append(Start(cost, kind, column, node, reads, bool(reads)))


class _Constants(dict[tuple[type, Any], tuple[Any, int]]):
    """Values with their lowest price, in the order in which they were first offered."""

    def offer(self, value: Any, cost: int) -> None:
        key = (type(value), value)
        if key not in self or self[key][1] > cost:
            self[key] = (value, cost)


def _constants(cases: list[Case], results: list[Any], words: Words) -> _Constants:
    found = _Constants()
    fixed = lexicon().constants
    for numbers, cost in ((fixed.cheap, 2), (fixed.usual, 4), (fixed.rare, 5)):
        for number in numbers:
            found.offer(number, cost)
    for text, cost in (("", 3), (" ", 2), (",", 4), ("-", 4)):
        found.offer(text, cost)
    _offer_words(found, words)
    _offer_punctuation(found, cases, results)
    _offer_results(found, cases, results)
    keys = list(dict.fromkeys(keys_in([[list(case.inputs), list(case.slots.values())] for case in cases])))
    for key in keys if len(keys) <= KEYS else ():
        found.offer(key, 1 if words.mention(key) else 2)
    return found


def _offer_words(found: _Constants, words: Words) -> None:
    stated = lexicon().stated.split()
    from_end = not words.known.isdisjoint(lexicon().from_end.split())
    for word in words.listed:
        if word[0].isdigit():
            number = float(word) if "." in word else int(word)
            found.offer(number, 1)
            found.offer(number + 1, 3)  # "up to 59" may mean below 60
        for number in lexicon().numbers.get(word, ()):
            found.offer(number, 1 if word in stated or word == "one" else 2)
            if from_end:
                found.offer(-number, 2)
        for text in lexicon().texts.get(word, ()):
            found.offer(text, 2)
        if len(word) == 1:
            found.offer(word, 2)
    for text in words.quoted:
        found.offer(text, 1)


def _offer_punctuation(found: _Constants, cases: list[Case], results: list[Any]) -> None:
    inputs = texts_in([[list(case.inputs), list(case.slots.values())] for case in cases])
    for texts, cost in ((texts_in(list(results)), 3), (inputs, 4)):
        for text in texts[:TEXTS]:
            for mark in re.findall(r"[^\w\s] ?|_", text):
                found.offer(mark.strip(), cost)
                found.offer(mark, cost)
    for case, result in zip(cases, results, strict=True):
        for text in texts_in([list(case.inputs), list(case.slots.values())]) if isinstance(result, str) else ():
            for rest in (result.removeprefix(text), result.removesuffix(text)):
                if text and rest != result and 0 < len(rest) <= AFFIX:
                    found.offer(rest, 4)


def _offer_results(found: _Constants, cases: list[Case], results: list[Any]) -> None:
    """Numbers that are results, what is always the result, texts that stand in every result list but in no input."""
    always = len(results) > 1 and all(same(result, results[0]) for result in results[1:])
    if always and type(results[0]) in (str, int, float, bool):
        found.offer(results[0], 2)
    for result in results:
        if is_number(result) and 1 < abs(result) <= 1000:
            found.offer(result, 6)
    widths = {len(run) for text in texts_in(list(results)) for run in re.findall(r"\d+", text)}
    if len(widths) == 1 and len(results) > 1:  # numbers of a fixed width, perhaps padded
        found.offer(widths.pop(), 4)
    if results and all(isinstance(result, list) for result in results):
        inputs = " ".join(texts_in([[list(case.inputs), list(case.slots.values())] for case in cases]))
        for text in dict.fromkeys(texts_in(results[0])):
            everywhere = all(any(same(text, item) for item in result) for result in results)
            if len(text) < 12 and everywhere and text not in inputs:
                found.offer(text, 4)
