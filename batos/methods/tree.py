"""A method's source, parsed once for all who look at it: its nodes, by kind, and what holds each.

Names of operators and contexts are left out: they stand in their owners' fields and are nodes in name only.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from batos.parsing import parse_module

CHANGED = "_p_changed"  # what a method that writes state assigns True to

Kind = TypeVar("Kind", bound=ast.AST)

_LEFT_OUT = (ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop, ast.type_ignore)
_KINDS = frozenset(
    kind
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST) and not issubclass(kind, _LEFT_OUT)
)


# Fields in which no nodes stand; and those of each kind in which they may.
_NO_NODES = frozenset({
    "arg", "attr", "conversion", "ctx", "id", "kind", "kwd_attrs", "level", "module", "op", "ops", "rest", "simple",
    "type_comment", "type_ignores",
})  # fmt: skip
_LAST_FIRST = {
    kind: tuple(name for name in reversed(kind._fields) if name not in _NO_NODES and kind is not ast.Constant)
    for kind in _KINDS
}


@dataclass(frozen=True, eq=False)
class Tree:
    """`nodes` come before what they hold, and else in the order of their fields; `kinds` has them by their kind.
    `depth` is how deep the tree is, and `deepest` the line where it is that deep; one that is deeper than `most` was
    not looked at further.
    """

    source: str
    module: ast.Module
    nodes: list[ast.AST]
    kinds: Mapping[type[ast.AST], list[ast.AST]]
    parents: dict[ast.AST, ast.AST]
    depth: int
    deepest: int

    @property
    def function(self) -> ast.FunctionDef:
        """The method itself. The source must have been seen to be one plain function."""
        function = self.module.body[0]
        assert isinstance(function, ast.FunctionDef)
        return function

    def of(self, kind: type[Kind]) -> list[Kind]:
        """The nodes of one kind."""
        return self.kinds.get(kind, [])  # type: ignore[return-value]


def grow(source: str, most: int = 200) -> Tree:
    """Parse a source. Raises what `ast.parse` raises. Walks without recursion: recursion elsewhere relies on it."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")  # as the parser counts its lines
    module = parse_module(source)
    nodes: list[ast.AST] = []
    kinds: defaultdict[type[ast.AST], list[ast.AST]] = defaultdict(list)
    parents: dict[ast.AST, ast.AST] = {}
    depth, deepest = 0, 1
    waiting: list[tuple[ast.AST, int]] = [(module, 0)]
    while waiting:
        node, at = waiting.pop()
        nodes.append(node)
        if at > depth:
            depth, deepest = at, getattr(node, "lineno", deepest)
            if at > most:
                break
        kind = type(node)
        kinds[kind].append(node)
        names = _LAST_FIRST[kind]
        if names:
            at += 1
            values = node.__dict__
            for name in names:
                value = values[name]
                if type(value) is list:
                    for part in reversed(value):
                        if type(part) in _KINDS:
                            parents[part] = node
                            waiting.append((part, at))
                elif type(value) in _KINDS:
                    parents[value] = node
                    waiting.append((value, at))
    return Tree(source, module, nodes, kinds, parents, depth, deepest)


Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def evaluated(node: ast.AST) -> list[ast.AST]:
    """What a function or lambda evaluates when it is defined: its defaults and decorators."""
    assert isinstance(node, Scope)
    defaults = [*node.args.defaults, *(value for value in node.args.kw_defaults if value)]
    return [*defaults, *getattr(node, "decorator_list", ())]


def is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def inside(node: ast.AST) -> Iterator[ast.AST]:
    """`node` and what it holds, without the bodies of nested functions and lambdas: those run elsewhere, if at all."""
    waiting: list[ast.AST] = [node]
    while waiting:
        part = waiting.pop()
        yield part
        held = evaluated(part) if isinstance(part, Scope) else list(ast.iter_child_nodes(part))
        waiting.extend(reversed(held))
