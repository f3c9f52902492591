"""Which expressions of a method may hold part of the object's state, and which of its nodes may change it.

A value is `ITSELF` where changing it changes the state (`self.items`, `row` in `for row in self.rows`), `SHALLOW` where
only its elements are state (`list(self.rows)`), else `FREE`. Names are not told apart by scope or order, so the answer
errs towards "may". It knows nothing of types: `self.basket.add(x)` counts as a change even if `basket` is an object.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from batos.methods.tree import Tree, evaluated

FREE, SHALLOW, ITSELF = 0, 1, 2
MOST_PASSES = 20
CHANGED = "_p_changed"

_COPIES = frozenset(
    "list tuple set dict frozenset sorted reversed enumerate zip iter filter copy".split()  # noqa: SIM905
)
_VIEWS = frozenset({"copy", "values", "items", "keys"})
_PICKS = frozenset({"get", "pop", "popitem", "popleft", "setdefault"})
_CHOICES = frozenset({"next", "min", "max"})

_BINDING = frozenset({
    ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.For, ast.comprehension, ast.withitem, ast.Match, ast.match_case,
    ast.Call,
})  # fmt: skip
_CHANGING = frozenset({ast.Attribute, ast.Subscript, ast.AugAssign, ast.Call})
_FUNCTIONS = frozenset({ast.FunctionDef, ast.AsyncFunctionDef})
_Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True)
class Write:
    """One place that may change state. `slot` is the slot of `self`, or None where an alias hides which."""

    line: int
    slot: str | None


@dataclass
class Aliases:
    """Built once per method. `mutators` and `functions` are the guardian's tables of what changes in place."""

    tree: Tree
    mutators: frozenset[str]
    functions: frozenset[str]
    _levels: dict[str, int] = field(default_factory=dict)
    _scopes: dict[str, list[_Scope]] = field(default_factory=dict)
    _matched: bool = False  # whether any `match` looks at state
    _writes: dict[ast.AST, list[Write]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        binding: list[ast.AST] = []
        changing: list[ast.AST] = []
        for node in self.tree.nodes:
            kind = type(node)
            if kind in _FUNCTIONS:
                if node is not self.tree.module.body[0]:
                    self._scopes.setdefault(node.name, []).append(node)  # type: ignore[attr-defined, arg-type]
            elif kind is ast.Assign and isinstance(node.value, ast.Lambda):  # type: ignore[attr-defined]
                for target in node.targets:  # type: ignore[attr-defined]
                    if isinstance(target, ast.Name):
                        self._scopes.setdefault(target.id, []).append(node.value)  # type: ignore[attr-defined]
            if kind in _BINDING:
                binding.append(node)
            if kind in _CHANGING:
                changing.append(node)
        self._learn_all(binding)
        for node in changing:
            for write in self._written(node):
                self._note(node, write)

    def _learn_all(self, binding: list[ast.AST]) -> None:
        for _ in range(MOST_PASSES):
            before = dict(self._levels)
            for node in binding:
                self._learn(node)
            if self._levels == before:
                return
        # A chain of names this long is no one's style: take every name for the state itself.
        self._levels = dict.fromkeys((node.id for node in self.tree.nodes if isinstance(node, ast.Name)), ITSELF)

    def _learn(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._bind(target, self.level(value))
            case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
                self._bind(target, self.level(value))
            case ast.For(target=target, iter=iterated) | ast.comprehension(target=target, iter=iterated):
                self._bind(target, ITSELF if self.level(iterated) else FREE)
            case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
                self._bind(target, self.level(value))
            case ast.match_case(pattern=pattern):
                for part in ast.walk(pattern):
                    name = getattr(part, "name", None) or getattr(part, "rest", None)
                    if isinstance(name, str):
                        self._raise(name, ITSELF if self._matched else FREE)
            case ast.Match(subject=subject):
                self._matched = self._matched or self.level(subject) > FREE
            case ast.Call(func=ast.Name(id=name), args=args) if name in self._scopes:
                for scope in self._scopes[name]:
                    self._pass(scope.args, args, node.keywords)

    def _bind(self, target: ast.expr, level: int) -> None:
        match target:
            case ast.Name(id=name):
                self._raise(name, level)
            case ast.Starred(value=inner):
                self._bind(inner, min(level, SHALLOW))
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part in parts:
                    self._bind(part, ITSELF if level else FREE)

    def _pass(self, parameters: ast.arguments, args: list[ast.expr], keywords: list[ast.keyword]) -> None:
        names = [parameter.arg for parameter in (*parameters.posonlyargs, *parameters.args)]
        for name, value in zip(names, args, strict=False):
            self._raise(name, self.level(value))
        for keyword in keywords:
            if keyword.arg is not None:
                self._raise(keyword.arg, self.level(keyword.value))

    def _raise(self, name: str, level: int) -> None:
        self._levels[name] = max(self._levels.get(name, FREE), level)

    def level(self, node: ast.expr | None) -> int:
        """How the value of an expression hangs on the object's state."""
        match node:
            case ast.Name(id=name):
                return self._levels.get(name, FREE)
            case ast.Attribute(value=ast.Name(id="self"), attr=attr):
                return FREE if attr == CHANGED else ITSELF
            case ast.Attribute(value=value):
                return ITSELF if self.level(value) else FREE
            case ast.Subscript(value=value, slice=ast.Slice()):
                return min(self.level(value), SHALLOW)
            case ast.Subscript(value=value):
                return ITSELF if self.level(value) else FREE
            case ast.Call():
                return self._of_call(node)
            case ast.IfExp(body=body, orelse=orelse):
                return max(self.level(body), self.level(orelse))
            case ast.BoolOp(values=values):
                return max(map(self.level, values))
            case ast.NamedExpr(value=value) | ast.Starred(value=value):
                return self.level(value)
        return min(max(map(self.level, _elements(node)), default=FREE), SHALLOW)

    def _of_call(self, call: ast.Call) -> int:
        given = max((self.level(argument) for argument in call.args), default=FREE)
        match call.func:
            case ast.Name(id=name) if name in self._scopes:
                return max((self._answer(scope) for scope in self._scopes[name]), default=FREE)
            case ast.Name(id="getattr") if call.args and is_self(call.args[0]):
                return ITSELF
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in _COPIES and given:
                return SHALLOW
            case ast.Name(id=name) if name in _CHOICES and given:
                return ITSELF
            case ast.Attribute(value=value, attr=name) if self.level(value):
                return SHALLOW if name in _VIEWS else ITSELF if name in _PICKS else FREE
        return FREE

    def _answer(self, scope: _Scope) -> int:
        """What a nested function may return, told by the names in its answers only: functions may call each other."""
        answers: list[ast.AST] = [part for part in ast.walk(scope) if isinstance(part, ast.Return)]
        if isinstance(scope, ast.Lambda):
            answers = [scope.body]
        names = {part.id for answer in answers for part in ast.walk(answer) if isinstance(part, ast.Name)}
        held = any(name == "self" or name in self._scopes or self._levels.get(name) for name in names)
        return ITSELF if held else FREE

    # Changes

    def writes(self, node: ast.AST) -> Sequence[Write]:
        """The places in a node that may change state, nested functions left out."""
        return self._writes.get(node, ())

    def _note(self, node: ast.AST, write: Write) -> None:
        """A write is one of every node around it, up to the function that it runs in."""
        parents = self.tree.parents
        while True:
            self._writes.setdefault(node, []).append(write)
            holder = parents.get(node)
            if isinstance(holder, ast.arguments):
                holder = parents[holder]
            if holder is None or (isinstance(holder, _Scope) and node not in evaluated(holder)):
                return
            node = holder

    def _written(self, node: ast.AST) -> Iterable[Write]:
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=attr, ctx=ast.Store() | ast.Del()) if attr != CHANGED:
                yield Write(line, attr)
            case ast.Subscript(value=value, ctx=ast.Store() | ast.Del()) if self.level(value) == ITSELF:
                yield Write(line, slot_of(value))
            case ast.AugAssign(target=ast.Name() as target, value=value) if self.level(target) == ITSELF:
                # `total += n` on a number changes no state. With a display on the right it is a container.
                if isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp):
                    yield Write(line, None)
            case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[first, *rest]) if is_self(first):
                name = rest[0].value if rest and isinstance(rest[0], ast.Constant) else None
                yield Write(line, name if isinstance(name, str) else None)
            case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr in self.mutators:
                if self.level(value) == ITSELF:
                    yield Write(line, slot_of(value))
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[first, *_]) if (
                name in self.functions
            ):
                if self.level(first) == ITSELF:
                    yield Write(line, slot_of(first))


def _elements(node: ast.expr | None) -> list[ast.expr]:
    """The expressions whose values a display, a comprehension or a sum holds."""
    match node:
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts) | ast.Dict(values=parts):
            return parts
        case ast.ListComp(elt=element) | ast.SetComp(elt=element) | ast.GeneratorExp(elt=element):
            return [element]
        case ast.DictComp(value=element):
            return [element]
        case ast.BinOp(left=left, right=right):
            return [left, right]
    return []


def is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def slot_of(node: ast.expr) -> str | None:
    """The slot of `self` that an expression begins with: `rows` for `self.rows[0].cells`."""
    while True:
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=attr):
                return attr
            case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.Call(func=inner):
                node = inner
            case _:
                return None


def inside(node: ast.AST) -> Iterator[ast.AST]:
    """`node` and what it holds, without the bodies of nested functions and lambdas: those run elsewhere, if at all."""
    waiting: list[ast.AST] = [node]
    while waiting:
        part = waiting.pop()
        yield part
        held = evaluated(part) if isinstance(part, _Scope) else list(ast.iter_child_nodes(part))
        waiting.extend(reversed(held))
