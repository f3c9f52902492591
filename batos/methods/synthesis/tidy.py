"""Making expressions read as a person would write them, without changing what they compute.

Comparisons the usual way round, no `list(…)` where something is only iterated over, good names for the items of a
list, texts put together as f-strings, cases as statements. Each step is a pass over the syntax tree.
"""

from __future__ import annotations

import ast
import copy

from batos.methods.synthesis.conventions import singular
from batos.methods.synthesis.forms import ITEM, uses
from batos.methods.synthesis.phrasing import cases, f_strings, hoisted

WIDTH = 100
"""A conditional expression that is longer than this, or nested, becomes statements."""

READERS = {"sorted", "max", "min", "sum", "any", "all", "set", "dict", "tuple", "enumerate", "zip", "list"}
"""Functions that only iterate over their first argument."""

VIEWS = {"range", "zip", "enumerate"}

PAIRS = {"items": ("key", "value"), "enumerate": ("number", "item"), "zip": ("one", "other")}
"""Names for the two parts of the pairs that a call gives."""

SPARE = (("first", "second"), ("left", "right"))

OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip

FLIPPED = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq}


def tidy(body: list[ast.stmt], names: tuple[str, ...]) -> list[ast.stmt]:
    """The statements, tidied; `names` are the method's parameters."""
    module = ast.Module(body, [])
    module = _Order().visit(module)
    module = _Iteration().visit(module)
    module = _Naming(set(names)).visit(module)
    module = _Keys().visit(module)
    module = f_strings(module)
    return cases(hoisted(module.body, names), WIDTH)


class _Order(ast.NodeTransformer):
    """Constants on the right: `18 <= age` becomes `age >= 18`, `2 * price` becomes `price * 2`."""

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if len(node.ops) != 1 or type(node.ops[0]) not in FLIPPED:
            return node
        left, right = node.left, node.comparators[0]
        constant_left = isinstance(left, ast.Constant) and not isinstance(right, ast.Constant)
        outer_left = uses(right, ITEM) and not uses(left, ITEM)
        if constant_left or outer_left:
            return ast.Compare(right, [FLIPPED[type(node.ops[0])]()], [left])
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.Add) and _negative(node.right) and isinstance(node.right, ast.UnaryOp):
            return ast.BinOp(node.left, ast.Sub(), node.right.operand)
        if isinstance(node.op, (ast.Add, ast.Mult)) and _number(node.left) and not isinstance(node.right, ast.Constant):
            node.left, node.right = node.right, node.left
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        """`not a <= b` becomes `a > b`, `not not a` as a test `a`."""
        self.generic_visit(node)
        inner = node.operand
        if not isinstance(node.op, ast.Not):
            return node
        if isinstance(inner, ast.Compare) and len(inner.ops) == 1 and type(inner.ops[0]) in OPPOSITES:
            return ast.Compare(inner.left, [OPPOSITES[type(inner.ops[0])]()], inner.comparators)
        twice = isinstance(inner, ast.UnaryOp) and isinstance(inner.op, ast.Not)
        return inner.operand if twice and isinstance(inner, ast.UnaryOp) and _is_flag(inner.operand) else node

    def visit_comprehension(self, node: ast.comprehension) -> ast.comprehension:
        self.generic_visit(node)
        node.ifs = [_test(test) for test in node.ifs]
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        node.test = _test(node.test)
        return node

    def visit_If(self, node: ast.If) -> ast.stmt:
        self.generic_visit(node)
        node.test = _test(node.test)
        return node


def _test(node: ast.expr) -> ast.expr:
    """A test without a double negation: only its truth counts."""
    while isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = node.operand
        if not (isinstance(inner, ast.UnaryOp) and isinstance(inner.op, ast.Not)):
            break
        node = inner.operand
    return node


def _is_flag(node: ast.expr) -> bool:
    return isinstance(node, ast.Compare) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not))


def _negative(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and _number(node.operand)


def _number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


class _Iteration(ast.NodeTransformer):
    """No list is made where one is only read through: `sum([…])` becomes `sum(…)`, `list(range(3))` `range(3)`."""

    def visit_comprehension(self, node: ast.comprehension) -> ast.comprehension:
        self.generic_visit(node)
        node.iter = _unlisted(node.iter)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        joins = isinstance(node.func, ast.Attribute) and node.func.attr in ("join", "fromkeys")
        reads = isinstance(node.func, ast.Name) and node.func.id in READERS
        if not node.args or not (joins or reads):
            return node
        first = _unlisted(node.args[0])
        alone = len(node.args) == 1 and not node.keywords and not _is_call(node, "list", "zip", "enumerate")
        if isinstance(first, ast.ListComp) and alone:
            first = ast.GeneratorExp(first.elt, first.generators)
        node.args[0] = first
        return node


def _unlisted(node: ast.expr) -> ast.expr:
    """What `list(…)` was made of, where that can be iterated over just as well."""
    if not (_is_call(node, "list") and isinstance(node, ast.Call) and len(node.args) == 1):
        return node
    inner = node.args[0]
    views = _is_call(inner, *VIEWS) or (isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute))
    return inner if views or isinstance(inner, (ast.Name, ast.Attribute, ast.Subscript)) else node


def _is_call(node: ast.expr, *names: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


class _Naming(ast.NodeTransformer):
    """Names for items: `word in text.split()`, `key, value in record.items()`."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken

    def visit_ListComp(self, node: ast.ListComp) -> ast.expr:
        return self._named(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.expr:
        return self._named(node)

    def visit_DictComp(self, node: ast.DictComp) -> ast.expr:
        return self._named(node)

    def _named(self, node: ast.ListComp | ast.GeneratorExp | ast.DictComp) -> ast.expr:
        self.generic_visit(node)
        loop = node.generators[0]
        if len(node.generators) != 1 or not isinstance(loop.target, ast.Name) or loop.target.id != ITEM:
            return node
        inside = [each for each in ast.walk(node) if each is not loop.target]
        if any(isinstance(each, ast.comprehension) and each is not loop and uses(each.target, ITEM) for each in inside):
            return node
        parts = [each for each in inside if _part_of_item(each)]
        mentions = [each for each in inside if isinstance(each, ast.Name) and each.id == ITEM]
        if parts and len(parts) == len(mentions) and (pair := self._pair(loop.iter)):
            loop.target = ast.Tuple([ast.Name(name, ast.Store()) for name in pair], ast.Store())
            return node if uses(loop.iter, ITEM) else _replaced(node, _Parts(pair))
        name = self._name(loop.iter)
        if uses(node, name) or uses(loop.iter, ITEM):
            return node
        return _replaced(node, _Renaming(ITEM, name))

    def _pair(self, source: ast.expr) -> tuple[str, str] | None:
        if not isinstance(source, ast.Call):
            return None
        called = source.func.attr if isinstance(source.func, ast.Attribute) else getattr(source.func, "id", "")
        pairs = (PAIRS.get(called, SPARE[0]), *SPARE)
        return next((pair for pair in pairs if not self.taken & set(pair)), None)

    def _name(self, source: ast.expr) -> str:
        name = ITEM
        if isinstance(source, ast.Attribute):
            name = singular(source.attr)
        elif isinstance(source, ast.Name) and source.id in ("text", "other_text"):
            name = "letter"
        elif isinstance(source, ast.Call) and isinstance(source.func, ast.Attribute):
            plain = {"split": "part" if source.args else "word", "splitlines": "line", "values": "value"}
            name = plain.get(source.func.attr, ITEM)
        elif _is_call(source, "range"):
            name = "number"
        taken = name in self.taken or (isinstance(source, ast.Attribute) and name == source.attr)
        return ITEM if taken else name


def _part_of_item(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id == ITEM
        and isinstance(node.slice, ast.Constant)
        and node.slice.value in (0, 1)
        and type(node.slice.value) is int
    )


def _replaced(node: ast.expr, by: ast.NodeTransformer) -> ast.expr:
    replaced: ast.expr = by.visit(node)
    return replaced


class _Parts(ast.NodeTransformer):
    """`item[0]` and `item[1]` by name."""

    def __init__(self, names: tuple[str, str]) -> None:
        self.names = names

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        if _part_of_item(node) and isinstance(node.slice, ast.Constant):
            return ast.Name(self.names[1 if node.slice.value else 0], ast.Load())
        self.generic_visit(node)
        return node


class _Renaming(ast.NodeTransformer):
    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.new, node.ctx) if node.id == self.old else node


class _Keys(ast.NodeTransformer):
    """`key=lambda item: len(item)` becomes `key=len`."""

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        self.generic_visit(node)
        call = node.body
        whole = ast.dump(ast.Name(node.args.args[0].arg, ast.Load()))
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Name)
            and [ast.dump(argument) for argument in call.args] == [whole]
            and not call.keywords
        ):
            return copy.deepcopy(call.func)
        return node
