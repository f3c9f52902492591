"""The forms that look at a list item by item (`forms.toml`): comprehensions, sorting by key, grouping.

Like operations, but their operands are a list and what an inner search found about its items.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict

from batos.methods.synthesis.templates import fill, parse
from batos.methods.synthesis.values import LISTS

ITEM, INDEX = "item", "index"
"""The names that item and index have in every tree, until `emit` finds better ones."""

Value = Callable[[Any, Any, Any], Any]
"""value(source, bodies, tests) of one input; raises where the form has no value."""


class Row(BaseModel):
    """One table of the file; the meaning of the fields is written at its head."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    value: str
    body: tuple[str, ...] = ()
    test: bool = False
    mixed: bool = False
    over: tuple[str, ...] = LISTS
    indexed: bool = True
    cost: int
    words: str = ""
    implies: str = ""


@dataclass(frozen=True, eq=False)
class Form:
    name: str
    body: tuple[str, ...]
    test: bool
    mixed: bool
    over: tuple[str, ...]
    indexed: bool
    cost: int
    words: tuple[str, ...]
    implies: tuple[str, ...]
    template: ast.expr
    value: Value

    def tree(self, source: ast.expr, *parts: ast.expr) -> ast.expr:
        """`parts` are the body, if the form has one, and the test, if it has one."""
        names = [name for name, used in (("body", self.body), ("test", self.test)) if used]
        filled = fill(self.template, {"source": source, **dict(zip(names, parts, strict=True))})
        if self.indexed and any(uses(part, INDEX) for part in parts):
            return _enumerated(filled, source)
        return filled


@cache
def forms() -> tuple[Form, ...]:
    """Every form, in the order of the table."""
    text = files(__package__).joinpath("forms.toml").read_text(encoding="utf-8")
    found = []
    for name, fields in tomllib.loads(text).items():
        row = Row.model_validate(fields)
        value: Value = eval(f"lambda source, bodies, tests: {row.value}")  # the package's own table
        found.append(
            Form(
                name=name,
                body=row.body,
                test=row.test,
                mixed=row.mixed,
                over=row.over,
                indexed=row.indexed,
                cost=row.cost,
                words=tuple(row.words.split()),
                implies=tuple(row.implies.split()),
                template=parse(row.code),
                value=value,
            )
        )
    return tuple(found)


@cache
def form(name: str) -> Form:
    return next(each for each in forms() if each.name == name)


def uses(tree: ast.AST, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))


def _enumerated(tree: ast.expr, source: ast.expr) -> ast.expr:
    """`for item in source` becomes `for index, item in enumerate(source)`."""
    wanted = ast.dump(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.comprehension) and uses(node.target, ITEM) and ast.dump(node.iter) == wanted:
            names: list[ast.expr] = [ast.Name(INDEX, ast.Store()), ast.Name(ITEM, ast.Store())]
            node.target = ast.Tuple(names, ast.Store())
            node.iter = ast.Call(ast.Name("enumerate", ast.Load()), [node.iter], [])
    return tree
