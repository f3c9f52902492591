"""The prelude, cut to what a method uses: reading it costs the sandbox more than running a short method."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

# What every activation ends with: the answer and the changes. After an exception only the changes are asked for, in a
# feed of their own, because a handler around the call would take the lines off the traceback.
CLOSING = "(_out(_method_(_me, *_a, **_k)), _changes())\n"
CHANGES = "_changes()\n"


@dataclass(frozen=True)
class _Section:
    name: str
    text: str
    uses: frozenset[str]


@cache
def _sections() -> dict[str, _Section]:
    text = resources.files(__package__).joinpath("prelude.py.txt").read_text(encoding="utf-8")
    sections = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            name = node.name
        else:
            assert isinstance(node, ast.Assign)
            assert isinstance(node.targets[0], ast.Name)
            name = node.targets[0].id
        sections[name] = _Section(name, ast.unparse(node) + "\n", names_in(node) - {name})
    return sections


def names_in(node: ast.AST) -> frozenset[str]:
    return frozenset(part.id for part in ast.walk(node) if isinstance(part, ast.Name))


def needed(uses: Iterable[str]) -> tuple[str, ...]:
    """The sections that code using these names needs, in the order of the file."""
    return _needed(frozenset(uses))


@lru_cache(maxsize=256)
def _needed(uses: frozenset[str]) -> tuple[str, ...]:
    sections = _sections()
    found: set[str] = set()
    waiting = [name for name in uses if name in sections]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(use for use in sections[name].uses if use in sections)
    return tuple(name for name in sections if name in found)


@lru_cache(maxsize=256)
def text_of(names: tuple[str, ...]) -> str:
    return "".join(_sections()[name].text for name in names)


@cache
def closing_needs() -> tuple[str, ...]:
    """The sections without which no activation can end."""
    return needed(names_in(ast.parse(CLOSING)))
