"""Inputs at the edges of what the examples show: nothing in them, stray blanks and empty parts, what is there already.

Methods that agree on the examples often part here: one counts what is empty, the other fails; one trims. Like other
probes they have no results; a question may be asked about one of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from batos.methods.synthesis.brief import ABSENT, Case
from batos.methods.synthesis.values import each_part, is_number, keys_in, type_of

MARK = re.compile(r"[^\w\s]")


def edges(cases: tuple[Case, ...]) -> Iterator[Case]:
    """The edge inputs that differ from the examples they are made of."""
    kept = frozenset(key for case in cases for key in keys_in([list(case.inputs), case.slots]))
    made = (
        _changed(cases[0], _emptied),
        _numbered(cases[0], 0),
        _numbered(cases[-1], -1),
        _untidy(cases[-1], kept),
        _tied(cases[0]),
        _cased(cases[0]),
        _mixed(cases[-1], kept),
        *_members(cases),
    )
    for each in made:
        if each is not None:
            yield replace(each, result=ABSENT, raises=None, slots_after=None)


def _changed(case: Case, change: Callable[[Any], Any]) -> Case | None:
    """The case with every argument and slot changed; None if nothing is."""
    made = case.changed(change)
    return made if (made.inputs, made.slots) != (case.inputs, case.slots) else None


def is_blank(case: Case) -> bool:
    """Whether there is nothing in all the texts and lists of a case, and there are some."""
    values = [value for value in (*case.inputs, *case.slots.values()) if isinstance(value, (str, list, dict))]
    return bool(values) and all(_emptied(value) == value for value in values)


def _emptied(value: Any) -> Any:
    """Nothing in the texts and lists; a record keeps its keys, since without them it is another thing."""
    if isinstance(value, dict):
        return {key: _emptied(part) for key, part in value.items()}
    return type(value)() if isinstance(value, (str, list)) else value


def _numbered(case: Case, times: int) -> Case | None:
    """Every number times `times`: all of them 0, or on the other side of it."""
    return _changed(case, lambda value: each_part(value, lambda part: part * times if is_number(part) else part))


def _untidy(case: Case, kept: frozenset[str]) -> Case | None:
    def untidy(part: Any) -> Any:
        return _stray(part) if isinstance(part, str) and part not in kept else part

    return _changed(case, lambda value: each_part(value, untidy))


def _stray(text: str) -> str:
    """Blanks around it and doubled inside, each mark twice, every second word in the other case."""
    words = MARK.sub(lambda mark: mark[0] * 2, text).split(" ")
    mixed = [word.swapcase() if place % 2 else word for place, word in enumerate(words)]
    return f" {'  '.join(mixed)} "


def _cased(case: Case) -> Case | None:
    """The last of several texts in the other case: what was found in the others is to be found still, or not."""
    places = [place for place, value in enumerate(case.args) if isinstance(value, str)]
    if len(places) < 2:
        return None
    last = places[-1]
    return replace(case, args=(*case.args[:last], case.args[last].swapcase(), *case.args[last + 1 :]))


def _mixed(case: Case, kept: frozenset[str]) -> Case | None:
    """A blank, a digit and a mark within the texts of lists."""

    def parted(part: Any) -> Any:
        return f"{part[:1]} 7-{part[1:]}" if isinstance(part, str) and part not in kept else part

    def mixed(value: Any) -> Any:
        return [parted(part) for part in value] if isinstance(value, list) else value

    return _changed(case, mixed)


def _members(cases: tuple[Case, ...]) -> Iterator[Case]:
    """An argument that stands in a list of the same input already, and not at its end."""
    for case in cases:
        lists = [value for value in (*case.inputs, *case.slots.values()) if isinstance(value, list) and len(value) > 1]
        for place, argument in enumerate(case.args):
            for items in lists:
                if type_of(items[0]) == type_of(argument) and items[0] != argument:
                    yield replace(case, args=(*case.args[:place], items[0], *case.args[place + 1 :]))
                    return


def _tied(case: Case) -> Case | None:
    """The largest of each list stands in it once more."""

    def tied(value: Any) -> Any:
        if not isinstance(value, list) or not value:
            return value
        alike = all(isinstance(part, str) for part in value) or all(map(is_number, value))
        return [*value, max(value)] if alike else value

    return _changed(case, tied)
