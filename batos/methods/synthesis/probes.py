"""Inputs without answers, made from the examples: programs that agree on the examples but differ here stay distinct,
and the first such input is the question that would decide between them.

An input is changed consistently: letters shifted, lists rotated, numbers moved; the keys of records are kept. The last
way makes everything longer: a method that counts positions tells itself from one that looks for what stands there.
"""

from __future__ import annotations

import re
from typing import Any

from batos.methods.synthesis.brief import LARGEST, Brief, Case
from batos.methods.synthesis.edges import edges
from batos.methods.synthesis.evidence import numbers_in
from batos.methods.synthesis.values import each_part, is_number, keys_in, type_of
from batos.methods.synthesis.words import Words

MADE = 4
"""How many probes are made from the examples; the caller's own message is one more."""


LONGER = 3
"""The way that makes inputs longer."""

RUN = re.compile(r"[A-Za-z]+|[0-9]+")


def probes(brief: Brief) -> list[Case]:
    """The probe inputs of a brief; the caller's own message first, if it looks like the examples."""
    kept = frozenset(key for case in brief.cases for key in keys_in([list(case.inputs), case.slots]))
    made = []
    if brief.message is not None and _alike(brief.message, brief.cases) and not _is_example(brief.message, brief.cases):
        made.append(brief.message)
    for turn in range(MADE):
        probe = changed(brief.cases[turn % len(brief.cases)], turn, kept)
        if not _is_example(probe, (*brief.cases, *made)):
            made.append(probe)
    if (bound := at_bound(brief)) is not None and not _is_example(bound, (*brief.cases, *made)):
        made.append(bound)
    return [*made, *(each for each in edges(brief.cases) if not _is_example(each, (*brief.cases, *made)))]


def at_bound(brief: Brief) -> Case | None:
    """The first example with the one number that the intent names in the place of every number; None if there is no
    such number, or an example holds it."""
    named = Words(brief.selector, brief.intent).numerals
    case = brief.cases[0]
    held = {number for each in brief.cases for number in numbers_in([list(each.inputs), each.slots])}
    if len(named) != 1 or not held or held & set(named):
        return None
    number = int(named[0]) if named[0].is_integer() else named[0]
    return case.changed(lambda value: each_part(value, lambda part: number if is_number(part) else part))


def _alike(message: Case, cases: tuple[Case, ...]) -> bool:
    kinds = [type_of(value) for value in message.inputs]
    return (
        message.size <= LARGEST
        and list(message.kwargs) == list(cases[0].kwargs)
        and any(kinds == [type_of(value) for value in case.inputs] for case in cases)
    )


def _is_example(message: Case, cases: tuple[Case, ...]) -> bool:
    return any((message.inputs, message.slots) == (case.inputs, case.slots) for case in cases)


def changed(case: Case, turn: int, kept: frozenset[str]) -> Case:
    """`case` changed in the way number `turn` (0 to 3), without results."""
    return case.changed(lambda value: change(value, turn, kept))


def change(value: Any, turn: int, kept: frozenset[str]) -> Any:
    kind = type(value)
    if kind is bool:
        return not value if turn else value
    if kind is str:
        return value if value in kept else _text(value, turn)
    if kind is int:
        return _integer(value, turn)
    if kind is float:
        if turn == LONGER:
            return value * 8 + 0.5
        return value / 4 if turn == 2 else value * (1.5 if turn == 0 else 0.75) + 1
    if kind is tuple:
        return tuple(change(part, turn, kept) for part in value)
    if kind is dict:
        entries = [(key, change(part, turn, kept)) for key, part in value.items()]
        return dict(reversed(entries) if turn == 1 else entries)
    if kind is list:
        return _list(value, turn, kept)
    return value


def _integer(number: int, turn: int) -> int:
    """Equal numbers stay equal; the second way changes their order."""
    if turn == LONGER:
        return number * 101 + 5
    if turn == 2:
        return number // 2
    if turn == 0:
        return number + 3
    return (number * 7 + 3) % 13 if abs(number) <= 12 else number + number * 7 % 13 - 6


def _text(text: str, turn: int) -> str:
    if turn == LONGER:
        return RUN.sub(lambda run: run[0][-1] + run[0], text)
    if turn == 2:
        return text.split(" ")[-1] if " " in text else text[:-1]
    shifted = "".join(_shifted(letter, turn + 1) for letter in text)
    if turn == 1 and " " in shifted:
        words = shifted.split(" ")
        return " ".join([*reversed(words), words[0]])
    return shifted + shifted[:2] if turn == 1 and shifted.isalpha() else shifted


def _shifted(letter: str, by: int) -> str:
    for first, size in (("a", 26), ("A", 26), ("0", 10)):
        place = ord(letter) - ord(first)
        if 0 <= place < size:
            return chr(ord(first) + (place + by) % size)
    return letter


def _list(items: list[Any], turn: int, kept: frozenset[str]) -> list[Any]:
    if turn == LONGER:
        return [change(item, 1, kept) for item in items[-1:]] + [change(item, 0, kept) for item in items] + items[:1]
    if turn == 2:
        return [change(item, 1, kept) for item in sorted(items, key=repr)][: max(1, len(items) - 1)]
    moved = [change(item, turn, kept) for item in items]
    return moved[1:] + moved[:1] if turn == 0 else moved[::-1] + moved[1:2]
