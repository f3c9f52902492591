"""Which nodes of a method may change the object's state, told from what its expressions may hold (`aliases`).

It knows nothing of types: `self.basket.add(x)` counts as a change even if `basket` is an object.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from batos.methods.aliases import FRESH, ITSELF, Aliases
from batos.methods.tree import CHANGED, Scope, Tree, evaluated, is_self

_NAMED_WRITES = frozenset({"setattr", "delattr"})
_CONTAINERS = frozenset({"list", "dict", "set", "deque", "Counter", "defaultdict", "OrderedDict"})


@dataclass(frozen=True)
class Write:
    """One place that may change state. `slot` is the slot of `self`, or None where an alias hides which."""

    line: int
    slot: str | None


class Changes:
    """Built once per method. `in_place` are the lines where `name += value` counts as a change."""

    def __init__(self, tree: Tree, aliases: Aliases) -> None:
        self.aliases = aliases
        self.in_place: set[int] = set()
        self._parents = tree.parents
        self._writes: dict[ast.AST, list[Write]] = {}
        for kind, written in _WRITING.items():
            for node in tree.kinds.get(kind, ()):
                write = written(self, node)
                if write is not None:
                    self._note(node, write)

    def writes(self, node: ast.AST) -> Sequence[Write]:
        """The places in a node that may change state, nested functions left out."""
        return self._writes.get(node, ())

    def _note(self, node: ast.AST, write: Write) -> None:
        """A write is one of every node around it, up to the function that it runs in."""
        parents = self._parents
        while True:
            self._writes.setdefault(node, []).append(write)
            holder = parents.get(node)
            if isinstance(holder, ast.arguments):
                holder = parents[holder]
            if holder is None or (isinstance(holder, Scope) and node not in evaluated(holder)):
                return
            node = holder

    def _written_attribute(self, node: ast.Attribute) -> Write | None:
        if type(node.ctx) is not ast.Load:
            return Write(node.lineno, node.attr) if is_self(node.value) and node.attr != CHANGED else None
        changes = node.attr in self.aliases.mutators and self.aliases.level(node.value) == ITSELF
        return Write(node.lineno, slot_of(node.value)) if changes else None

    def _written_item(self, node: ast.Subscript) -> Write | None:
        changes = type(node.ctx) is not ast.Load and self.aliases.level(node.value) == ITSELF
        return Write(node.lineno, slot_of(node.value)) if changes else None

    def _written_augmented(self, node: ast.AugAssign) -> Write | None:
        held = isinstance(node.target, ast.Name) and self.aliases.level(node.target) == ITSELF
        if not held or not _may_be_in_place(node.op, node.value):
            return None
        self.in_place.add(node.lineno)
        return Write(node.lineno, None)

    def _written_call(self, node: ast.Call) -> Write | None:
        if not node.args:
            return None
        called, first = node.func, node.args[0]
        name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
        if isinstance(called, ast.Name) and name in _NAMED_WRITES and is_self(first):
            slot = node.args[1].value if len(node.args) > 1 and isinstance(node.args[1], ast.Constant) else None
            return Write(node.lineno, slot if isinstance(slot, str) else None)
        changes = name in self.aliases.functions or (
            isinstance(called, ast.Attribute)
            and name in self.aliases.mutators
            and isinstance(called.value, ast.Name)
            and called.value.id in _CONTAINERS
        )
        return Write(node.lineno, slot_of(first)) if changes and self.aliases.level(first) == ITSELF else None


_WRITING: dict[type[ast.AST], Callable[[Changes, Any], Write | None]] = {
    ast.Attribute: Changes._written_attribute,
    ast.Subscript: Changes._written_item,
    ast.AugAssign: Changes._written_augmented,
    ast.Call: Changes._written_call,
}


def _may_be_in_place(op: ast.operator, value: ast.expr) -> bool:
    """Whether `name += value` may change a container instead of giving the name a new value: not if no container can
    take that value. (A list may be extended by a text; that nobody writes.)"""
    match value:
        case ast.Constant(value=constant):
            return isinstance(op, ast.Mult) and isinstance(constant, int)
        case ast.JoinedStr() | ast.Compare():
            return False
        case ast.Call(func=ast.Name(id=name)):
            return not (name in FRESH and not isinstance(op, ast.Mult))
        case ast.UnaryOp(operand=operand):
            return _may_be_in_place(op, operand)
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div() | ast.FloorDiv() | ast.Pow() | ast.Sub(), right=right):
            return _may_be_in_place(op, left) and _may_be_in_place(op, right)
    return isinstance(op, ast.Add | ast.Mult | ast.BitOr | ast.BitAnd | ast.BitXor | ast.Sub)


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
