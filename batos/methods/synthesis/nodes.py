"""Expressions as the search holds them: small nested tuples, turned into syntax trees when a source is written.

A node is `(head, child, ...)`. Heads are leaves, operations, forms, and the two shapes below. Millions of nodes are
made in one search, so they are plain tuples.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from batos.methods.synthesis.forms import INDEX, ITEM
from batos.methods.synthesis.templates import fill, literal, parse
from batos.methods.synthesis.values import Column

Node = tuple[Any, ...]


class Head(Protocol):
    def tree(self, *children: ast.expr) -> ast.expr: ...


class Entry(NamedTuple):
    """An expression with its values, one per input. `reads` has a bit for each argument and slot that it uses."""

    column: Column
    node: Node
    cost: int
    reads: int


@dataclass(frozen=True)
class Leaf:
    """An argument or slot (`value` is its name), a constant or pattern (its value), the item or index inside a form."""

    kind: Literal["argument", "slot", "constant", "pattern", "item", "index"]
    value: Any = None

    def tree(self, *children: ast.expr) -> ast.expr:
        if self.kind in ("constant", "pattern"):
            return literal(self.value)
        if self.kind == "slot":
            return parse(f"self.{self.value}")
        return parse({"item": ITEM, "index": INDEX}.get(self.kind, self.value))


@dataclass(frozen=True)
class Choice:
    """One of two expressions by a test: children are test, then, else."""

    def tree(self, *children: ast.expr) -> ast.expr:
        test, then, other = children
        return fill(parse("then if test else other"), {"test": test, "then": then, "other": other})


@dataclass(frozen=True)
class Shape:
    """A list, tuple or record written out; `keys` only for a record."""

    kind: Literal["list", "tuple", "record"]
    keys: tuple[Any, ...] = ()

    def tree(self, *children: ast.expr) -> ast.expr:
        parts = list(children)
        if self.kind == "record":
            return ast.Dict([literal(key) for key in self.keys], parts)
        return ast.List(parts, ast.Load()) if self.kind == "list" else ast.Tuple(parts, ast.Load())

    def value(self, parts: tuple[Any, ...]) -> Any:
        if self.kind == "record":
            return dict(zip(self.keys, parts, strict=True))
        return list(parts) if self.kind == "list" else parts


CHOICE = Choice()
ITEM_NODE: Node = (Leaf("item"),)
INDEX_NODE: Node = (Leaf("index"),)


def constant(value: Any) -> Node:
    return (Leaf("constant", value),)


def tree_of(node: Node) -> ast.expr:
    """The syntax tree of a node."""
    head: Head = node[0]
    return head.tree(*(tree_of(child) for child in node[1:]))


def heads(node: Node) -> Iterator[Any]:
    """Every head in a node, outermost first."""
    yield node[0]
    for child in node[1:]:
        yield from heads(child)
