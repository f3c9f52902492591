"""The examples that a source gives of itself in its docstring: what its writer proposed, and no proof of anything."""

from __future__ import annotations

import ast
from doctest import DocTestParser
from typing import Any

from batos.errors import SlotRefused
from batos.objects.values import freeze
from batos.parsing import parse_expression, parse_module

MOST = 6


def claimed(source: str, selector: str) -> list[dict[str, Any]]:
    """Examples as JSON, from lines such as `>>> greeter.initials_("ada lovelace")`; only plain values are read.

    They are marked as not given. What cannot be read as an example of the selector is passed over.
    """
    function = parse_module(source).body[0]
    text = ast.get_docstring(function) if isinstance(function, ast.FunctionDef) else None
    try:
        written = DocTestParser().get_examples(text or "")
    except ValueError:  # its indentation is none that a doctest has
        return []
    found = (_read(example.source, example.want, selector) for example in written)
    return [example for example in found if example is not None][:MOST]


def _read(line: str, want: str, selector: str) -> dict[str, Any] | None:
    try:
        call = parse_expression(line.strip()).body
        if not isinstance(call, ast.Call) or _name(call.func) != selector:
            return None
        args = [ast.literal_eval(argument) for argument in call.args]
        kwargs = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg}
        result = ast.literal_eval(parse_expression(want.strip()))
        return {
            "args": [freeze(value) for value in args],
            "kwargs": {name: freeze(value) for name, value in kwargs.items()},
            "given": False,
            "result": freeze(result),
        }
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError, SlotRefused):
        return None


def _name(function: ast.expr) -> str | None:
    """The selector of `selector(…)` and of `receiver.selector(…)`."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None
