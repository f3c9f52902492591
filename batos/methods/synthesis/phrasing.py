"""Whole phrases of a method: f-strings, cases as statements, names for what is computed twice."""

from __future__ import annotations

import ast
import copy
from collections import Counter

LEAST_PARTS = 3
"""So many pieces make an f-string easier to read than a sum."""

REPEATED = {"split": "parts", "splitlines": "lines", "sorted": "ordered", "lower": "lowered", "upper": "raised"}
"""Calls that get a name when they are made twice; none of them raises for a value of the right type."""


def f_strings(module: ast.Module) -> ast.Module:
    filled: ast.Module = _FStrings().visit(module)
    return filled


class _FStrings(ast.NodeTransformer):
    """`'Hello, ' + name + '!'` becomes `f'Hello, {name}!'`."""

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.expr:
        """`{number:0{4}d}` becomes `{number:04d}`."""
        self.generic_visit(node)
        if isinstance(node.format_spec, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.FormattedValue) else part for part in node.format_spec.values]
            if all(isinstance(part, ast.Constant) for part in parts):
                spec = "".join(str(part.value) for part in parts if isinstance(part, ast.Constant))
                node.format_spec = ast.JoinedStr([ast.Constant(spec)])
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        pieces = _summed(node)
        formatted = any(isinstance(piece, ast.JoinedStr) for piece in pieces)
        if (len(pieces) >= LEAST_PARTS or formatted) and any(_is_text(piece) for piece in pieces):
            values = [value for piece in pieces for value in _as_values(piece)]
            if all(_fits(value) for value in values):
                return ast.JoinedStr(values)
        self.generic_visit(node)
        return node


def _summed(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_summed(node.left), *_summed(node.right)]
    return [node]


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _as_values(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.JoinedStr):
        return node.values
    if isinstance(node, ast.Constant):
        return [node]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str" and len(node.args) == 1:
        node = node.args[0]
    return [ast.FormattedValue(node, -1)]


def _fits(value: ast.expr) -> bool:
    """Whether a piece can stand in an f-string of Python 3.11: no quotes of its own kind, no braces."""
    if isinstance(value, ast.Constant):
        return "\n" not in str(value.value) and "\\" not in str(value.value)
    text = ast.unparse(value.value) if isinstance(value, ast.FormattedValue) else ""
    return '"' not in text and "\\" not in text and "{" not in text and not ("'" in text and len(text) > 24)


def cases(body: list[ast.stmt], width: int) -> list[ast.stmt]:
    """A long or nested conditional that is returned becomes `if` statements."""
    found: list[ast.stmt] = []
    for statement in body:
        value = statement.value if isinstance(statement, ast.Return) else None
        if isinstance(value, ast.IfExp) and _complex(value, width):
            found += _branches(value)
        else:
            found.append(statement)
    return found


def _complex(choice: ast.IfExp, width: int) -> bool:
    nested = any(isinstance(part, ast.IfExp) for part in (choice.body, choice.orelse))
    return nested or len(ast.unparse(choice)) > width


def _branches(value: ast.expr) -> list[ast.stmt]:
    if not isinstance(value, ast.IfExp):
        return [ast.Return(value)]
    return [ast.If(value.test, _branches(value.body), []), *_branches(value.orelse)]


def hoisted(body: list[ast.stmt], names: tuple[str, ...]) -> list[ast.stmt]:
    """Calls made twice in one statement over the method's own names are made once before it."""
    found: list[ast.stmt] = []
    taken = {*names, *(node.id for statement in body for node in ast.walk(statement) if isinstance(node, ast.Name))}
    for statement in body:
        while (call := _repeated(statement, names)) is not None:
            plain = REPEATED[_called(call)]
            name = plain if plain not in taken else f"{plain}_{len(taken)}"
            taken.add(name)
            found.append(ast.Assign([ast.Name(name, ast.Store())], copy.deepcopy(call)))
            statement = _Named(ast.dump(call), name).visit(statement)
        found.append(statement)
    return found


def _repeated(statement: ast.stmt, names: tuple[str, ...]) -> ast.Call | None:
    """The largest call that occurs twice and mentions nothing but parameters and slots."""
    known = {"self", "sorted", "set", *names}
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call) and _called(node) in REPEATED]
    plain = [call for call in calls if all(node.id in known for node in ast.walk(call) if isinstance(node, ast.Name))]
    counts = Counter(ast.dump(call) for call in plain)
    return next((call for call in plain if counts[ast.dump(call)] > 1), None)


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


class _Named(ast.NodeTransformer):
    """Puts a name in the place of every occurrence of one expression."""

    def __init__(self, wanted: str, name: str) -> None:
        self.wanted, self.name = wanted, name

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if ast.dump(node) == self.wanted:
            return ast.Name(self.name, ast.Load())
        self.generic_visit(node)
        return node


def unparse(tree: ast.FunctionDef) -> str:
    """The source of a function. A generator that is a call's only argument stands without parentheses of its own."""
    generators, patterns = _Generators(), _Patterns()
    text = ast.unparse(ast.fix_missing_locations(patterns.visit(generators.visit(tree))))
    for name, generator in reversed(generators.found):
        text = text.replace(name, ast.unparse(ast.fix_missing_locations(patterns.visit(generator)))[1:-1])
    for name, pattern in reversed(patterns.found):
        text = text.replace(name, f"r'{pattern}'")
    return text + "\n"


class _Patterns(ast.NodeTransformer):
    """Takes regular expressions with a backslash out of calls of `re`; they are written as raw texts."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        of_re = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "re"
        pattern = node.args[0] if of_re and node.args else None
        if isinstance(pattern, ast.Constant) and isinstance(pattern.value, str) and _raw(pattern.value):
            name = f"pattern_number_{len(self.found)}_"
            self.found.append((name, pattern.value))
            node.args[0] = ast.Name(name, ast.Load())
        return node


def _raw(pattern: str) -> bool:
    return "\\" in pattern and "'" not in pattern and pattern.isprintable() and not pattern.endswith("\\")


class _Generators(ast.NodeTransformer):
    """Takes generators out of calls and leaves names in their place."""

    def __init__(self) -> None:
        self.found: list[tuple[str, ast.expr]] = []

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if len(node.args) == 1 and not node.keywords and isinstance(node.args[0], ast.GeneratorExp):
            name = f"generator_number_{len(self.found)}_"
            self.found.append((name, ast.fix_missing_locations(node.args[0])))
            node.args[0] = ast.Name(name, ast.Load())
        return node
