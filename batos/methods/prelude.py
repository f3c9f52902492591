"""The prelude, cut to what a method uses: reading it costs the sandbox more than running a short method.

What leads to the host has names that end in a number which this process drew, so that no method can call it past the
checks in front of it, or put something else in its place.
"""

from __future__ import annotations

import ast
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

from batos.parsing import parse_module

_ENDING = secrets.token_hex(8)
_HIDDEN = re.compile(
    r"\b(_host_[a-z]+|_object|_type|_isinstance|_len|_exec|_eval|_fetch|_fetched|_name|_text|_token|_number|_cache"
    r"|_written|_turn|_changes|_kinds|_out|_rare|_weighed|_left|_function|_lenders)\b"
)


def hidden(text: str) -> str:
    """The text with the names of the way to the host as they are in this process."""
    return _HIDDEN.sub(rf"\1_{_ENDING}", text)


# What every activation ends with: the answer and the changes. After an exception only the changes are asked for, in a
# feed of their own, because a handler around the call would take the lines off the traceback.
CLOSING = hidden("(_out(_method_(_me, *_a, **_k)), _changes())\n")
CHANGES = hidden("_changes()\n")


@dataclass(frozen=True)
class _Section:
    text: str
    uses: frozenset[str]


@cache
def _sections() -> dict[str, _Section]:
    """The definitions of the prelude by name, in the order of the file."""
    text = resources.files(__package__).joinpath("prelude.py.txt").read_text(encoding="utf-8")
    sections = {}
    for node in parse_module(text).body:
        if isinstance(node, ast.FunctionDef):
            name = node.name
        else:
            assert isinstance(node, ast.Assign)
            assert isinstance(node.targets[0], ast.Name)
            name = node.targets[0].id
        used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} - {name}
        sections[name] = _Section(hidden(ast.unparse(node)) + "\n", frozenset(used))
    return sections


@lru_cache(maxsize=256)
def needed(uses: frozenset[str]) -> tuple[str, ...]:
    """The sections that code using these names needs, in the order of the file."""
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


# The sections without which no activation can end.
ALWAYS = frozenset({"_out", "_changes"})


class Loaded:
    """The sections that a session has, and the text of those that it comes to need."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = set(names)

    def more(self, names: Iterable[str]) -> str:
        missing = tuple(name for name in names if name not in self._names)
        self._names.update(missing)
        return hidden(f"global {', '.join(missing)}\n") + text_of(missing) if missing else ""

    def fetched(self, name: object) -> str:
        """The text that defines a section that the session asks for by the name that it knows."""
        if type(name) is not str:
            return ""
        shown = name.removesuffix(f"_{_ENDING}")
        return self.more(needed(frozenset({shown}))) if hidden(shown) == name else ""
