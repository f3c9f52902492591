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
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

from batos.methods.rewriter import Bindings, Rewriter, bindings
from batos.methods.splice import one_to_one
from batos.methods.tree import CHANGED, Tree, grow, is_self

WITH_KEY = {"sorted": "_sorted", "min": "_min", "max": "_max"}

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_TIGHT = (ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript, ast.List, ast.Dict, ast.Set, *_COMPREHENSIONS)


@dataclass(frozen=True)
class Rewritten:
    """A method as the sandbox runs it.

    `lines[n - 1]` is the line of the original that line n came from. `names` are the attribute names that occur.
    `declares` says that the method states that it writes state. `uses` are names that the prelude may define.
    """

    source: str
    lines: tuple[int, ...]
    names: frozenset[str]
    declares: bool
    uses: frozenset[str] = frozenset()


def rewrite(source: str) -> Rewritten:
    """Rewrite one method. Raises `GuardianRefused` for what has no meaning in the sandbox."""
    return rewritten(grow(source))


def rewritten(tree: Tree) -> Rewritten:
    """The same for a source that is parsed already."""
    names = frozenset(node.attr for node in tree.of(ast.Attribute))
    mediated = Mediated(tree, tree.function.name, bindings(tree), count(1))
    mediated.touch()
    text, lines = mediated.finished()
    return Rewritten(text, lines, names, CHANGED in names, frozenset(mediated.used))


class Mediated(Rewriter):
    """Every touch of an object as a call of the prelude."""

    always = Rewriter.always | {ast.Attribute, ast.JoinedStr}

    def __init__(self, tree: Tree, selector: str, names: Bindings, fresh: count[int]) -> None:
        super().__init__(tree, selector, names, fresh)
        self.expressions |= {
            ast.Attribute: self.read,
            ast.Compare: self.compared,
            ast.ExceptHandler: self.handler,
            **dict.fromkeys(_COMPREHENSIONS[:3], self.listed),
        }
        self.statements |= {
            ast.Assign: self.assign,
            ast.AugAssign: self.augmented,
            ast.Try: self.attempt,
            ast.Return: self.alone,
            ast.Expr: self.alone,
        }
        self._at_top: ast.AST | None = None  # the expression that is a statement's whole value

    def concerned(self, kind: type[ast.AST], nodes: list[Any]) -> Iterable[ast.AST]:
        if kind is ast.Call:
            return [node for node in nodes if type(node.func) is ast.Name and self._keyed(node, node.func.id)]
        if kind is ast.Compare:
            return [node for node in nodes if _is_identity(node)]
        return super().concerned(kind, nodes)

    def _keyed(self, node: ast.Call, called: str) -> bool:
        if called not in WITH_KEY or called in self.names.bound:
            return False
        return any(keyword.arg in ("key", None) for keyword in node.keywords)

    # Reads

    def read(self, node: ast.AST) -> str:
        assert isinstance(node, ast.Attribute)
        if isinstance(node.value, ast.Name) and node.value.id in self.names.modules:
            return self.use("_reduce") if node.attr == "reduce" else self.text[self.start(node) : self.end(node)]
        return f"{self.use('_get')}({self.bracketed(node.value)}, {_quoted(node.attr)})"

    def spelled(self, node: ast.expr) -> str | None:
        if not isinstance(node, ast.Attribute):
            return super().spelled(node)
        if isinstance(node.value, ast.Name) and node.value.id in self.names.modules:
            return None
        base = self.spelled(node.value)
        return f"{self.use('_get')}({base}, {_quoted(node.attr)})" if base is not None else None

    def compared(self, node: ast.AST) -> str:
        """References to one object are equal, but only the prelude can say that they are identical."""
        assert isinstance(node, ast.Compare)
        if not _is_identity(node):
            return self.around(node)
        same = f"{self.use('_same')}({self.bracketed(node.left)}, {self.bracketed(node.comparators[0])})"
        return same if isinstance(node.ops[0], ast.Is) else f"not {same}"

    # Sends

    def call(self, node: ast.AST) -> str:
        assert isinstance(node, ast.Call)
        if isinstance(node.func, ast.Attribute):
            return self.message(node, node.func)
        if isinstance(node.func, ast.Name) and self._keyed(node, node.func.id):
            return f"{self.use(WITH_KEY[node.func.id])}({self.arguments(node)})"
        return super().call(node)

    def message(self, node: ast.Call, func: ast.Attribute) -> str:
        base, selector = func.value, func.attr
        if isinstance(base, ast.Name) and base.id in self.names.modules:
            return f"{self.read(func)}({self.arguments(node)})"
        if isinstance(base, ast.Constant):
            return f"{self.text[self.start(node) : self._opening(node)]}{self.arguments(node)})"
        if isinstance(base, ast.JoinedStr):
            return f"{self.part(base)}.{one_to_one(selector)}({self.arguments(node)})"
        if is_self(base):
            return f"{self.use('_send')}(self, {', '.join([_quoted(selector), *self._given(node)])})"
        if selector == "sort" and node.keywords:
            return f"{self.use('_sort')}({', '.join([self.bracketed(base), *self._given(node)])})"
        return self._either(node, base, selector)

    def _given(self, node: ast.Call) -> list[str]:
        given = self.arguments(node).strip()
        return [given] if given else []

    def _either(self, node: ast.Call, base: ast.expr, selector: str) -> str:
        """A send if the receiver is an object, else a plain call. Arguments are evaluated once, into names."""
        whole = self._at_top is node
        asked = self.bracketed(base)
        given = [self._argument(value) for value in node.args]
        named = [(keyword.arg, self._argument(keyword.value)) for keyword in node.keywords]
        receiver = self.fresh()
        first = [f"({receiver} := {asked})"]
        args = [self._held(value, text, first) for value, text in zip(node.args, given, strict=True)]
        for keyword, (name, text) in zip(node.keywords, named, strict=True):
            held = self._held(keyword.value, text, first)
            args.append(f"{one_to_one(name)}={held}" if name is not None else f"**{held}")
        listed = ", ".join(args)
        # Most receivers turn out to be plain values, so what a send needs is fetched only where one is an object.
        send = f"{self.use('_late')}('_send')({', '.join([receiver, _quoted(selector), *args])})"
        plain = f"{receiver}.{one_to_one(selector)}({listed})"
        if len(first) == 1:
            text = f"{send} if isinstance({first[0]}, _Proto) else {plain}"
            return text if whole else f"({text})"
        choice = f"{send} if isinstance({receiver}, _Proto) else {plain}"
        return f"({', '.join([*first, choice])})[-1]"

    def _argument(self, value: ast.expr) -> str:
        return self.bracketed(value.value if isinstance(value, ast.Starred) else value)

    def _held(self, value: ast.expr, text: str, first: list[str]) -> str:
        star = "*" if isinstance(value, ast.Starred) else ""
        if isinstance(value.value if isinstance(value, ast.Starred) else value, ast.Constant):
            return star + text
        name = self.fresh()
        first.append(f"({name} := {text})")
        return star + name

    # Writes

    def stored(self, target: ast.expr, name: str) -> list[str]:
        if not isinstance(target, ast.Attribute):
            return super().stored(target, name)
        if target.attr == CHANGED:
            return []
        return [f"{self.use('_set')}({self.bracketed(target.value)}, {_quoted(target.attr)}, {name})"]

    def alone(self, node: ast.AST) -> list[str]:
        assert isinstance(node, ast.Return | ast.Expr)
        self._at_top = node.value
        return [self.around(node)]

    def assign(self, node: ast.AST) -> list[str]:
        assert isinstance(node, ast.Assign)
        return self.assigned(node.targets, node)

    def assigned(self, targets: list[ast.expr], node: ast.Assign | ast.AnnAssign) -> list[str]:
        targets = [target for target in targets if not _is_changed(target)]
        self._at_top = node.value
        if not targets:
            return ["pass"]
        if len(targets) == 1 and isinstance(targets[0], ast.Attribute):
            value = self.assigned_value(node)
            return self.stored(targets[0], f"({value})" if isinstance(node.value, ast.Tuple) else value)
        return super().assigned(targets, node)

    def augmented(self, node: ast.AST) -> list[str]:
        assert isinstance(node, ast.AugAssign)
        self._at_top = node.value
        if not isinstance(node.target, ast.Attribute):
            return [self.around(node)]
        # Through a name, so that `self.items += [1]` extends the list in place, as Python does.
        name, slot = self.fresh(), _quoted(node.target.attr)
        base = self.bracketed(node.target.value)
        added = self.between(self._touched([node.value]), self.end(node.target), self.end(node), self.part)
        return [
            f"{name} = {self.use('_get')}({base}, {slot})",
            name + added,
            f"{self.use('_set')}({base}, {slot}, {name})",
        ]

    def deleted(self, target: ast.expr) -> str:
        if isinstance(target, ast.Attribute):
            return f"{self.use('_delattr')}({self.bracketed(target.value)}, {_quoted(target.attr)})"
        return super().deleted(target)

    # Where a method goes on after an exception, it is its own object's turn again.

    def handler(self, node: ast.AST) -> str:
        assert isinstance(node, ast.ExceptHandler)
        self.before[node.body[0]] = [f"{self.use('_mine')}(self)"]
        return self.around(node)

    def attempt(self, node: ast.AST) -> list[str]:
        assert isinstance(node, ast.Try)
        if node.finalbody:
            self.before[node.finalbody[0]] = [f"{self.use('_mine')}(self)"]
        return [self.around(node)]

    def comprehended(self, node: ast.AST) -> str:
        """A slot as a comprehension's target is written by a condition that always holds, as `_set` answers None."""
        assert isinstance(node, _COMPREHENSIONS)
        if not any(isinstance(part, ast.Attribute) for each in node.generators for part in ast.walk(each.target)):
            return super().comprehended(node)
        elements = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        texts = [": ".join(self.bracketed(element) for element in elements)]
        for each in node.generators:
            after: list[str] = []
            texts.append(f"for {self._slots_named(each.target, after)} in {self._tight(each.iter)}")
            texts += [f"if {write} is None" for write in after]
            texts += [f"if {self._tight(condition)}" for condition in each.ifs]
        return " ".join(texts)

    def _slots_named(self, target: ast.AST, after: list[str]) -> str:
        """The target with names in place of slots only: no statement has a place here."""
        if isinstance(target, ast.Tuple | ast.List | ast.Starred):
            return self.around(target, part=lambda part: self._slots_named(part, after))
        return self.target(target, after) if isinstance(target, ast.Attribute) else self.part(target)

    def listed(self, node: ast.AST) -> str:
        begin, end = self.start(node), self.end(node)
        return f"{self.text[begin]}{self.comprehended(node)}{self.text[end - 1]}"

    def _tight(self, node: ast.expr) -> str:
        return self.part(node) if isinstance(node, _TIGHT) else f"({self.part(node)})"


def _quoted(name: str) -> str:
    return one_to_one(repr(name))


def _is_changed(target: ast.expr) -> bool:
    return isinstance(target, ast.Attribute) and target.attr == CHANGED


def _is_identity(node: ast.Compare) -> bool:
    """Whether it asks if two values are one, neither of which is a constant."""
    if len(node.ops) != 1 or not isinstance(node.ops[0], ast.Is | ast.IsNot):
        return False
    return not isinstance(node.comparators[0], ast.Constant) and not isinstance(node.left, ast.Constant)
