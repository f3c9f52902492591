"""Reading SyGuS problems that are given by examples: `(constraint (= (f "a" 1) "b"))` for one function `f`.

Format: SyGuS-IF, versions 1 and 2 (sygus.org). Of the grammar only the text constants are taken; what the function may
be made of is the writer's own business. Problems stated by formulas are not ours, and are told from bad files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SORTS = {"String": str, "Int": int, "Bool": bool}
TOKEN = re.compile(r"""\s+|;[^\n]*|(?P<text>"(?:[^"\\]|""|\\.)*")|(?P<mark>[()])|(?P<atom>[^\s()";]+)""", re.DOTALL)
LONGEST_CONSTANT = 12


class NotSygus(Exception):
    """The text is not SyGuS; the argument says why."""


@dataclass(frozen=True)
class Problem:
    """`examples` are pairs of arguments and result, without repetitions; `constants` the texts of the grammar."""

    selector: str
    examples: tuple[tuple[tuple[Any, ...], Any], ...]
    constants: tuple[str, ...]


class Text(str):
    """A text literal, as opposed to a symbol."""

    __slots__ = ()


def read(text: str) -> Problem | None:
    """The problem that a file states; None if it states one by more than examples. Raises NotSygus."""
    commands = list(_parsed(text))
    functions = [command for command in commands if isinstance(command, list) and command[:1] == ["synth-fun"]]
    if len(functions) != 1 or len(functions[0]) < 4 or not isinstance(functions[0][2], list):
        raise NotSygus("it has no single `synth-fun`")
    _, name, parameters, sort, *grammar = functions[0]
    sorts = [parameter[1] if isinstance(parameter, list) and len(parameter) == 2 else None for parameter in parameters]
    if any(not isinstance(each, str) or each not in SORTS for each in (*sorts, sort)):
        return None
    constraints = [command for command in commands if isinstance(command, list) and command[:1] == ["constraint"]]
    examples: dict[tuple[Any, ...], Any] = {}
    for constraint in constraints:
        found = _example(constraint, name, len(sorts))
        if found is None:
            return None
        examples.setdefault(*found)
    constants = dict.fromkeys(str(leaf) for leaf in _leaves(grammar) if isinstance(leaf, Text) and "'" not in leaf)
    offered = tuple(constant for constant in constants if 0 < len(constant) <= LONGEST_CONSTANT)
    return Problem(_selector(name), tuple(examples.items()), offered)


def _example(constraint: list[Any], name: str, count: int) -> tuple[tuple[Any, ...], Any] | None:
    """The arguments and the result of `(constraint (= (f …) value))`, either way round; None for another formula."""
    if len(constraint) != 2 or not isinstance(constraint[1], list) or len(constraint[1]) != 3:
        return None
    equals, one, other = constraint[1]
    if equals != "=":
        return None
    call, value = (one, other) if isinstance(one, list) and one[:1] == [name] else (other, one)
    if not isinstance(call, list) or call[:1] != [name] or len(call) != count + 1:
        return None
    try:
        return tuple(_value(part) for part in call[1:]), _value(value)
    except ValueError:
        return None


def _value(part: Any) -> Any:
    if isinstance(part, Text):
        return str(part)
    if isinstance(part, list):
        if len(part) == 2 and part[0] == "-":
            return -int(part[1])
        raise ValueError(part)
    return {"true": True, "false": False}[part] if part in ("true", "false") else int(part)


def _selector(name: str) -> str:
    plain = re.sub(r"\W+", "_", name).strip("_") or "f"
    return f"f_{plain}_" if plain[0].isdigit() else f"{plain}_"


def _leaves(parts: Any) -> Iterator[Any]:
    if isinstance(parts, list):
        for part in parts:
            yield from _leaves(part)
    else:
        yield parts


def _parsed(text: str) -> Iterator[Any]:
    """The expressions of a text: lists of lists, symbols and `Text`."""
    open_: list[list[Any]] = [[]]
    place = 0
    while place < len(text):
        token = TOKEN.match(text, place)
        if token is None:
            raise NotSygus(f"it cannot be read from character {place} on")
        place = token.end()
        if token["mark"] == "(":
            open_.append([])
        elif token["mark"] == ")":
            if len(open_) == 1:
                raise NotSygus("a parenthesis is closed that was not opened")
            done = open_.pop()
            open_[-1].append(done)
        elif token["text"] is not None:
            open_[-1].append(Text(_unquoted(token["text"])))
        elif token["atom"] is not None:
            open_[-1].append(token["atom"])
    if len(open_) > 1:
        raise NotSygus("a parenthesis is not closed")
    yield from open_[0]


def _unquoted(quoted: str) -> str:
    """A text literal: a doubled quote (version 2) or a backslash (version 1) stands before a quote."""
    return re.sub(r'""|\\(["\\])', lambda found: found[1] or '"', quoted[1:-1])
