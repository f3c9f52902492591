"""The static audit of a generated workbench, whoever wrote it.

Covered: what may be imported, which names and attributes may be spoken of, what a class body and a module may hold,
and how large a program may be. Not covered: what the program draws, whether it works, and how long it runs; for that it
is run confined and looked at. The audit is the first wall and not the only one: it keeps honest programs small and
readable, and bubblewrap keeps the others from anything worth having.
"""

from __future__ import annotations

import ast
import sys
from functools import cache
from importlib.resources import files

from batos.errors import WorkbenchRefused
from batos.parsing import parse_module

KIT = "batos.workbench.kit"
STANDARD = frozenset({"__future__", "asyncio", "collections", "dataclasses", "datetime", "functools", "itertools",
                      "json", "math", "re", "textwrap", "typing"})  # fmt: skip
WINDOW = "Workbench"
PANEL = "Panel"

MOST_BYTES = 60_000
MOST_LINES = 1200
MOST_NODES = 12_000
DEEPEST = 60

DOORS = frozenset({
    "exec", "eval", "open", "input", "breakpoint", "globals", "locals", "vars", "getattr", "setattr", "delattr",
    "memoryview", "exit", "quit", "mro", "subclasses",
})  # fmt: skip
"""What leads out of a program or around this audit, as a name and as an attribute."""

FORBIDDEN_NAMES = DOORS | {"compile", "print", "help", "object", "type", "id", "dir"}

HARMLESS = frozenset({"calendar", "code", "copy", "numbers", "queue", "random", "select", "string", "time", "token"})
FORBIDDEN_ATTRIBUTES = DOORS | (sys.stdlib_module_names - STANDARD - HARMLESS) | {
    "gi_frame", "cr_frame", "ag_frame", "tb_frame", "f_globals", "f_builtins", "f_locals", "modules", "format_map",
    "create_subprocess_exec", "create_subprocess_shell", "open_connection", "open_unix_connection", "start_server",
    "start_unix_server", "create_connection", "create_server", "run_in_executor", "to_thread", "export_to_png",
    "endpoint",
}  # fmt: skip
"""Modules leave the modules they import in reach as attributes; frames and loops lead to everything."""

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
STATEMENTS = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.ClassDef, *FUNCTIONS)
"""What may stand at the outermost level of a program."""

DUNDER_NAMES = frozenset({"__name__"})  # for `if __name__ == "__main__"`


@cache
def kit_names() -> frozenset[str]:
    """What the kit exports, read from its source, so that neither Kivy nor a window is needed."""
    source = (files("batos.workbench") / "kit" / "__init__.py").read_text(encoding="utf-8")
    for node in parse_module(source).body:
        if isinstance(node, ast.Assign) and any(isinstance(at, ast.Name) and at.id == "__all__" for at in node.targets):
            return frozenset(ast.literal_eval(node.value))
    return frozenset()


def audit(source: str) -> None:
    """Let a program pass, or raise WorkbenchRefused with the line and the reason. Runs nothing of it."""
    if len(source.encode("utf-8", "replace")) > MOST_BYTES or source.count("\n") > MOST_LINES:
        raise WorkbenchRefused(reason=f"it is larger than {MOST_BYTES} bytes or {MOST_LINES} lines.", line=None)
    try:
        tree = parse_module(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        raise _refused(line or 1, f"it is no Python: {error}") from error
    _check_size(tree)
    for node in ast.walk(tree):
        _check(node)
    _check_module(tree)


def _refused(line: int, reason: str) -> WorkbenchRefused:
    return WorkbenchRefused(reason=f"line {line}: {reason.rstrip('.')}.", line=line)


def _check_size(tree: ast.Module) -> None:
    level: list[ast.AST] = [tree]
    count = 0
    for _ in range(DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        count += len(level)
        if not level and count <= MOST_NODES:
            return
    raise _refused(1, f"it has more than {MOST_NODES} parts or is nested deeper than {DEEPEST} levels")


def _check(node: ast.AST) -> None:
    line = getattr(node, "lineno", 1)
    if isinstance(node, ast.Import | ast.ImportFrom):
        _check_import(node)
    elif isinstance(node, ast.Attribute):
        _check_name(line, node.attr, FORBIDDEN_ATTRIBUTES, "the attribute")
    elif isinstance(node, ast.Name):
        if node.id not in DUNDER_NAMES:
            _check_name(line, node.id, FORBIDDEN_NAMES, "the name")
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        _check_name(line, node.name, FORBIDDEN_NAMES, "the name")
    elif isinstance(node, ast.arg | ast.keyword):
        _check_name(line, node.arg or "", frozenset(), "the name")
    elif isinstance(node, ast.alias):
        _check_name(line, node.asname or "", FORBIDDEN_NAMES, "the name")
    elif isinstance(node, ast.Global | ast.Nonlocal):
        raise _refused(line, "it rebinds names of an outer scope")
    elif isinstance(node, ast.MatchClass):
        for name in node.kwd_attrs:  # patterns read attributes without an attribute node
            _check_name(line, name, FORBIDDEN_ATTRIBUTES, "the attribute")


def _check_name(line: int, name: str, forbidden: frozenset[str], what: str) -> None:
    if name.startswith("_") and name != "_":
        raise _refused(line, f"{what} {name!r} begins with an underscore")
    if name in forbidden:
        raise _refused(line, f"{what} {name!r} is not for generated programs")


def _check_import(node: ast.Import | ast.ImportFrom) -> None:
    if isinstance(node, ast.ImportFrom):
        if node.level or node.module not in (KIT, *STANDARD):
            raise _refused(node.lineno, f"it imports from {node.module or '.'}; only {KIT} and a few modules may be")
        names = {alias.name for alias in node.names}
        if node.module == KIT and (unknown := names - kit_names()):
            raise _refused(node.lineno, f"the kit has no {', '.join(sorted(unknown))}")
        for name in names:
            _check_name(node.lineno, name, FORBIDDEN_NAMES | FORBIDDEN_ATTRIBUTES, "the name")
    elif wrong := [alias.name for alias in node.names if alias.name not in STANDARD]:
        raise _refused(node.lineno, f"it imports {', '.join(wrong)}; only {KIT} and a few modules may be")


def _check_module(tree: ast.Module) -> None:
    """A program is imports, constants, functions, panels, one window, and the call that starts it."""
    for node in tree.body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not (is_text or isinstance(node, STATEMENTS) or _is_start(node)):
            raise _refused(node.lineno, "this is no import, constant, function, class or start of the program")
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    windows = [node for node in classes if _is_a(node, WINDOW)]
    if len(windows) != 1:
        raise _refused(1, f"it defines {len(windows)} classes of the kind {WINDOW}; a program has exactly one")
    if not any(_is_a(node, PANEL) for node in classes):
        raise _refused(1, f"it defines no class of the kind {PANEL}")


def _is_a(node: ast.ClassDef, base: str) -> bool:
    return any(isinstance(name, ast.Name) and name.id == base for name in node.bases)


def _is_start(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
