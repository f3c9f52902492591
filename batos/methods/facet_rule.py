"""The contract of every facet: it sends `infer_` exactly once, on every path, and never passes `self` along.

A facet that does nothing else, as nearly all do, need not be run to know what it does: it is read.
"""

from __future__ import annotations

import ast
from functools import lru_cache

from batos.methods.tables import Finding
from batos.methods.tree import inside, is_self
from batos.parsing import parse_module

_SOMETIMES = (
    ast.If, ast.IfExp, ast.BoolOp, ast.For, ast.While, ast.Try, ast.TryStar, ast.Match, ast.comprehension, ast.ListComp,
    ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda, ast.FunctionDef, ast.AsyncFunctionDef, ast.Assert,
)  # fmt: skip


@lru_cache(maxsize=512)
def read_facet(source: str, selector: str) -> str | None:
    """The system prompt of a facet whose source says no more than: send `infer_` with the query and this prompt.

    None for any other source; it is to be run in the sandbox.
    """
    try:
        (function,) = parse_module(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(function, ast.FunctionDef) or function.name != selector or function.decorator_list:
        return None
    given = function.args
    if len(given.args) != 2 or given.args[0].arg != "self" or ast.unparse(given).count(",") != 1 or given.defaults:
        return None
    query = given.args[1].arg
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    match body:
        case [ast.Return(ast.Call() as call)]:
            return _prompt(call, query, {})
        case [ast.Assign([ast.Name(name)], ast.Constant(str() as prompt)), ast.Return(ast.Call() as call)]:
            return _prompt(call, query, {name: prompt}) if name not in (query, "self") else None
    return None


def _prompt(call: ast.Call, query: str, names: dict[str, str]) -> str | None:
    match call:
        case ast.Call(
            ast.Attribute(ast.Name("self"), "infer_"), [ast.Name(asked)], [ast.keyword("system_prompt", prompt)]
        ) if asked == query:  # fmt: skip
            match prompt:
                case ast.Constant(str() as text):
                    return text
                case ast.Name(name):
                    return names.get(name)
    return None


def facet_findings(function: ast.FunctionDef) -> list[Finding]:
    mentions = [node for node in ast.walk(function) if isinstance(node, ast.Attribute) and node.attr == "infer_"]
    sends = [node for node in ast.walk(function) if isinstance(node, ast.Call) and node.func in mentions]
    if len(sends) != 1 or len(mentions) != 1:
        line = mentions[1].lineno if len(mentions) > 1 else function.lineno
        return [
            Finding(
                line, "facet", f"a facet sends `self.infer_` exactly once; this one names it {len(mentions)} times."
            )
        ]
    send = sends[0]
    assert isinstance(send.func, ast.Attribute)
    findings = []
    if not is_self(send.func.value):
        findings.append(Finding(send.lineno, "facet", "a facet asks its own persona: send `self.infer_`."))
    if any(is_self(argument) for argument in send.args):
        findings.append(
            Finding(send.lineno, "facet", "`self` is the receiver of `infer_` already; do not pass it as well.")
        )
    if not any(keyword.arg == "system_prompt" for keyword in send.keywords):
        findings.append(
            Finding(send.lineno, "facet", "a facet gives `infer_` a `system_prompt` that states its intent.")
        )
    if not _always(function, send):
        findings.append(
            Finding(
                send.lineno, "facet", "`infer_` must be sent on every path: not in a branch, a loop or after a return."
            )
        )
    return findings


def _always(function: ast.FunctionDef, send: ast.Call) -> bool:
    for statement in function.body:
        if send in ast.walk(statement):
            return not any(isinstance(node, _SOMETIMES) and send in ast.walk(node) for node in ast.walk(statement))
        if any(isinstance(node, ast.Return) for node in inside(statement)):
            return False
    return False
