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

_VIEWS = frozenset({"copy", "values", "items", "keys"})
_PICKS = frozenset({"get", "pop", "popitem", "popleft", "setdefault"})
# What functions that are no method's own answer: one of the values they are given; nothing of them; else, whatever they
# are called, something new that may hold their elements.
_CHOICES = frozenset({"next", "min", "max", "reduce", "choice", "cast", "getattr"})
_FRESH = frozenset({
    "abs", "all", "any", "ascii", "bin", "bool", "bytes", "chr", "complex", "deepcopy", "divmod", "dumps", "float",
    "format", "hash", "hex", "int", "isinstance", "len", "loads", "oct", "ord", "pow", "print", "range", "repr",
    "round", "str", "type",
})  # fmt: skip
_CONTAINERS = frozenset({"list", "dict", "set", "deque", "Counter", "defaultdict", "OrderedDict"})

_BINDING = frozenset({
    ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.For, ast.comprehension, ast.withitem, ast.Match, ast.match_case,
    ast.Call, ast.AugAssign, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda,
})  # fmt: skip
_CHANGING = frozenset({ast.Attribute, ast.Subscript, ast.AugAssign, ast.Call})
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
    _scopes: dict[str, list[_Scope]] = field(default_factory=dict)  # nested functions by the names they are called by
    _handed: set[ast.AST] = field(default_factory=set)  # those that somebody else may call, with whatever he likes
    _bound: set[str] = field(default_factory=set)
    in_place: set[int] = field(default_factory=set)  # lines where `name += value` counts as a change
    _matched: bool = False  # whether any `match` looks at state
    _writes: dict[ast.AST, list[Write]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        binding: list[ast.AST] = []
        changing: list[ast.AST] = []
        named: list[ast.Name] = []
        for node in self.tree.nodes:
            kind = type(node)
            if isinstance(node, ast.Name):
                named.append(node)
            elif isinstance(node, ast.arg):
                self._bound.add(node.arg)
            elif isinstance(node, _Scope):
                self._find(node)
            if kind in _BINDING:
                binding.append(node)
            if kind in _CHANGING:
                changing.append(node)
        for name in named:
            if not isinstance(name.ctx, ast.Load):
                self._bound.add(name.id)
            elif name.id in self._scopes and not self._is_called(name):
                self._handed.update(self._scopes[name.id])
        self._learn_all(binding)
        for node in changing:
            for write in self._written(node):
                self._note(node, write)

    def _find(self, scope: _Scope) -> None:
        """A nested function: the names it is called by, or that it is handed on."""
        if scope is self.tree.module.body[0]:
            return
        if not isinstance(scope, ast.Lambda):
            self._scopes.setdefault(scope.name, []).append(scope)
            return
        parent = self.tree.parents[scope]
        if isinstance(parent, ast.Assign) and all(isinstance(target, ast.Name) for target in parent.targets):
            for target in parent.targets:
                self._scopes.setdefault(target.id, []).append(scope)  # type: ignore[attr-defined]
        elif not self._is_called(scope):
            self._handed.add(scope)

    def _is_called(self, node: ast.AST) -> bool:
        """Whether an expression is called there and then, and nothing else."""
        parent = self.tree.parents[node]
        return isinstance(parent, ast.Call) and parent.func is node

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
                self._learn_pattern(pattern)
            case ast.Match(subject=subject):
                self._matched = self._matched or self.level(subject) > FREE
            case ast.AugAssign(target=target, value=value):
                self._hold(target, self.level(value))
            case ast.Call():
                self._learn_call(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda() if node is not self.tree.module.body[0]:
                self._open(node)

    def _learn_pattern(self, pattern: ast.pattern) -> None:
        for part in ast.walk(pattern):
            name = getattr(part, "name", None) or getattr(part, "rest", None)
            if isinstance(name, str):
                self._raise(name, ITSELF if self._matched else FREE)

    def _learn_call(self, call: ast.Call) -> None:
        match call.func:
            case ast.Name(id=name) if name in self._scopes:
                for scope in self._scopes[name]:
                    self._pass(scope.args, call)
            case ast.Lambda() as scope:
                self._pass(scope.args, call)
            case ast.Attribute(value=value, attr=attr) if attr in self.mutators:
                self._hold(value, self._given(call))
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in self.functions and call.args:
                self._hold(call.args[0], self._given(call))

    def _hold(self, container: ast.expr, level: int) -> None:
        """Something of this level comes into a container that is known by a name."""
        while isinstance(container, ast.Subscript | ast.Attribute | ast.Call):
            container = container.func if isinstance(container, ast.Call) else container.value
        if isinstance(container, ast.Name) and not is_self(container):
            self._raise(container.id, min(level, SHALLOW))

    def _bind(self, target: ast.expr, level: int) -> None:
        match target:
            case ast.Name(id=name):
                self._raise(name, level)
            case ast.Subscript(value=container):
                self._hold(container, level)
            case ast.Starred(value=inner):
                self._bind(inner, min(level, SHALLOW))
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part in parts:
                    self._bind(part, ITSELF if level else FREE)

    def _pass(self, parameters: ast.arguments, call: ast.Call) -> None:
        """What a nested function is called with is what its parameters may be."""
        names = [parameter.arg for parameter in (*parameters.posonlyargs, *parameters.args)]
        keywords = [*names[len(parameters.posonlyargs) :], *(parameter.arg for parameter in parameters.kwonlyargs)]
        spread = any(isinstance(value, ast.Starred) for value in call.args)
        if spread or any(keyword.arg is None for keyword in call.keywords):
            given = self._given(call)
            for name in (*names, *keywords):
                self._raise(name, ITSELF if given else FREE)
            self._rest(parameters, given)
            return
        for name, value in zip(names, call.args, strict=False):
            self._raise(name, self.level(value))
        for value in call.args[len(names) :]:
            self._rest(parameters, self.level(value))
        for keyword in call.keywords:
            if keyword.arg in keywords:
                self._raise(str(keyword.arg), self.level(keyword.value))
            else:
                self._rest(parameters, self.level(keyword.value))

    def _rest(self, parameters: ast.arguments, level: int) -> None:
        """What `*args` and `**kwargs` collect is a container of the method's own."""
        for collecting in (parameters.vararg, parameters.kwarg):
            if collecting is not None:
                self._raise(collecting.arg, min(level, SHALLOW))

    def _open(self, scope: _Scope) -> None:
        """The defaults of a nested function; and if others may call it, that it may be called with state."""
        given = scope.args
        plain = [*given.posonlyargs, *given.args]
        pairs = [*zip(plain[len(plain) - len(given.defaults) :], given.defaults, strict=True)]
        pairs += [(name, value) for name, value in zip(given.kwonlyargs, given.kw_defaults, strict=True) if value]
        for parameter, default in pairs:
            self._raise(parameter.arg, self.level(default))
        if scope in self._handed:
            for parameter in (*plain, *given.kwonlyargs):
                self._raise(parameter.arg, ITSELF)
            self._rest(given, SHALLOW)

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
        given = self._given(call)
        match call.func:
            case ast.Name(id=name) if name in self._scopes:
                return max((self._answer(scope) for scope in self._scopes[name]), default=FREE)
            case ast.Lambda() as scope:
                return self._answer(scope)
            case ast.Name(id="getattr") if call.args and is_self(call.args[0]):
                return ITSELF
            case ast.Attribute(value=value, attr=name) if self.level(value):
                held = SHALLOW if name in _VIEWS else ITSELF if name in _PICKS else FREE
                return max(held, ITSELF if given and name in _PICKS else FREE)
            case ast.Name(id=name) if name in self._bound:
                return ITSELF if given else FREE
            case ast.Name(id=name) | ast.Attribute(attr=name):
                return FREE if name in _FRESH or not given else ITSELF if name in _CHOICES else SHALLOW
        return ITSELF if given else FREE

    def _given(self, call: ast.Call) -> int:
        return max(map(self.level, (*call.args, *(keyword.value for keyword in call.keywords))), default=FREE)

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
            case ast.AugAssign(target=ast.Name() as target, op=op, value=value) if self.level(target) == ITSELF:
                if _may_be_in_place(op, value):
                    self.in_place.add(line)
                    yield Write(line, None)
            case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[first, *rest]) if is_self(first):
                name = rest[0].value if rest and isinstance(rest[0], ast.Constant) else None
                yield Write(line, name if isinstance(name, str) else None)
            case ast.Attribute(value=value, attr=attr, ctx=ast.Load()) if attr in self.mutators:
                if self.level(value) == ITSELF:
                    yield Write(line, slot_of(value))
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr), args=[first, *_]) if (
                name in _CONTAINERS and attr in self.mutators
            ):
                if self.level(first) == ITSELF:
                    yield Write(line, slot_of(first))
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


def _may_be_in_place(op: ast.operator, value: ast.expr) -> bool:
    """Whether `name += value` may change a container instead of giving the name a new value: not if no container can
    take that value. (A list may be extended by a text; that nobody writes.)"""
    match value:
        case ast.Constant(value=constant):
            return isinstance(op, ast.Mult) and isinstance(constant, int)
        case ast.JoinedStr() | ast.Compare():
            return False
        case ast.Call(func=ast.Name(id=name)):
            return not (name in _FRESH and not isinstance(op, ast.Mult))
        case ast.UnaryOp(operand=operand):
            return _may_be_in_place(op, operand)
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div() | ast.FloorDiv() | ast.Pow() | ast.Sub(), right=right):
            return _may_be_in_place(op, left) and _may_be_in_place(op, right)
    return isinstance(op, ast.Add | ast.Mult | ast.BitOr | ast.BitAnd | ast.BitXor | ast.Sub)


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
