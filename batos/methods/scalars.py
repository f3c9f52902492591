"""What a closed method must be given without containers, so that nothing it does changes one in place.

`total += x` changes a list in place, and makes a number anew. Where the slots and arguments that `total` comes from
hold scalars when the method is called, so does `total` whenever that line is reached. It is told by the text, and errs
towards "may hold a container". Scalars are what has no parts to be changed: numbers, texts, dates, None.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from batos.methods.rewriter import Bindings
from batos.methods.tables import Rules
from batos.methods.tree import Tree, is_self

_FUNCTIONS = frozenset({"len", "int", "float", "str", "bool", "abs", "round", "ord", "chr", "repr", "format"})
_NUMBERS = frozenset({"len", "int", "float", "bool", "abs", "round", "ord"})
# Methods whose answer is a scalar, whatever plain value is asked.
_METHODS = frozenset({
    "capitalize", "casefold", "center", "count", "endswith", "find", "isalpha", "isdigit", "isoformat", "join", "ljust",
    "lower", "lstrip", "replace", "rjust", "rstrip", "startswith", "strftime", "strip", "title", "upper", "zfill",
})  # fmt: skip
MOST_PASSES = 20
_NEVER_A_CONTAINER = (ast.Mod, ast.Div, ast.FloorDiv, ast.Pow)  # no plain container has these operations
_MAY_MUTATE = frozenset({ast.Attribute, ast.Call, ast.Subscript, ast.AugAssign})


class Scalars:
    """Which expressions are surely scalars. `held` are the names (`total`) and slots (`self.total`) that are."""

    def __init__(self, names: Bindings, held: Iterable[str] = ()) -> None:
        self.held = set(held)
        self._bound = names.bound

    def surely(self, node: ast.expr) -> bool:
        match node:
            case ast.Constant() | ast.JoinedStr() | ast.Compare() | ast.UnaryOp():
                return True
            case ast.Name() | ast.Attribute():
                return key_of(node) in self.held
            case ast.Call(func=ast.Name(id=name)):
                return name in _FUNCTIONS and name not in self._bound
            case ast.Call(func=ast.Attribute(value=value, attr=attr)):
                return attr in _METHODS and not is_self(value)
            case ast.BinOp(op=op) if isinstance(op, _NEVER_A_CONTAINER):
                return True
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                return self.surely(left) and self.surely(right)
            case ast.BinOp(left=left, right=right):  # of a scalar and a container there is no sum or difference
                return self.surely(left) or self.surely(right)
            case ast.BoolOp(values=parts):
                return all(map(self.surely, parts))
            case ast.IfExp(body=body, orelse=orelse):
                return self.surely(body) and self.surely(orelse)
            case ast.Subscript(value=value):
                return self.surely(value)  # a part of a text
        return False

    def mutates(self, node: ast.AST, table: Rules) -> bool:
        """Whether this may change a container in place."""
        match node:
            case ast.Attribute(attr=attr):
                return attr in table.mutators
            case ast.Call(func=ast.Name(id=name)):
                return name in table.functions
            case ast.Subscript(ctx=ast.Store() | ast.Del()):
                return True
            case ast.AugAssign():
                return not (self.surely(node.target) or self.adds(node))
        return False

    def adds(self, node: ast.AugAssign) -> bool:
        """Whether the target surely is no container, as none takes this value. (A list takes the letters of a text.)"""
        return not isinstance(node.op, ast.Mult) and self._is_number(node.value)

    def _is_number(self, node: ast.expr) -> bool:
        match node:
            case ast.Constant(value=value):
                return not isinstance(value, str | bytes)
            case ast.Compare() | ast.UnaryOp():
                return True
            case ast.Call(func=ast.Name(id=name)):
                return name in _NUMBERS and name not in self._bound
            case ast.BinOp(op=ast.Sub()):
                return self._is_number(node.left) or self._is_number(node.right)
            case ast.BinOp(op=ast.Div() | ast.FloorDiv() | ast.Pow()):
                return True
            case ast.BinOp():
                return self._is_number(node.left) and self._is_number(node.right)
        return False


def mutates(tree: Tree, names: Bindings, table: Rules) -> bool:
    """Whether the method may change a container in place, if nothing is known of what it is given."""
    return _any_mutates(tree, Scalars(names), table)


def _any_mutates(tree: Tree, scalars: Scalars, table: Rules) -> bool:
    return any(scalars.mutates(node, table) for kind in _MAY_MUTATE for node in tree.kinds.get(kind, ()))


@dataclass(frozen=True)
class Condition:
    """When nothing is changed in place: these slots hold scalars, and if `arguments`, so do all arguments."""

    slots: frozenset[str]
    arguments: bool


def condition(tree: Tree, names: Bindings, table: Rules) -> Condition | None:
    """When the method changes no container in place; None if it may do so however it is called."""
    sources = _sources(tree)
    scalars = Scalars(names, sources)
    # What holds a scalar only if others do is taken for one until one of those is not.
    for _ in range(MOST_PASSES):
        unsure = [key for key in scalars.held if not all(map(scalars.surely, sources[key]))]
        if not unsure:
            break
        scalars.held.difference_update(unsure)
    else:
        return None
    if _any_mutates(tree, scalars, table):
        return None
    plainly, seeds = Scalars(names), set[str]()
    for node in tree.of(ast.AugAssign):
        if not plainly.adds(node):
            key = key_of(node.target)
            seeds.update([key] if key in scalars.held else _named(node.value, scalars.held))
    needed = _behind(seeds, sources, scalars.held)
    parameters = {given.arg for given in tree.of(ast.arg)}
    slots = frozenset(key.removeprefix("self.") for key in needed if key.startswith("self."))
    return Condition(slots, not parameters.isdisjoint(needed))


def key_of(node: ast.AST) -> str:
    """The name or slot that an expression is; empty for any other."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id="self"), attr=attr):
            return f"self.{attr}"
    return ""


def _behind(keys: Iterable[str], sources: dict[str, list[ast.expr]], held: set[str]) -> set[str]:
    """These, and whatever the values that they are given are made of."""
    found: set[str] = set()
    waiting = [*keys]
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            for source in sources[key]:
                waiting += _named(source, held)
    return found


def _named(value: ast.expr, held: set[str]) -> list[str]:
    return [key for part in ast.walk(value) if (key := key_of(part)) in held]


def _sources(tree: Tree) -> dict[str, list[ast.expr]]:
    """The values that each slot and each name is given, but for names that are given something in other ways. What
    slots and parameters hold at first is what the condition is about."""
    given = tree.function.args
    plain = [*given.posonlyargs, *given.args]
    sources: dict[str, list[ast.expr]] = {parameter.arg: [] for parameter in (*plain[1:], *given.kwonlyargs)}
    for parameter, default in zip(plain[len(plain) - len(given.defaults) :], given.defaults, strict=True):
        sources[parameter.arg].append(default)
    for parameter, value in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        sources[parameter.arg] += [value] if value is not None else []
    others = set(_bound_otherwise(tree))
    nodes: list[ast.Name | ast.Attribute] = [*tree.of(ast.Name), *tree.of(ast.Attribute)]
    for node in nodes:
        key = key_of(node)
        if not key:
            continue
        if type(node.ctx) is not ast.Load:
            value = _assigned(node, tree.parents[node])
            if value is None:
                others.add(key)
            else:
                sources.setdefault(key, []).append(value)
        elif isinstance(node, ast.Attribute):
            sources.setdefault(key, [])
    return {key: values for key, values in sources.items() if key not in others}


def _assigned(target: ast.expr, holder: ast.AST) -> ast.expr | None:
    """The value that a target is given, if it is given it alone."""
    match holder:
        case ast.Assign(value=value) | ast.AnnAssign(value=value) | ast.NamedExpr(value=value):
            return value
        case ast.AugAssign(op=op, value=value):
            return ast.BinOp(target, op, value)
    return None


def _bound_otherwise(tree: Tree) -> Iterator[str]:
    """Names that are bound by something else than an expression with their name as its target."""
    function = tree.function
    for node in tree.of(ast.FunctionDef):
        if node is not function:
            yield node.name
    own = {id(given) for given in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)}
    yield from (given.arg for given in tree.of(ast.arg) if id(given) not in own)
    yield from (handler.name for handler in tree.of(ast.ExceptHandler) if handler.name)
    yield from (pattern.name for pattern in tree.of(ast.MatchAs) if pattern.name)
    yield from (pattern.name for pattern in tree.of(ast.MatchStar) if pattern.name)
    yield from (pattern.rest for pattern in tree.of(ast.MatchMapping) if pattern.rest)
    for alias in tree.of(ast.alias):
        yield (alias.asname or alias.name).split(".")[0]
