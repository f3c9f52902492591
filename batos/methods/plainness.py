"""Whether what a method answers must be looked at before it leaves the sandbox, told by the method's text.

Monty hands out a function, a range or an iterator as its `repr`, which would pass for text. And a dict or set with many
keys that hash alike would take the host the square of the time. A method that may come by one of these is given a check
at the border (`_out` of the prelude), which costs it some time; one that surely cannot is not. The answer errs towards
"may".
"""

from __future__ import annotations

import ast

from batos.methods.crossing import FEW_KEYS
from batos.methods.rewriter import Bindings
from batos.methods.tree import Tree

# Builtins whose result is plain data, and those that use up what they are given.
_USE_UP = frozenset({
    "all", "any", "dict", "enumerate", "frozenset", "len", "list", "max", "min", "reversed", "set", "sorted", "sum",
    "tuple", "zip",
})  # fmt: skip
_ANSWER = _USE_UP | {
    "abs", "bin", "bool", "bytes", "chr", "complex", "divmod", "float", "format", "hash", "hex", "int", "isinstance",
    "next", "oct", "ord", "pow", "print", "repr", "round", "str",
}  # fmt: skip
_LAZY = frozenset({"range", "map", "filter", "iter"})
_VIEWS = frozenset({"keys", "values", "items"})
_TAKE_A_FUNCTION = frozenset({"map", "filter"})
# Of modules, only what surely answers plain data; anything else that is imported is taken for a risk.
_MODULES = {
    "math": None,
    "json": frozenset({"dumps", "loads"}),
    "datetime": frozenset({"date", "datetime", "time", "timedelta"}),
    "decimal": frozenset({"Decimal"}),
    "re": frozenset({"sub", "findall", "split", "escape"}),
    "random": frozenset({"random", "randint", "choice", "sample", "uniform"}),
}
_CONSTANTS = frozenset({"pi", "e", "tau", "inf", "nan"})


# What can give a dict or a set more keys than the method was handed, or has written out.
_GROW = frozenset(
    {"update", "setdefault", "add", "fromkeys", "union", "symmetric_difference", "symmetric_difference_update"}
)
_MAKE = frozenset({"dict", "set", "frozenset"})
_LOOKED_AT = frozenset({
    ast.FunctionDef, ast.Lambda, ast.GeneratorExp, ast.Call, ast.Name, ast.Import, ast.ImportFrom, ast.Attribute,
    ast.DictComp, ast.SetComp, ast.Subscript, ast.BinOp, ast.AugAssign, ast.Dict, ast.Set,
})  # fmt: skip


def needs_border(tree: Tree, names: Bindings) -> bool:
    return any(
        _grows(node) or _is_risk(node, tree, names, tree.parents)
        for kind in _LOOKED_AT
        for node in tree.kinds.get(kind, ())
    )


def _grows(node: ast.AST) -> bool:
    """Whether a dict or a set may come to hold more keys here."""
    match node:
        case ast.DictComp() | ast.SetComp() | ast.Subscript(ctx=ast.Store()):
            return True
        case ast.BinOp(op=op) | ast.AugAssign(op=op):
            return isinstance(op, ast.BitOr | ast.BitXor)
        case ast.Dict(keys=keys):
            return None in keys or len(keys) > FEW_KEYS
        case ast.Set(elts=parts):
            return len(parts) > FEW_KEYS or any(isinstance(part, ast.Starred) for part in parts)
        case ast.Call(func=ast.Name(id=name)):
            return name in _MAKE
        case ast.Attribute(attr=attr):
            return attr in _GROW
    return False


def _is_risk(node: ast.AST, tree: Tree, names: Bindings, parents: dict[ast.AST, ast.AST]) -> bool:
    match node:
        case ast.FunctionDef():
            return node is not tree.module.body[0]
        case ast.Lambda():
            return not _is_a_key(node, parents)
        case ast.GeneratorExp():
            return not _is_used_up(node, parents)
        case ast.Call(func=ast.Name(id=name)) if name not in names.bound:
            return not (name in _ANSWER or (name in _LAZY and _is_used_up(node, parents)) or _is_raised(node, parents))
        case ast.Call(func=ast.Attribute(attr=attr)) if attr in _VIEWS:
            return not _is_used_up(node, parents)
        case ast.Name(id=name):
            return not (name == "self" or name in names.bound or _is_harmless(node, names, parents))
        case ast.Import(names=aliases):
            return any(alias.name not in _MODULES or alias.asname for alias in aliases)
        case ast.ImportFrom():
            return True
        case ast.Attribute(value=ast.Name(id=module), attr=attr) if module in names.modules:
            return not _is_plain_member(module, attr, node, parents)
    return False


def _is_a_key(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether a function is only handed to a builtin that calls it."""
    match parents[node]:
        case ast.keyword(arg="key"):
            return True
        case ast.Call(func=ast.Name(id=name), args=[first, *_]):
            return first is node and name in _TAKE_A_FUNCTION
    return False


def _is_used_up(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether an iterator is only walked over."""
    match parents[node]:
        case ast.For(iter=iterated) | ast.comprehension(iter=iterated):
            return iterated is node
        case ast.Call(func=ast.Name(id=name)):
            return name in _USE_UP or (name in _LAZY and _is_used_up(parents[node], parents))
        case ast.Call(func=ast.Attribute(attr="join"), args=[only]):
            return only is node
    return False


def _is_raised(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    return isinstance(parents[node], ast.Raise)


def _is_harmless(node: ast.Name, names: Bindings, parents: dict[ast.AST, ast.AST]) -> bool:
    """A name of the outside (a builtin, a module, an exception) where it stands for no value that could be kept."""
    parent = parents[node]
    if node.id in names.modules:
        return isinstance(parent, ast.Attribute)
    match parent:
        case ast.Call(func=func) if func is node:
            return True  # seen as a call
        case ast.Raise() | ast.ExceptHandler():
            return True
        case ast.Call(func=ast.Name(id="isinstance"), args=[_, kinds]):
            return kinds is node
        case ast.Tuple():
            return isinstance(parents[parent], ast.ExceptHandler) or _is_kinds(parent, parents)
    return _is_a_key(node, parents)


def _is_kinds(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    match parents[node]:
        case ast.Call(func=ast.Name(id="isinstance"), args=[_, kinds]):
            return kinds is node
    return False


def _is_plain_member(module: str, attr: str, node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    parent = parents[node]
    called = isinstance(parent, ast.Call) and parent.func is node
    members = _MODULES.get(module, frozenset())
    if members is None:  # math: numbers and functions of numbers
        return called or attr in _CONSTANTS
    if attr in members and isinstance(parent, ast.Attribute):
        return True  # `datetime.datetime.now()`: what is called is seen there
    return attr in members and called
