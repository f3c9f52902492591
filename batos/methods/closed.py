"""Closed methods: those that touch nothing but their arguments and, by name, slots of their own object.

Most methods are. With nothing but plain data in the session there is nobody to ask, so such a method needs no prelude:
each slot becomes a global variable of the session (`self.count` → `_s_count`) that the host fills before and reads
afterwards, and a message to `self` becomes a call of the method that answers it, fed along with it.

What this module finds is told by the text alone. Whether the slots are there, and hold plain data only, is for the host
to see at each call; where they do not, the method runs as any other does (`rewrite`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any

from batos.methods.plainness import needs_border
from batos.methods.rewriter import Bindings, Rewriter, bindings
from batos.methods.scalars import Condition, Scalars, condition, mutates
from batos.methods.splice import one_to_one
from batos.methods.tables import rules
from batos.methods.tree import CHANGED, Tree, is_self

SLOT = "_s_"
SENT = "_m_"

_OPEN = frozenset({"getattr", "setattr", "hasattr", "delattr"})


@dataclass(frozen=True, eq=False)
class Closed:
    """A method as it runs when its object's slots are plain data.

    `text` and `lines` are as in `Rewritten`. `reads` must be there, `stores` may come to be, `sends` are the selectors
    sent to `self`. `mutates` says that a container may be changed in place, `unsure` that what the method answers or
    stores must be checked at the border.
    """

    selector: str
    text: str
    lines: tuple[int, ...]
    names: frozenset[str]
    reads: frozenset[str]
    stores: frozenset[str]
    sends: frozenset[str]
    mutates: bool
    unsure: bool


def closed(tree: Tree) -> Closed | None:
    """The closed form of a method that the guardian passed, or None if it has none."""
    touches = _Touches(tree)
    return _written(tree, touches) if touches.closed else None


def light(tree: Tree) -> tuple[Closed, Condition] | None:
    """The closed form that copies nothing and looks at no slot but those that are assigned, and when it may be run;
    None if there is none, or the method has no other."""
    touches = _Touches(tree)
    if not touches.closed or not touches.mutates or touches.sends:
        return None
    given = condition(tree, touches.names, rules())
    if given is None:
        return None
    touches.mutates = False
    return _written(tree, touches), given


def _written(tree: Tree, touches: _Touches) -> Closed:
    rewriter = _Closed(tree, tree.function.name, touches.names, count(1))
    rewriter.slots = touches
    rewriter.touch()
    text, lines = rewriter.finished()
    return Closed(
        tree.function.name,
        text,
        lines,
        frozenset(rewriter.used),
        frozenset(touches.reads),
        frozenset(touches.stores),
        frozenset(touches.sends),
        touches.mutates,
        needs_border(tree, touches.names),
    )


class _Touches:
    """What the method does with `self`, and whether that is all it needs."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.reads: set[str] = set()
        self.stores: set[str] = set()
        self.sends: set[str] = set()
        self.mutates = False
        self.closed = self._look()

    @cached_property
    def names(self) -> Bindings:
        return bindings(self.tree)

    def _look(self) -> bool:
        """Whether `self` stands for its slots only, and nothing asks for identity or a name put together."""
        selves = slots = 0
        if self.tree.of(ast.Global) or any(map(_asks_identity, self.tree.of(ast.Compare))):
            return False
        table = rules()
        for node in self.tree.of(ast.Attribute):
            if is_self(node.value):
                slots += 1
                if not self._slot(node):
                    return False
            elif type(node.ctx) is not ast.Load or node.attr.startswith("_"):
                return False
        for name in self.tree.of(ast.Name):
            selves += name.id == "self"
            if name.id not in self.names.bound and (name.id in _OPEN or name.id in table.refused):
                return False
            if name.id.startswith("_") and name.id not in table.private:
                return False
        self.mutates = mutates(self.tree, self.names, table)
        return selves == slots and not (self.stores and self._stores_elsewhere())

    def _slot(self, node: ast.Attribute) -> bool:
        holder = self.tree.parents[node]
        if node.attr == CHANGED:
            return isinstance(node.ctx, ast.Store)
        if isinstance(node.ctx, ast.Del):
            return False
        if isinstance(node.ctx, ast.Store):
            self.stores.add(node.attr)
            if isinstance(holder, ast.AugAssign):
                self.reads.add(node.attr)
        elif isinstance(holder, ast.Call) and holder.func is node:
            self.sends.add(node.attr)
        else:
            self.reads.add(node.attr)
        return True

    def _stores_elsewhere(self) -> bool:
        """Whether a slot is written in a scope of its own, where a global variable would be a local one."""
        functions = [node for node in self.tree.of(ast.FunctionDef) if node is not self.tree.function]
        scopes: list[ast.AST] = [*functions, *self.tree.of(ast.Lambda), *self.tree.of(ast.comprehension)]
        return any(isinstance(part, ast.Attribute) and _is_stored(part) for node in scopes for part in ast.walk(node))


def _is_stored(node: ast.Attribute) -> bool:
    return isinstance(node.ctx, ast.Store) and is_self(node.value)


def _asks_identity(node: ast.Compare) -> bool:
    """`is` between two values: what the sandbox holds are copies, which are identical to nothing."""
    sides = [node.left, *node.comparators]
    pairs = zip(node.ops, sides, sides[1:], strict=False)
    return any(
        isinstance(op, ast.Is | ast.IsNot)
        and not isinstance(left, ast.Constant)
        and not isinstance(right, ast.Constant)
        for op, left, right in pairs
    )


class _Closed(Rewriter):
    """Slots as global variables. `used` are the prelude functions that the text names."""

    slots: _Touches

    def __init__(self, tree: Tree, selector: str, names: Bindings, fresh: count[int]) -> None:
        super().__init__(tree, selector, names, fresh)
        self.called = SENT + one_to_one(selector)
        self.scalars = Scalars(names)
        self.expressions |= {ast.Attribute: self.slot}
        self.statements |= {
            ast.Assign: self.assign,
            ast.AugAssign: self.augmented,
        }

    def nested(self, tree: Tree) -> Rewriter:
        inner = super().nested(tree)
        assert isinstance(inner, _Closed)
        inner.slots = self.slots
        return inner

    def concerned(self, kind: type[ast.AST], nodes: list[Any]) -> Iterable[ast.AST]:
        if kind is ast.Attribute:
            return [node for node in nodes if is_self(node.value)]
        return super().concerned(kind, nodes)

    def standing_for(self, name: str) -> str | None:
        # Nobody is asked from inside a key or a reduction, so only what must answer an iterator is replaced.
        return super().standing_for(name) if name in ("map", "filter") else None

    def slot(self, node: ast.AST) -> str:
        assert isinstance(node, ast.Attribute)
        if not is_self(node.value):
            return self.around(node)
        return SLOT + one_to_one(node.attr)

    def spelled(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Attribute):
            return self.slot(node) if is_self(node.value) else None
        return super().spelled(node)

    def call(self, node: ast.AST) -> str:
        assert isinstance(node, ast.Call)
        if isinstance(node.func, ast.Attribute) and is_self(node.func.value):
            given = self.arguments(node).strip()
            return f"{SENT}{one_to_one(node.func.attr)}({f'None, {given}' if given else 'None'})"
        return super().call(node)

    # Statements

    def function(self, node: ast.AST) -> list[str]:
        assert isinstance(node, ast.FunctionDef)
        if node is self.tree.module.body[0] and self.slots.stores:
            listed = ", ".join(SLOT + one_to_one(name) for name in sorted(self.slots.stores))
            self.before[node.body[0]] = [f"global {listed}"]
        return super().function(node)

    def assign(self, node: ast.AST) -> list[str]:
        assert isinstance(node, ast.Assign)
        return self.assigned(node.targets, node)

    def assigned(self, targets: list[ast.expr], node: ast.Assign | ast.AnnAssign) -> list[str]:
        targets = [target for target in targets if not (isinstance(target, ast.Attribute) and target.attr == CHANGED)]
        if not targets:
            return ["pass"]
        if len(targets) == 1 and isinstance(targets[0], ast.Attribute):
            value = self.assigned_value(node)
            if node.value is not None and self.scalars.surely(node.value):
                return [f"{self.slot(targets[0])} = {value}"]
            return self.stored(targets[0], f"({value})" if isinstance(node.value, ast.Tuple) else value)
        return super().assigned(targets, node)

    def stored(self, target: ast.expr, name: str) -> list[str]:
        """A slot takes a copy of the container that it is given. Where nothing is changed in place, nobody can tell."""
        if not isinstance(target, ast.Attribute):
            return super().stored(target, name)
        if target.attr == CHANGED:
            return []
        copied = self.slots.mutates or bool(self.slots.sends)
        return [f"{self.slot(target)} = {self.use('_copied')}({name})" if copied else f"{self.slot(target)} = {name}"]

    def augmented(self, node: ast.AST) -> list[str]:
        assert isinstance(node, ast.AugAssign)
        lines = [self.around(node)]
        if isinstance(node.target, ast.Attribute) and not self.scalars.adds(node):
            slot = self.slot(node.target)
            lines += [line for line in self.stored(node.target, slot) if line != f"{slot} = {slot}"]
        return lines
