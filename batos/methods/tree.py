"""A method's source, parsed once for all who look at it: its nodes, and of each node its children.

Names of operators and contexts are left out: they stand in their owners' fields and are nodes in name only.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from batos.parsing import parse_module

_LEFT_OUT = (ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop, ast.type_ignore)
_KINDS = frozenset(
    kind
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST) and not issubclass(kind, _LEFT_OUT)
)


@dataclass(frozen=True, eq=False)
class Tree:
    """`nodes` come before what they hold, and else in the order of their fields. `depth` is how deep the tree is, and
    `deepest` the line where it is that deep; one that is deeper than `most` was not looked at further.
    """

    source: str
    module: ast.Module
    nodes: list[ast.AST]
    children: dict[ast.AST, list[ast.AST]]
    parents: dict[ast.AST, ast.AST]
    depth: int
    deepest: int

    @property
    def function(self) -> ast.FunctionDef:
        """The method itself. The source must have been seen to be one plain function."""
        function = self.module.body[0]
        assert isinstance(function, ast.FunctionDef)
        return function


def grow(source: str, most: int = 200) -> Tree:
    """Parse a source. Raises what `ast.parse` raises. Walks without recursion: recursion elsewhere relies on it."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")  # as the parser counts its lines
    module = parse_module(source)
    nodes: list[ast.AST] = []
    children: dict[ast.AST, list[ast.AST]] = {}
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
        found: list[ast.AST] = []
        for value in vars(node).values():  # the parser fills them in the order of the fields
            kind = type(value)
            if kind in _KINDS:
                found.append(value)
            elif kind is list:
                found += [part for part in value if type(part) in _KINDS]
        children[node] = found
        at += 1
        for child in found[::-1]:
            parents[child] = node
            waiting.append((child, at))
    return Tree(source, module, nodes, children, parents, depth, deepest)


_Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def evaluated(node: ast.AST) -> list[ast.AST]:
    """What a function or lambda evaluates when it is defined: its defaults and decorators."""
    assert isinstance(node, _Scope)
    defaults = [*node.args.defaults, *(value for value in node.args.kw_defaults if value)]
    return [*defaults, *getattr(node, "decorator_list", ())]
