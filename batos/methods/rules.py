"""The guardian's rules over the syntax tree of one method: what it names, binds, imports, reads, writes and sends."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from types import ModuleType
from typing import Any, TypeGuard

from batos.methods.changes import Changes
from batos.methods.covenant import is_mark
from batos.methods.tables import Finding, Rules
from batos.methods.tree import CHANGED, Tree, inside, is_self

_NAMED_ACCESS = frozenset({"getattr", "hasattr", "setattr", "delattr"})
_WALK = re.compile(r"\{[^{}]*[.\[]\s*_")
_Nested = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass
class Seen:
    """What one walk over a method collected."""

    findings: list[Finding] = field(default_factory=list)
    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    sends: set[str] = field(default_factory=set)
    marks: bool = False
    dynamic: bool = False


def audit_tree(tree: Tree, changes: Changes, table: Rules) -> Seen:
    """Apply every rule but the covenant's path rule to one method."""
    walk = _Walk(tree, table)
    walk.run()
    _nested_writes(tree, changes, walk.seen)
    for statement in tree.function.body:
        walk.seen.writes.update(write.slot for write in changes.writes(statement) if write.slot is not None)
    return walk.seen


def _nested_writes(tree: Tree, changes: Changes, seen: Seen) -> None:
    reason = "state is written in the method's own body only, not in a nested function or lambda."
    nested: list[_Nested] = [*tree.of(ast.FunctionDef), *tree.of(ast.AsyncFunctionDef), *tree.of(ast.Lambda)]
    for node in nested:
        if node is not tree.function:
            body = node.body if isinstance(node.body, list) else [node.body]
            for part in body:
                lines = [write.line for write in changes.writes(part)]
                lines += [mark.lineno for mark in inside(part) if isinstance(mark, ast.Attribute) and is_mark(mark)]
                seen.findings.extend(Finding(line, "nested-write", reason) for line in lines)


class _Walk:
    """Looks at every node once. A rule that has dealt with one of a node's children passes it over."""

    def __init__(self, tree: Tree, table: Rules) -> None:
        self.tree = tree
        self.function = tree.function
        self.table = table
        self.seen = Seen()
        self.passed_over: set[ast.AST] = set()
        # Names of imported modules, as the method calls them and as they are called.
        self.modules = {called: name for node in tree.of(ast.Import) for called, name in _imported(node)}
        # The names that mean more than a value.
        self.looked_at = table.refused | self.modules.keys() | _NAMED_ACCESS | {"type"}
        self.formats = False
        self.texts: list[ast.Constant] = []

    @cached_property
    def own(self) -> set[str]:
        return _own_bindings(self.function)

    def run(self) -> None:
        ruled = _RULES.get
        for node in self.tree.nodes:
            rule = ruled(type(node))
            if rule is not None and node not in self.passed_over:
                rule(self, node)
        if self.formats:
            for text in self.texts:
                if _WALK.search(str(text.value)):
                    self.refuse(text, "format", "a format string reaches for a name that begins with an underscore.")

    def refuse(self, node: ast.AST, rule: str, reason: str) -> None:
        line = getattr(node, "lineno", None) or self.function.lineno
        self.seen.findings.append(Finding(line, rule, reason))

    # Names

    def _private(self, node: ast.AST, name: str) -> None:
        if name == "_slots":
            self.refuse(node, "slots", "`_slots` is forbidden; state is reached through `self.slot` only.")
        elif name[:1] == "_" and name not in self.table.private:
            self.refuse(
                node,
                "underscore",
                f"{name!r} begins with an underscore; only _process_synthesis_ and _tmp_synthesis_data may.",
            )

    def _bound(self, node: ast.AST, name: str | None) -> None:
        """A name that gets a value here."""
        if name is None:
            return
        self._private(node, name)
        if name == "self":
            self.refuse(node, "self", "`self` is the receiver and cannot be bound to anything else.")
        if name in self.modules and not isinstance(node, ast.Import):
            self.refuse(node, "import", f"{name!r} is an imported module and cannot be bound to anything else.")
        if name in _NAMED_ACCESS:
            self.refuse(node, "name", f"{name!r} cannot be given another meaning.")

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._bound(node, node.id)
            return
        if node.id not in self.looked_at and node.id[:1] != "_":
            return
        self._private(node, node.id)
        if node.id in self.table.refused and node.id not in self.own:
            self.refuse(node, "name", f"{node.id!r} is not available to a method.")
        elif node.id == "type" and node.id not in self.own:
            self.refuse(node, "name", "`type` may only be asked for the type of one value: `type(x)`.")
        elif node.id in self.modules:
            self.refuse(node, "module", f"the module {node.id!r} may only be used as `{node.id}.name`.")
        elif node.id in _NAMED_ACCESS:
            self.refuse(node, "setattr", f"{node.id!r} may only be called directly.")

    def visit_arg(self, node: ast.arg) -> None:
        if node is not self._first():
            self._bound(node, node.arg)

    def _first(self) -> ast.arg:
        arguments = self.function.args
        return [*arguments.posonlyargs, *arguments.args][0]

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg is not None:
            self._private(node.value, node.arg)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self._bound(node, node.name)

    # Attributes: slots of self, and of anything else

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.formats = self.formats or node.attr == "format"
        self._attribute(node)
        if isinstance(node.value, ast.Name) and node.value.id in self.modules:
            self._module_attribute(node, node.value.id)
            self.passed_over.add(node.value)

    def _attribute(self, node: ast.Attribute) -> None:
        if node.attr == CHANGED:
            if not is_mark(node):
                self.refuse(node, "covenant", "`_p_changed` is for the line `self._p_changed = True` and nothing else.")
            return
        if node.attr[:1] == "_":
            if node.attr == "_":
                self.refuse(node, "underscore", "'_' is no slot.")
            self._private(node, node.attr)
        if node.attr in self.table.refused_attributes:
            self.refuse(node, "attribute", f"{node.attr!r} is not available to a method.")
        if isinstance(node.ctx, ast.Load):
            if is_self(node.value):
                self.seen.reads.add(node.attr)
        elif is_self(node.value):
            self.seen.writes.add(node.attr)
        else:
            self.refuse(
                node, "foreign-write", "a method writes slots of `self` only; send the other object a message instead."
            )

    def _module_attribute(self, node: ast.Attribute, name: str) -> None:
        module = self.modules[name]
        if module in self.table.modules and _is_module(module, node.attr):
            self.refuse(node, "module", f"{name}.{node.attr} is a module of its own, which may not be used.")

    # Statements

    def visit_Assign(self, node: ast.Assign) -> None:
        marks = [target for target in node.targets if is_mark(target)]
        if marks:
            if isinstance(node.value, ast.Constant) and node.value.value is True:
                self.seen.marks = True
            else:
                self.refuse(node, "covenant", "`self._p_changed` is set to True and to nothing else.")
        for target in node.targets:
            self._misplaced_marks(target, allowed=target in marks)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if is_mark(node.target):
            if isinstance(node.value, ast.Constant) and node.value.value is True:
                self.seen.marks = True
            else:
                self.refuse(node, "covenant", "`self._p_changed` is set to True and to nothing else.")

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._misplaced_marks(node.target, allowed=False)
        if isinstance(node.target, ast.Attribute) and is_self(node.target.value):
            self.seen.reads.add(node.target.attr)

    def visit_For(self, node: ast.For) -> None:
        self._misplaced_marks(node.target, allowed=False)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        if node.is_async:
            self.refuse(node.iter, "async", "a method runs to its end; `async` is not available.")
        self._misplaced_marks(node.target, allowed=False)

    def visit_withitem(self, node: ast.withitem) -> None:
        if node.optional_vars is not None:
            self._misplaced_marks(node.optional_vars, allowed=False)

    def _misplaced_marks(self, target: ast.expr, allowed: bool) -> None:
        if allowed or isinstance(target, ast.Name):
            return
        alone = isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name)
        if any(map(is_mark, (target,) if alone else ast.walk(target))):
            self.refuse(target, "covenant", "`self._p_changed = True` stands on a line of its own.")

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node is not self.function:
            self._bound(node, node.name)
        if node.decorator_list:
            self.refuse(node.decorator_list[0], "decorator", "decorators are not available to a method.")

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.refuse(node, "class", "a method defines no classes; make a prototype and clone it instead.")

    def visit_Global(self, node: ast.Global) -> None:
        self.refuse(node, "global", "a method has no global state; use a slot of `self`.")

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        for name in node.names:
            self._bound(node, name)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._import(node, alias.name, alias.asname or alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name == "*" or node.level:
                self.refuse(node, "import", "imports name what they want: no `*`, no relative import.")
                continue
            self._import(node, node.module or "", alias.asname or alias.name)
            self._private(node, alias.name)
            if node.module in self.table.modules and _is_module(node.module or "", alias.name):
                self.refuse(
                    node, "module", f"{node.module}.{alias.name} is a module of its own, which may not be used."
                )

    def _import(self, node: ast.Import | ast.ImportFrom, module: str, name: str) -> None:
        if module not in self.table.modules:
            allowed = ", ".join(sorted(self.table.modules))
            self.refuse(node, "import", f"{module!r} may not be imported. Allowed are {allowed}.")
        self._bound(node, name)

    # What a method cannot be

    def _refuse_async(self, node: ast.AST) -> None:
        self.refuse(node, "async", "a method runs to its end; `async` and `await` are not available.")

    visit_AsyncFor = visit_AsyncWith = visit_Await = _refuse_async

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._refuse_async(node)

    def _refuse_yield(self, node: ast.AST) -> None:
        self.refuse(node, "yield", "a method answers once; return a list instead of yielding.")

    visit_Yield = visit_YieldFrom = _refuse_yield

    def visit_match_case(self, node: ast.match_case) -> None:
        for part in ast.walk(node.pattern):
            if isinstance(part, ast.Attribute):
                self.refuse(part, "pattern", "a case pattern cannot read a slot; compare in an `if` instead.")
            for name in (getattr(part, "name", None), getattr(part, "rest", None)):
                if isinstance(part, ast.pattern) and isinstance(name, str):
                    self._bound(part, name)
            for name in getattr(part, "kwd_attrs", ()):
                self._private(part, name)

    # Calls and text

    def visit_Call(self, node: ast.Call) -> None:
        match node.func:
            case ast.Name(id="type") if (
                len(node.args) == 1 and not node.keywords and not isinstance(node.args[0], ast.Starred)
            ):
                self.passed_over.add(node.func)
            case ast.Name(id=name) if name in _NAMED_ACCESS:
                self._named_access(node, name)
                self.passed_over.add(node.func)
            case ast.Attribute(value=value, attr=attr) if is_self(value):
                self.seen.sends.add(attr)
                self._attribute_of_send(node.func)
                self.passed_over.add(node.func)

    def _attribute_of_send(self, node: ast.Attribute) -> None:
        known = node.attr in self.seen.reads
        self._attribute(node)
        if not known:
            self.seen.reads.discard(node.attr)
        self.formats = self.formats or node.attr == "format"

    def _named_access(self, node: ast.Call, name: str) -> None:
        literal = node.args[1].value if len(node.args) > 1 and isinstance(node.args[1], ast.Constant) else None
        writes = name in ("setattr", "delattr")
        if any(isinstance(part, ast.Starred) for part in node.args) or node.keywords:
            self.refuse(node, "setattr", f"{name!r} takes its arguments by position.")
        elif isinstance(literal, str):
            self._literal_access(node, name, literal, writes)
        elif writes:
            self.refuse(node, "setattr", f"{name!r} needs a slot name that is written out.")
        else:
            self.seen.dynamic = True

    def _literal_access(self, node: ast.Call, name: str, slot: str, writes: bool) -> None:
        self._private(node, slot)
        on_self = is_self(node.args[0])
        if writes and not on_self:
            self.refuse(
                node, "foreign-write", "a method writes slots of `self` only; send the other object a message instead."
            )
        elif writes and not slot.isidentifier():
            self.refuse(node, "parent-slot", f"{slot!r} is no data slot; parent slots are changed by a person.")
        elif writes:
            self.seen.writes.add(slot)
        elif on_self:
            self.seen.reads.add(slot)

    def visit_Constant(self, node: ast.Constant) -> None:
        if type(node.value) is str:
            self.texts.append(node)


_RULES: dict[type[ast.AST], Callable[[_Walk, Any], None]] = {
    getattr(ast, name.removeprefix("visit_")): rule for name, rule in vars(_Walk).items() if name.startswith("visit_")
}


def _imported(node: ast.Import) -> Iterator[tuple[str, str]]:
    for alias in node.names:
        yield alias.asname or alias.name.split(".")[0], alias.name


def _own_bindings(function: ast.FunctionDef) -> set[str]:
    """Names that the method's own scope binds, so that a use of them anywhere inside means that binding."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    names = {argument.arg for argument in every if argument is not None}
    for statement in function.body:
        for node in inside(statement):
            kind = type(node)
            if kind is ast.Assign or kind is ast.AnnAssign or kind is ast.For:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]  # type: ignore[attr-defined]
                names.update(part.id for target in targets for part in ast.walk(target) if _stored(part))
    return names


def _stored(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


@cache
def _is_module(module: str, name: str) -> bool:
    """Whether `module.name` is itself a module, as `json.codecs` and `re.enum` are: doors to everything else."""
    return isinstance(getattr(importlib.import_module(module), name, None), ModuleType)
