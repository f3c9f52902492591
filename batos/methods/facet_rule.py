"""The contract of every facet: it sends `infer_` exactly once, on every path, and never passes `self` along."""

from __future__ import annotations

import ast

from batos.methods.aliases import inside, is_self
from batos.methods.tables import Finding

_SOMETIMES = (
    ast.If, ast.IfExp, ast.BoolOp, ast.For, ast.While, ast.Try, ast.TryStar, ast.Match, ast.comprehension, ast.ListComp,
    ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda, ast.FunctionDef, ast.AsyncFunctionDef, ast.Assert,
)  # fmt: skip


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
