"""The table of operations (`operations.toml`), each compiled to run over whole columns of values.

What an operation computes and what the source will say come from the same line of the table, so they cannot differ.
"""

from __future__ import annotations

import ast
import itertools
import math
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict

from batos.methods.synthesis.templates import fill, parse
from batos.methods.synthesis.values import ITEMS, LISTS, MISSING, Column

LARGEST_NUMBER = 10**13
LONGEST = 400
OPERANDS = ("a", "b", "c")

Apply = Callable[..., Column | None]
"""apply(needed, column, ...): the resulting column, or None if one of its first `needed` values is missing."""


class Row(BaseModel):
    """One line of the table; the meaning of the fields is written at its head."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    takes: str
    gives: str
    cost: int
    words: str = ""
    implies: str = ""
    guard: str | None = None
    grows: bool = False
    swaps: bool = False
    feeds: bool = False
    twice: bool = False
    splits: bool = False
    settles: bool = False
    flat: bool = False
    final: bool = False
    varied: bool = False


@dataclass(frozen=True, eq=False)
class Operation:
    """`takes` and `gives` are types of `values`; `gives` is None where it depends on the value."""

    name: str
    takes: tuple[str, ...]
    gives: str | None
    cost: int
    words: tuple[str, ...]
    implies: tuple[str, ...]
    swaps: bool
    feeds: bool
    twice: bool
    splits: bool
    settles: bool
    flat: bool
    final: bool
    varied: bool
    template: ast.expr
    apply: Apply
    inside: Callable[[list[int]], Apply] | None = None
    """Where the result depends on the object too: how it applies to items of lists, given the input of each item."""
    worth: int = 1
    """An application counts as so many expressions."""

    @property
    def choosy(self) -> bool:
        """Whether it does not apply to the result of every operation."""
        return self.flat or self.varied or (self.gives in ("number", "flag") and "text" in self.takes)

    def refuses(self, operands: Sequence[Any]) -> bool:
        """Whether nobody would write it over these entries, though it has a value."""
        *_, last = heads = [operand.node[0] for operand in operands]
        if self.varied and not operands[0].reads:
            return True
        if self.flat and isinstance(last, Operation) and last.flat:
            return True
        return self.gives != "text" and any(isinstance(head, Operation) and head.final for head in heads)

    def tree(self, *operands: ast.expr) -> ast.expr:
        return fill(self.template, dict(zip(OPERANDS, operands, strict=False)))


def bounded(value: Any) -> Any:
    """`value`, or MISSING if it is larger than the search wants to carry along."""
    if isinstance(value, (int, float)):
        return value if abs(value) <= LARGEST_NUMBER else MISSING
    return value if len(value) <= LONGEST else MISSING


@cache
def operations() -> tuple[Operation, ...]:
    """Every operation, in the order of the table."""
    text = files(__package__).joinpath("operations.toml").read_text(encoding="utf-8")
    found = []
    for section in tomllib.loads(text).values():
        for name, fields in section.items():
            row = Row.model_validate(fields)
            apply = _compiled(row)
            found += [_operation(name, row, apply, kind) for kind in _kinds(row)]
    return tuple(found)


@cache
def named(name: str) -> Operation:
    """The first operation of that name."""
    return next(operation for operation in operations() if operation.name == name)


def _kinds(row: Row) -> tuple[str, ...]:
    return ("text", "number", "thing") if {"T", "Ts"} & set(row.takes.split()) else ("",)


def _operation(name: str, row: Row, apply: Apply, kind: str) -> Operation:
    def concrete(part: str) -> str:
        return {"T": kind, "Ts": ITEMS.get(kind, "")}.get(part, part)

    return Operation(
        name=name,
        takes=tuple(concrete(part) for part in row.takes.split()),
        gives=None if row.gives == "?" else concrete(row.gives),
        cost=row.cost,
        words=tuple(row.words.split()),
        implies=tuple(row.implies.split()),
        swaps=row.swaps,
        feeds=row.feeds,
        twice=row.twice,
        splits=row.splits,
        settles=row.settles,
        flat=row.flat,
        final=row.final,
        varied=row.varied,
        template=parse(row.code),
        apply=apply,
    )


_LOOP = """
def apply(needed, {columns}):
    out = []
    for {operands} in {walk}:
        if {absent}:
            value = MISSING
        else:
            try:
                value = {value}
            except Exception:
                value = MISSING
        if value is MISSING and len(out) < needed:
            return None
        out.append(value)
    return out
"""


def _compiled(row: Row) -> Apply:
    """The row as a loop over columns; an operation that raises for a value has no value there."""
    operands = OPERANDS[: len(row.takes.split())]
    columns = [operand.upper() for operand in operands]
    value = f"bounded({row.code})" if row.grows else f"({row.code})"
    if row.guard:
        value = f"{value} if {row.guard} else MISSING"
    source = _LOOP.format(
        columns=", ".join(columns),
        operands=", ".join(operands),
        walk=f"zip({', '.join(columns)})" if len(columns) > 1 else columns[0],
        absent=" or ".join(f"{operand} is MISSING" for operand in operands),
        value=value,
    )
    names: dict[str, Any] = {"MISSING": MISSING, "bounded": bounded, "re": re, "math": math, "itertools": itertools}
    exec(compile(source, "<operations.toml>", "exec"), names)  # the package's own table, never text from outside
    apply: Apply = names["apply"]
    return apply


def accepts(pattern: str) -> tuple[str, ...]:
    """The types that an operand declared as `pattern` may have."""
    if pattern == "list":
        return LISTS
    if pattern == "sequence":
        return ("text", *LISTS)
    return (pattern, "items") if pattern in LISTS and pattern != "items" else (pattern,)
