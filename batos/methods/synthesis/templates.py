"""Pieces of Python as syntax trees: parsing a template, filling it.

Templates come from the package's own data files. Filling works on trees, so operator precedence and quoting are
never a matter of text.
"""

from __future__ import annotations

import ast
import copy

from batos.parsing import parse_expression


def parse(code: str) -> ast.expr:
    """The tree of one expression."""
    return parse_expression(code).body


def fill(template: ast.expr, names: dict[str, ast.expr]) -> ast.expr:
    """A copy of `template` in which each name of `names` is replaced by its tree."""
    filled: ast.expr = _Filling(names).visit(copy.deepcopy(template))
    return filled


def literal(value: object) -> ast.expr:
    """The tree of a plain value."""
    return parse_expression(repr(value)).body


class _Filling(ast.NodeTransformer):
    def __init__(self, names: dict[str, ast.expr]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return copy.deepcopy(self.names[node.id]) if node.id in self.names else node
