"""Which methods read nothing by themselves, so that noting what a cycle reads need not watch them.

Code that runs in process reads slots, lists and trees as Python does, and nobody sees it. To see it, loaded objects are
unloaded before it runs, which costs as much as the cycle around it. A method that does no more than send messages to
its receiver, with its arguments and constants, can read nothing but the receiver's own slots. Facets are such methods.
"""

from __future__ import annotations

import ast
from functools import lru_cache

from batos.parsing import parse_module

# What may stand in such a method beside the messages. Neither attributes of anything but the receiver, nor what looks
# into a value: subscripts, loops, operators, formatted strings.
HARMLESS = (
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Expr, ast.Constant, ast.Load, ast.keyword,
)  # fmt: skip


@lru_cache(maxsize=1024)
def only_sends(source: str) -> bool:
    """Whether the method does nothing but send messages to its receiver."""
    try:
        tree = parse_module(source)
    except (SyntaxError, ValueError, RecursionError):
        return False
    function = tree.body[0] if len(tree.body) == 1 else None
    if not isinstance(function, ast.FunctionDef) or not function.args.args or function.decorator_list:
        return False
    receiver = function.args.args[0].arg
    return all(_is_harmless(node, receiver) for node in ast.walk(tree))


def _is_harmless(node: ast.AST, receiver: str) -> bool:
    if isinstance(node, ast.Call):
        spread: list[ast.AST] = [arg for arg in node.args if isinstance(arg, ast.Starred)]
        spread += [word for word in node.keywords if word.arg is None]
        return isinstance(node.func, ast.Attribute) and not spread
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.value.id == receiver
    return isinstance(node, (*HARMLESS, ast.Name))
