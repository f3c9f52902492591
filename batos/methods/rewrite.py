"""From the Python of a method to the Python that the sandbox runs, where every touch of an object is a call.

The sandbox holds objects as opaque references and hands containers over by copy. So reads, writes and sends become
calls of the prelude (`prelude.py.txt`), which ask the host: `self.count += 1` writes through `_set`, `friend.greet(x)`
through `_send` if `friend` turns out to be an object. Builtins that call back (`sorted(key=…)`, `map`) become prelude
functions too, because the sandbox cannot ask the host from inside its own. The result is for the sandbox only: CPython
would refuse some of it.

The rewrite is pure and expects a source that the guardian passed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from batos.errors import GuardianRefused
from batos.methods.aliases import CHANGED, is_self

METHOD = "_method_"  # what every rewritten method is called; the sandbox binds them by position

# Builtins that call back or that name an attribute, and the prelude functions that stand for them.
ALWAYS = {
    "getattr": "_getattr",
    "setattr": "_setattr",
    "hasattr": "_hasattr",
    "delattr": "_delattr",
    "map": "_map",
    "filter": "_filter",
}
WITH_KEY = {"sorted": "_sorted", "min": "_min", "max": "_max"}


@dataclass(frozen=True)
class Rewritten:
    """A method as the sandbox runs it.

    `lines[n - 1]` is the line of the original that line n came from. `names` are the attribute names that occur, for
    choosing which slots to send along. `declares` says that the method states that it writes state.
    """

    source: str
    lines: tuple[int, ...]
    names: frozenset[str]
    declares: bool


def rewrite(source: str) -> Rewritten:
    """Rewrite one method. Raises `GuardianRefused` for what has no meaning in the sandbox."""
    tree = ast.parse(source)
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    names = frozenset(node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    function.name, selector = METHOD, function.name
    _Rewriter(function, selector).run()
    text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
    return Rewritten(text, _line_map(tree, text), names, CHANGED in names)


def _line_map(tree: ast.Module, text: str) -> tuple[int, ...]:
    """Statement by statement, as both trees have the same ones in the same order."""
    lines = [0] * (text.count("\n") + 1)
    for old, new in zip(_statements(tree), _statements(ast.parse(text)), strict=True):
        for number in range(new.lineno, (new.end_lineno or new.lineno) + 1):
            lines[number - 1] = old.lineno
    return tuple(lines)


def _statements(tree: ast.AST) -> Iterator[ast.stmt]:
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.stmt):
            yield child
        yield from _statements(child)


def _call(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(args), [])


def _load(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _stored(name: str) -> ast.Name:
    return ast.Name(name, ast.Store())


class _Rewriter(ast.NodeTransformer):
    def __init__(self, function: ast.FunctionDef, selector: str) -> None:
        self.function = function
        self.selector = selector
        self.count = 0
        self.modules: set[str] = set()
        self.bound: set[str] = set()
        self.reduces: set[str] = set()
        for node in ast.walk(function):
            if isinstance(node, ast.Import):
                self.modules.update(alias.asname or alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module == "functools":
                self.reduces.update(alias.asname or alias.name for alias in node.names if alias.name == "reduce")
            elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                self.bound.add(node.id)
            elif isinstance(node, ast.arg):
                self.bound.add(node.arg)
            elif isinstance(node, ast.FunctionDef):
                self.bound.add(node.name)

    def run(self) -> None:
        self.visit(self.function)

    def fresh(self) -> str:
        self.count += 1
        return f"_v{self.count}"

    # Reads

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if isinstance(node.value, ast.Name) and node.value.id in self.modules:
            return _load("_reduce") if node.attr == "reduce" else node
        return _call("_get", self.visit(node.value), ast.Constant(node.attr))

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if isinstance(node.ctx, ast.Load):
            if node.id in ALWAYS and node.id not in self.bound:
                return _load(ALWAYS[node.id])
            if node.id in self.reduces:
                return _load("_reduce")
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        """References to one object are equal, but only the prelude can say that they are identical."""
        identity = isinstance(node.ops[0], ast.Is | ast.IsNot) and len(node.ops) == 1
        if not identity or isinstance(node.comparators[0], ast.Constant) or isinstance(node.left, ast.Constant):
            return self.generic_visit(node)  # type: ignore[return-value]
        same = _call("_same", self.visit(node.left), self.visit(node.comparators[0]))
        return same if isinstance(node.ops[0], ast.Is) else ast.UnaryOp(ast.Not(), same)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.expr:
        """The sandbox has no lazy generators: it makes a list, which `next` then refuses."""
        listed = self.visit(ast.ListComp(node.elt, node.generators))
        return _call("iter", listed)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        """Taken apart, because text cannot always be put back with calls and their quotes inside its braces."""
        parts: list[ast.expr] = []
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                shown = self.visit(value.value)
                if value.conversion > 0:
                    shown = _call({"s": "str", "r": "repr", "a": "_ascii"}[chr(value.conversion)], shown)
                spec = self.visit(value.format_spec) if value.format_spec is not None else ast.Constant("")
                parts.append(_call("format", shown, spec))
            else:
                parts.append(value)
        return ast.Call(ast.Attribute(ast.Constant(""), "join", ast.Load()), [ast.Tuple(parts, ast.Load())], [])

    # Sends

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if isinstance(node.func, ast.Attribute):
            return self._message(node, node.func)
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        with_key = any(keyword.arg in ("key", None) for keyword in node.keywords)
        if called in WITH_KEY and called not in self.bound and with_key:
            node.func = _load(WITH_KEY[called])
        return self.generic_visit(node)  # type: ignore[return-value]

    def _message(self, node: ast.Call, func: ast.Attribute) -> ast.expr:
        base, selector = func.value, func.attr
        if isinstance(base, ast.Name) and base.id in self.modules:
            node.func = self.visit(func)
            self._arguments(node)
            return node
        if isinstance(base, ast.Constant | ast.JoinedStr):
            func.value = self.visit(base)
            self._arguments(node)
            return node
        if is_self(base):
            self._arguments(node)
            return ast.Call(_load("_send"), [base, ast.Constant(selector), *node.args], node.keywords)
        if selector == "sort" and node.keywords:
            self._arguments(node)
            return ast.Call(_load("_sort"), [self.visit(base), *node.args], node.keywords)
        return self._either(self.visit(base), selector, node)

    def _either(self, base: ast.expr, selector: str, node: ast.Call) -> ast.expr:
        """A send if the receiver is an object, else a plain call. Arguments are evaluated once, into names."""
        self._arguments(node)
        receiver = self.fresh()
        first: list[ast.expr] = [ast.NamedExpr(_stored(receiver), base)]
        args = [self._held(value, first) for value in node.args]
        keywords = [ast.keyword(keyword.arg, self._held(keyword.value, first)) for keyword in node.keywords]
        # Most receivers turn out to be plain values, so what a send needs is fetched only where one is an object.
        send = ast.Call(
            _call("_late", ast.Constant("_send")), [_load(receiver), ast.Constant(selector), *args], keywords
        )
        plain = ast.Call(ast.Attribute(_load(receiver), selector, ast.Load()), args, keywords)
        if len(first) == 1:
            return ast.IfExp(_call("isinstance", first[0], _load("_Proto")), send, plain)
        choice = ast.IfExp(_call("isinstance", _load(receiver), _load("_Proto")), send, plain)
        return ast.Subscript(ast.Tuple([*first, choice], ast.Load()), ast.Constant(-1), ast.Load())

    def _held(self, value: ast.expr, first: list[ast.expr]) -> ast.expr:
        if isinstance(value, ast.Constant):
            return value
        if isinstance(value, ast.Starred):
            return ast.Starred(self._held(value.value, first), ast.Load())
        name = self.fresh()
        first.append(ast.NamedExpr(_stored(name), value))
        return _load(name)

    def _arguments(self, node: ast.Call) -> None:
        node.args = [self.visit(value) for value in node.args]
        node.keywords = [ast.keyword(keyword.arg, self.visit(keyword.value)) for keyword in node.keywords]

    # Writes

    def _target(self, target: ast.expr, after: list[ast.stmt], whole: ast.stmt) -> ast.expr:
        """The target with its slots replaced by names; `after` gets the statements that write the slots."""
        match target:
            case ast.Attribute(value=base, attr=attr):
                name = self.fresh()
                if attr != CHANGED:
                    written = _call("_set", self.visit(base), ast.Constant(attr), _load(name))
                    after.append(ast.copy_location(ast.Expr(written), whole))
                return _stored(name)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return ast.Tuple([self._target(part, after, whole) for part in parts], ast.Store())
            case ast.Starred(value=inner):
                return ast.Starred(self._target(inner, after, whole), ast.Store())
        visited: ast.expr = self.visit(target)
        return visited

    def visit_Assign(self, node: ast.Assign) -> list[ast.stmt]:
        targets = [target for target in node.targets if not _is_changed(target)]
        value = self.visit(node.value)
        if not targets:
            return [ast.copy_location(ast.Pass(), node)]
        if len(targets) == 1 and isinstance(targets[0], ast.Attribute):
            written = _call("_set", self.visit(targets[0].value), ast.Constant(targets[0].attr), value)
            return [ast.copy_location(ast.Expr(written), node)]
        after: list[ast.stmt] = []
        replaced = [self._target(target, after, node) for target in targets]
        return [ast.copy_location(ast.Assign(replaced, value), node), *after]

    def visit_AnnAssign(self, node: ast.AnnAssign) -> list[ast.stmt]:
        if node.value is None:
            return [ast.copy_location(ast.Pass(), node)]
        return self.visit_Assign(ast.copy_location(ast.Assign([node.target], node.value), node))

    def visit_AugAssign(self, node: ast.AugAssign) -> list[ast.stmt]:
        if not isinstance(node.target, ast.Attribute):
            return [self.generic_visit(node)]  # type: ignore[list-item]
        # Through a name, so that `self.items += [1]` extends the list in place, as Python does.
        name, base = self.fresh(), self.visit(node.target.value)
        value = self.visit(node.value)
        steps: list[ast.stmt] = [
            ast.Assign([_stored(name)], _call("_get", base, ast.Constant(node.target.attr))),
            ast.AugAssign(_stored(name), node.op, value),
            ast.Expr(_call("_set", base, ast.Constant(node.target.attr), _load(name))),
        ]
        return [ast.copy_location(step, node) for step in steps]

    def visit_Delete(self, node: ast.Delete) -> list[ast.stmt]:
        return [ast.copy_location(self._delete(target, node), node) for target in node.targets]

    def _delete(self, target: ast.expr, node: ast.Delete) -> ast.stmt:
        match target:
            case ast.Attribute(value=base, attr=attr):
                return ast.Expr(_call("_delattr", self.visit(base), ast.Constant(attr)))
            case ast.Subscript(value=base, slice=ast.Slice(lower=lower, upper=upper, step=None)):
                ends = [self.visit(end) if end is not None else ast.Constant(None) for end in (lower, upper)]
                return ast.Expr(_call("_delslice", self.visit(base), *ends))
            case ast.Subscript(value=base, slice=index) if not isinstance(index, ast.Slice):
                return ast.Expr(_call("_delitem", self.visit(base), self.visit(index)))
            case ast.Name(id=name):
                # The sandbox has no `del`. Reading a deleted name is an error in Python; here it reads None.
                return ast.Assign([_stored(name)], ast.Constant(None))
        reason = f"Line {node.lineno}: this form of `del` is not available to a method."
        raise GuardianRefused(selector=self.selector, reason=reason)

    def visit_For(self, node: ast.For) -> ast.stmt:
        after: list[ast.stmt] = []
        target = self._target(node.target, after, node)
        self.generic_visit(node)
        node.target = target
        node.body = [*after, *node.body]
        return node

    def visit_With(self, node: ast.With) -> ast.stmt:
        after: list[ast.stmt] = []
        for item in node.items:
            item.context_expr = self.visit(item.context_expr)
            if item.optional_vars is not None:
                item.optional_vars = self._target(item.optional_vars, after, node)
        node.body = [*after, *self._block(node.body)]
        return node

    def _block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        result: list[ast.stmt] = []
        for statement in body:
            visited = self.visit(statement)
            result.extend(visited if isinstance(visited, list) else [visited])
        return result

    def visit_comprehension(self, node: ast.comprehension) -> ast.comprehension:
        after: list[ast.stmt] = []
        target = self._target(node.target, after, ast.Pass(lineno=1, col_offset=0))
        self.generic_visit(node)
        node.target = target
        # `_set` answers None: a condition that always holds writes the slot at each turn.
        writes = [
            ast.Compare(step.value, [ast.Is()], [ast.Constant(None)]) for step in after if isinstance(step, ast.Expr)
        ]
        node.ifs = [*writes, *node.ifs]
        return node

    # What is left out

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node


def _is_changed(target: ast.expr) -> bool:
    return isinstance(target, ast.Attribute) and target.attr == CHANGED
