"""Python's parser, one thread at a time.

CPython up to 3.12 counts the depth of the tree it builds in one place for all threads. Where the cycle collector lets
another thread in meanwhile, one of the two parses ends in a `SystemError` (python/cpython#106905).
"""

from __future__ import annotations

import ast
from threading import RLock

_turn = RLock()


def parse_module(source: str) -> ast.Module:
    """Raises what `ast.parse` raises."""
    with _turn:
        return ast.parse(source)


def parse_expression(source: str) -> ast.Expression:
    """Raises what `ast.parse` raises."""
    with _turn:
        return ast.parse(source, mode="eval")
