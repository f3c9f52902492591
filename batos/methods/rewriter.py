"""What every rewrite of a method for the sandbox has in common, whatever becomes of the objects in it.

The interpreter of the sandbox has no generators and no `del`, and cannot put back every f-string. The method is given
one name for all, annotations are left out, and a few builtins become functions of the prelude.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

from batos.errors import GuardianRefused
from batos.methods.splice import Splicer, one_to_one
from batos.methods.tree import Tree

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
_SAFE = re.compile(r"[ !#-\[\]-z|~]*")  # text without quotes, braces and backslashes
_CONVERSIONS = {"s": "str", "r": "repr", "a": "_ascii"}


@dataclass(frozen=True)
class Bindings:
    """What the names of a method mean: imported modules, names that it binds itself, names for `functools.reduce`."""

    modules: frozenset[str]
    bound: frozenset[str]
    reduces: frozenset[str]


def bindings(tree: Tree) -> Bindings:
    bound = {node.id for node in tree.of(ast.Name) if type(node.ctx) is not ast.Load}
    bound.update(node.arg for node in tree.of(ast.arg))
    bound.update(node.name for node in tree.of(ast.FunctionDef))
    aliases = [alias for node in tree.of(ast.Import) for alias in node.names]
    reduces = [
        alias
        for node in tree.of(ast.ImportFrom)
        for alias in node.names
        if node.module == "functools" and alias.name == "reduce"
    ]
    return Bindings(frozenset(map(_called, aliases)), frozenset(bound), frozenset(map(_called, reduces)))


def _called(alias: ast.alias) -> str:
    return alias.asname or alias.name


class Rewriter(Splicer):
    """What every way of running a method in the sandbox changes: the head, annotations, generators, `del`."""

    always = frozenset({ast.GeneratorExp})

    def __init__(self, tree: Tree, selector: str, names: Bindings, fresh: count[int]) -> None:
        super().__init__(tree)
        self.selector = selector
        self.called = METHOD
        self.names = names
        self._numbers = fresh
        self.used: set[str] = set()  # the functions of the prelude that the text names
        self.expressions = {
            ast.GeneratorExp: self.generator,
            ast.JoinedStr: self.joined,
            ast.Call: self.call,
            ast.Name: self.name,
        }
        self.statements = {
            ast.FunctionDef: self.function,
            ast.Delete: self.delete,
            ast.AnnAssign: self.annotated,
            ast.For: self.loop,
            ast.With: self.block,
        }

    def fresh(self) -> str:
        return f"_v{next(self._numbers)}"

    def use(self, name: str) -> str:
        self.used.add(name)
        return name

    def nested(self, tree: Tree) -> Rewriter:
        inner = type(self)(tree, self.selector, self.names, self._numbers)
        inner.used = self.used
        return inner

    def concerned(self, kind: type[ast.AST], nodes: list[Any]) -> Iterable[ast.AST]:
        if kind is not ast.Name:
            return ()
        replaced = {name for name in {node.id for node in nodes} if self.standing_for(name) is not None}
        return [node for node in nodes if node.id in replaced] if replaced else ()

    def standing_for(self, name: str) -> str | None:
        """The prelude function that stands for a name where it is read."""
        if name in ALWAYS and name not in self.names.bound:
            return ALWAYS[name]
        return "_reduce" if name in self.names.reduces else None

    # Expressions

    def name(self, node: ast.AST) -> str:
        assert isinstance(node, ast.Name)
        replaced = self.standing_for(node.id) if isinstance(node.ctx, ast.Load) else None
        return self.use(replaced) if replaced is not None else one_to_one(node.id)

    def generator(self, node: ast.AST) -> str:
        """The sandbox has no lazy generators: it makes a list, which `next` then refuses. The brackets are its own, or
        those of the call that it is the only argument of."""
        return f"iter([{self.comprehended(node)}])"

    def comprehended(self, node: ast.AST) -> str:
        return self.around(node, self.start(node) + 1, self.end(node) - 1)

    def joined(self, node: ast.AST) -> str:
        """An f-string taken apart, because text cannot always be put back with calls and quotes inside its braces."""
        assert isinstance(node, ast.JoinedStr)
        kept = [text for value in node.values if (text := self.kept(value)) is not None]
        if len(kept) == len(node.values):
            inserts = any(isinstance(value, ast.FormattedValue) for value in node.values)
            return f'{"f" if inserts else ""}"{"".join(kept)}"'
        parts = []
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                shown = self.shown(value.value)
                if value.conversion > 0:
                    shown = f"{self.use(_CONVERSIONS[chr(value.conversion)])}({shown})"
                spec = self.joined(value.format_spec) if value.format_spec is not None else "''"
                parts.append(f"format({shown}, {spec})")
            else:
                parts.append(one_to_one(ast.unparse(value)))
        listed = ", ".join(parts) + ("," if len(parts) == 1 else "")
        return f"''.join(({listed}))"

    def kept(self, part: ast.expr) -> str | None:
        """A part of an f-string, if it is as simple there as taken apart: then it is read sooner."""
        if not isinstance(part, ast.FormattedValue):
            return _harmless(part)
        value = part.value
        shown = self.spelled(value) if isinstance(value, ast.Name | ast.Attribute) and part.conversion < 0 else None
        if shown is None or part.format_spec is None:
            return f"{{{shown}}}" if shown is not None else None
        assert isinstance(part.format_spec, ast.JoinedStr)
        spec = [_harmless(piece) for piece in part.format_spec.values]
        return f"{{{shown}:{spec[0]}}}" if len(spec) == 1 and spec[0] is not None else None

    def shown(self, node: ast.expr) -> str:
        """What stands in the braces of an f-string. What is simple, as most is, is written down without a look at the
        source, whose positions cannot be trusted there."""
        simple = self.spelled(node)
        return simple if simple is not None else self.unplaced(node, self.nested)

    def spelled(self, node: ast.expr) -> str | None:
        match node:
            case ast.Name():
                return self.name(node)
            case ast.Constant():
                return one_to_one(ast.unparse(node))
            case ast.Subscript(value=value, slice=index):
                base, key = self.spelled(value), self.spelled(index)
                return f"{base}[{key}]" if base is not None and key is not None else None
        return None

    def call(self, node: ast.AST) -> str:
        assert isinstance(node, ast.Call)
        return self.as_written(node)

    def as_written(self, node: ast.Call) -> str:
        """The call with what is called as the source has it, in brackets if it needs them."""
        called = self.between(self._touched([node.func]), self.start(node), self._opening(node), self.part)
        return f"{called}{self.arguments(node)})"

    def _opening(self, node: ast.Call) -> int:
        return self.past(self.end(node.func), "(")

    def arguments(self, node: ast.Call) -> str:
        """What stands between the brackets of a call, rendered."""
        begin, end = self._opening(node), self.end(node) - 1
        if len(node.args) == 1 and not node.keywords and self.start(node.args[0]) < begin:
            return self.part(node.args[0])  # a generator that shares the call's brackets
        return self.between(self._touched(node.args, node.keywords), begin, end, self.part)

    def _touched(self, *lists: list[ast.expr] | list[ast.keyword]) -> list[ast.AST]:
        return [node for nodes in lists for node in nodes if node in self.touched]

    def bracketed(self, node: ast.expr) -> str:
        """The text of an expression as one argument: a tuple or a `:=` is given brackets, as it may have none."""
        text = self.part(node)
        return f"({text})" if isinstance(node, ast.Tuple | ast.NamedExpr) else text

    def assigned_value(self, node: ast.Assign | ast.AnnAssign) -> str:
        """What stands to the right of the last `=`, with the brackets that the source put around it."""
        assert node.value is not None
        begin = self.past(self.end(node.targets[-1] if isinstance(node, ast.Assign) else node.annotation), "=")
        return self.between(self._touched([node.value]), begin, self.end(node), self.part).strip()

    # Statements

    def function(self, node: ast.AST) -> list[str]:
        assert isinstance(node, ast.FunctionDef)
        name = self.called if node is self.tree.module.body[0] else one_to_one(node.name)
        last: list[ast.AST] = [node.returns] if node.returns else list(ast.iter_child_nodes(node.args))
        ends = [self.end(part) for part in last if hasattr(part, "lineno")]
        begin = max(ends) if ends else self.past(self.past(self.start(node), "def"), "(")
        head = f"def {name}({', '.join(self.parameters(node))}):"
        return [head + self.between(node.body, self.past(begin, ":"), self.end(node), self.part)]

    def parameters(self, node: ast.FunctionDef) -> list[str]:
        """The parameters without annotations."""
        given = node.args
        plain = [*given.posonlyargs, *given.args]
        first = len(plain) - len(given.defaults)
        texts = [
            self._parameter(argument, given.defaults[index - first] if index >= first else None)
            for index, argument in enumerate(plain)
        ]
        if given.posonlyargs:
            texts.insert(len(given.posonlyargs), "/")
        if given.vararg is not None or given.kwonlyargs:
            texts.append(f"*{one_to_one(given.vararg.arg) if given.vararg else ''}")
        texts += [self._parameter(*pair) for pair in zip(given.kwonlyargs, given.kw_defaults, strict=True)]
        if given.kwarg is not None:
            texts.append(f"**{one_to_one(given.kwarg.arg)}")
        return texts

    def _parameter(self, argument: ast.arg, default: ast.expr | None) -> str:
        name = one_to_one(argument.arg)
        return f"{name}={self.bracketed(default)}" if default is not None else name

    def annotated(self, node: ast.AST) -> list[str]:
        assert isinstance(node, ast.AnnAssign)
        if node.value is None:
            return ["pass"]
        return self.assigned([node.target], node)

    # Targets. A slot is written by a statement of its own, in the order in which Python assigns.

    def stored(self, target: ast.expr, name: str) -> list[str]:
        """The statements that give a target, a slot for one, what `name` holds."""
        return [f"{self.part(target)} = {name}"]

    def target(self, target: ast.AST, after: list[str]) -> str:
        """The target with names in place of slots, and of all that is assigned after one; `after` gets the statements
        that assign those."""
        match target:
            case ast.Tuple() | ast.List() | ast.Starred():
                return self.around(target, part=lambda part: self.target(part, after))
            case ast.expr() if isinstance(target, ast.Attribute) or after:
                name = self.fresh()
                after += self.stored(target, name)
                return name
        return self.part(target)

    def assigned(self, targets: list[ast.expr], node: ast.Assign | ast.AnnAssign) -> list[str]:
        value, after = self.assigned_value(node), list[str]()
        if len(targets) == 1:
            return [f"{self.target(targets[0], after)} = {value}", *after]
        if all(isinstance(target, ast.Name) for target in targets):
            return [" = ".join([*map(self.part, targets), value])]
        held = self.fresh()
        statements = [f"{held} = {value}"]
        for target in targets:
            if isinstance(target, ast.Tuple | ast.List):
                after = []
                statements += [f"{self.target(target, after)} = {held}", *after]
            else:
                statements += self.stored(target, held)
        return statements

    def loop(self, node: ast.AST) -> list[str]:
        assert isinstance(node, ast.For)
        after: list[str] = []
        replaced = self.target(node.target, after)
        self.before[node.body[0]] = after
        return [self.around(node, part=lambda part: replaced if part is node.target else self.part(part))]

    def block(self, node: ast.AST) -> list[str]:
        assert isinstance(node, ast.With)
        after: list[str] = []
        targets = [item.optional_vars for item in node.items if item.optional_vars is not None]
        names: dict[ast.AST, str] = {target: self.target(target, after) for target in targets}
        self.before[node.body[0]] = after
        return [self.around(node, part=lambda part: names[part] if part in names else self.part(part))]

    def delete(self, node: ast.AST) -> list[str]:
        assert isinstance(node, ast.Delete)
        return [self.deleted(target) for target in node.targets]

    def deleted(self, target: ast.expr) -> str:
        match target:
            case ast.Subscript(value=base, slice=ast.Slice(lower=lower, upper=upper, step=None)):
                ends = [self.bracketed(end) if end is not None else "None" for end in (lower, upper)]
                return f"{self.use('_delslice')}({self.bracketed(base)}, {', '.join(ends)})"
            case ast.Subscript(value=base, slice=index) if not isinstance(index, ast.Slice):
                return f"{self.use('_delitem')}({self.bracketed(base)}, {self.bracketed(index)})"
            case ast.Name(id=name):
                # The sandbox has no `del`. Reading a deleted name is an error in Python; here it reads None.
                return f"{one_to_one(name)} = None"
        reason = f"Line {target.lineno}: this form of `del` is not available to a method."
        raise GuardianRefused(selector=self.selector, reason=reason)


def _harmless(part: ast.expr) -> str | None:
    """The text of a constant that has nothing in it which means more in an f-string."""
    if isinstance(part, ast.Constant) and type(part.value) is str and _SAFE.fullmatch(part.value):
        return part.value
    return None
