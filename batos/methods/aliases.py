"""Which expressions of a method may hold part of the object's state.

A value is `ITSELF` where changing it changes the state (`self.items`, `row` in `for row in self.rows`), `SHALLOW` where
only its elements are state (`list(self.rows)`), else `FREE`. Names are not told apart by scope or order, so the answer
errs towards "may". What may change it is told in `changes`.
"""

from __future__ import annotations

import ast
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from batos.methods.tree import CHANGED, Scope, Tree, is_self

FREE, SHALLOW, ITSELF = 0, 1, 2
MOST_PASSES = 20

_VIEWS = frozenset({"copy", "values", "items", "keys"})
_PICKS = frozenset({"get", "pop", "popitem", "popleft", "setdefault"})
# What functions that are no method's own answer: one of the values they are given; nothing of them; else, whatever they
# are called, something new that may hold their elements.
_CHOICES = frozenset({"next", "min", "max", "reduce", "choice", "cast", "getattr"})
FRESH = frozenset({
    "abs", "all", "any", "ascii", "bin", "bool", "bytes", "chr", "complex", "deepcopy", "divmod", "dumps", "float",
    "format", "hash", "hex", "int", "isinstance", "len", "loads", "oct", "ord", "pow", "print", "range", "repr",
    "round", "str", "type",
})  # fmt: skip

_MATCHED = "(matched)"  # stands among the names for whether a `match` looks at state


@dataclass
class Aliases:
    """Built once per method. `mutators` and `functions` are the guardian's tables of what changes in place."""

    tree: Tree
    mutators: frozenset[str]
    functions: frozenset[str]
    _levels: dict[str, int] = field(default_factory=dict)
    _scopes: dict[str, list[Scope]] = field(default_factory=dict)  # nested functions by the names they are called by
    _handed: set[ast.AST] = field(default_factory=set)  # those that somebody else may call, with whatever he likes
    _bound: set[str] = field(default_factory=set)
    _matched: bool = False  # whether any `match` looks at state
    _asked: set[str] = field(default_factory=set)  # the names that an expression's level was just told from
    _raised: set[str] = field(default_factory=set)  # the names that were just taken for more than they were

    def __post_init__(self) -> None:
        tree = self.tree
        self._bound.update(node.arg for node in tree.of(ast.arg))
        functions: list[Scope] = [*tree.of(ast.FunctionDef), *tree.of(ast.AsyncFunctionDef), *tree.of(ast.Lambda)]
        for function in functions:
            self._find(function)
        for name in tree.of(ast.Name):
            if type(name.ctx) is not ast.Load:
                self._bound.add(name.id)
            elif name.id in self._scopes and not self._is_called(name):
                self._handed.update(self._scopes[name.id])
        binding = [node for node in tree.nodes if type(node) in _LEARNING]
        self._learn_all([node for node in binding if not isinstance(node, ast.Call) or self._tells(node)])

    def _find(self, scope: Scope) -> None:
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
        """Look at what binds names, and again at what asked about a name that was raised since."""
        asking: defaultdict[str, list[ast.AST]] = defaultdict(list)
        waiting, queued = deque(binding), set(binding)
        for _ in range(MOST_PASSES * len(binding)):
            if not waiting:
                return
            node = waiting.popleft()
            queued.discard(node)
            self._asked.clear()
            self._raised.clear()
            _LEARNING[type(node)](self, node)
            for name in self._asked:
                asking[name].append(node)
            for name in self._raised:
                again = [asked for asked in dict.fromkeys(asking.pop(name, ())) if asked not in queued]
                waiting += again
                queued.update(again)
        # A chain of names this long is no one's style: take every name for the state itself.
        if waiting:
            self._levels = dict.fromkeys((node.id for node in self.tree.nodes if isinstance(node, ast.Name)), ITSELF)

    def _learn_assign(self, node: ast.Assign) -> None:
        level = self.level(node.value)
        for target in node.targets:
            self._bind(target, level)

    def _learn_value(self, node: ast.AnnAssign | ast.NamedExpr) -> None:
        if node.value is not None:
            self._bind(node.target, self.level(node.value))

    def _learn_walked(self, node: ast.For | ast.comprehension) -> None:
        self._bind(node.target, ITSELF if self.level(node.iter) else FREE)

    def _learn_item(self, node: ast.withitem) -> None:
        if node.optional_vars is not None:
            self._bind(node.optional_vars, self.level(node.context_expr))

    def _learn_case(self, node: ast.match_case) -> None:
        self._learn_pattern(node.pattern)

    def _learn_match(self, node: ast.Match) -> None:
        if not self._matched and self.level(node.subject) > FREE:
            self._matched = True
            self._raised.add(_MATCHED)

    def _learn_augmented(self, node: ast.AugAssign) -> None:
        self._hold(node.target, self.level(node.value))

    def _learn_pattern(self, pattern: ast.pattern) -> None:
        self._asked.add(_MATCHED)
        for part in ast.walk(pattern):
            name = getattr(part, "name", None) or getattr(part, "rest", None)
            if isinstance(name, str):
                self._raise(name, ITSELF if self._matched else FREE)

    def _tells(self, call: ast.Call) -> bool:
        """Whether a call can make a name hold more: it runs a function of the method's own, or fills a container."""
        called = call.func
        if isinstance(called, ast.Attribute):
            return called.attr in self.mutators or called.attr in self.functions
        if isinstance(called, ast.Name):
            return called.id in self._scopes or called.id in self.functions
        return isinstance(called, ast.Lambda)

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
        if isinstance(target, ast.Name):
            self._raise(target.id, level)
        elif isinstance(target, ast.Subscript):
            self._hold(target.value, level)
        elif isinstance(target, ast.Starred):
            self._bind(target.value, min(level, SHALLOW))
        elif isinstance(target, ast.Tuple | ast.List):
            for part in target.elts:
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

    def _open(self, scope: Scope) -> None:
        """The defaults of a nested function; and if others may call it, that it may be called with state."""
        if scope is self.tree.module.body[0]:
            return
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
        if level > self._levels.get(name, FREE):
            self._levels[name] = level
            self._raised.add(name)

    def level(self, node: ast.expr | None) -> int:
        """How the value of an expression hangs on the object's state."""
        rule = _LEVELS.get(type(node))
        return rule(self, node) if rule is not None else FREE

    def _of_name(self, node: ast.Name) -> int:
        self._asked.add(node.id)
        return self._levels.get(node.id, FREE)

    def _of_attribute(self, node: ast.Attribute) -> int:
        if is_self(node.value):
            return FREE if node.attr == CHANGED else ITSELF
        return ITSELF if self.level(node.value) else FREE

    def _of_item(self, node: ast.Subscript) -> int:
        level = self.level(node.value)
        if type(node.slice) is ast.Slice:
            return min(level, SHALLOW)
        return ITSELF if level else FREE

    def _of_choice(self, node: ast.IfExp) -> int:
        return max(self.level(node.body), self.level(node.orelse))

    def _of_either(self, node: ast.BoolOp) -> int:
        return max(map(self.level, node.values))

    def _of_value(self, node: ast.NamedExpr | ast.Starred) -> int:
        return self.level(node.value)

    # What holds values holds no more than their elements.

    def _of_display(self, node: ast.List | ast.Tuple | ast.Set) -> int:
        return min(max(map(self.level, node.elts), default=FREE), SHALLOW)

    def _of_dict(self, node: ast.Dict) -> int:
        return min(max(map(self.level, node.values), default=FREE), SHALLOW)

    def _of_comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> int:
        return min(self.level(node.elt), SHALLOW)

    def _of_dict_comprehension(self, node: ast.DictComp) -> int:
        return min(self.level(node.value), SHALLOW)

    def _of_sum(self, node: ast.BinOp) -> int:
        return min(max(self.level(node.left), self.level(node.right)), SHALLOW)

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
                return FREE if name in FRESH or not given else ITSELF if name in _CHOICES else SHALLOW
        return ITSELF if given else FREE

    def _given(self, call: ast.Call) -> int:
        return max(map(self.level, (*call.args, *(keyword.value for keyword in call.keywords))), default=FREE)

    def _answer(self, scope: Scope) -> int:
        """What a nested function may return, told by the names in its answers only: functions may call each other."""
        answers: list[ast.AST] = [part for part in ast.walk(scope) if isinstance(part, ast.Return)]
        if isinstance(scope, ast.Lambda):
            answers = [scope.body]
        names = {part.id for answer in answers for part in ast.walk(answer) if isinstance(part, ast.Name)}
        self._asked |= names
        held = any(name == "self" or name in self._scopes or self._levels.get(name) for name in names)
        return ITSELF if held else FREE


# The rules by the kind of node: what binds names, and what an expression's value hangs on.
_LEARNING: dict[type[ast.AST], Callable[[Aliases, Any], None]] = {
    ast.Assign: Aliases._learn_assign,
    ast.AnnAssign: Aliases._learn_value,
    ast.NamedExpr: Aliases._learn_value,
    ast.For: Aliases._learn_walked,
    ast.comprehension: Aliases._learn_walked,
    ast.withitem: Aliases._learn_item,
    ast.match_case: Aliases._learn_case,
    ast.Match: Aliases._learn_match,
    ast.AugAssign: Aliases._learn_augmented,
    ast.Call: Aliases._learn_call,
    ast.FunctionDef: Aliases._open,
    ast.AsyncFunctionDef: Aliases._open,
    ast.Lambda: Aliases._open,
}
_LEVELS: dict[type[ast.AST] | type[None], Callable[[Aliases, Any], int]] = {
    ast.Name: Aliases._of_name,
    ast.Attribute: Aliases._of_attribute,
    ast.Subscript: Aliases._of_item,
    ast.Call: Aliases._of_call,
    ast.IfExp: Aliases._of_choice,
    ast.BoolOp: Aliases._of_either,
    ast.NamedExpr: Aliases._of_value,
    ast.Starred: Aliases._of_value,
    ast.List: Aliases._of_display,
    ast.Tuple: Aliases._of_display,
    ast.Set: Aliases._of_display,
    ast.Dict: Aliases._of_dict,
    ast.ListComp: Aliases._of_comprehension,
    ast.SetComp: Aliases._of_comprehension,
    ast.GeneratorExp: Aliases._of_comprehension,
    ast.DictComp: Aliases._of_dict_comprehension,
    ast.BinOp: Aliases._of_sum,
}
