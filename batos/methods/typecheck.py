"""The sandbox's own type checker, run over a method before its trial, against stubs made from a mirror.

The stubs know the types of the object's own data slots and the selectors it understands. Any other name may be a slot
yet to come or a message yet to be learned, so it is left open. What this finds is therefore what is surely wrong: text
added to a number, a builtin called with what it cannot take, a name that is defined nowhere.
"""

from __future__ import annotations

import ast
import keyword
from collections.abc import Mapping
from typing import Any

from pydantic_monty import MontyError, MontyTypingError

from batos.errors import TypeCheckFailed
from batos.methods.sandbox import Sandbox
from batos.parsing import parse_module

PROTOTYPE = "Prototype"
MOST_FINDINGS = 5

_KINDS = {
    "$tuple": "tuple[Any, ...]", "$set": "set[Any]", "$frozenset": "frozenset[Any]", "$bytes": "bytes",
    "$float": "float", "$complex": "complex", "$dict": "dict[Any, Any]", "$object": PROTOTYPE,
}  # fmt: skip


def stubs(mirror: Mapping[str, Any]) -> str:
    """Stub text for the object that a mirror's JSON describes (`slots`: name to frozen value, `methods`: selectors)."""
    lines = ["from typing import Any", f"class {PROTOTYPE}:"]
    data = {name: value for name, value in dict(mirror.get("slots", {})).items() if _is_name(name)}
    lines += [f"    {name}: {_type_of(value)}" for name, value in data.items()]
    for selector in mirror.get("methods", ()):
        if _is_name(selector) and selector not in data:
            lines.append(f"    def {selector}(self, *args: Any, **kwargs: Any) -> Any: ...")
    lines += [
        "    def __getattr__(self, name: str) -> Any: ...",
        "    def __setattr__(self, name: str, value: Any) -> None: ...",
    ]
    return "\n".join(lines) + "\n"


def _is_name(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)


def _type_of(frozen: Any) -> str:
    match frozen:
        case None:
            return "Any"  # a slot that is empty now may hold anything later
        case bool():
            return "bool"
        case int():
            return "int | float"  # what counts today may measure tomorrow
        case float():
            return "int | float"
        case str():
            return "str"
        case list():
            return "list[Any]"
        case dict() if len(frozen) == 1 and next(iter(frozen)).startswith("$"):
            return _KINDS.get(next(iter(frozen)), "Any")
        case dict():
            return "dict[Any, Any]"
    return "Any"


def check_types(sandbox: Sandbox, source: str, selector: str, mirror: Mapping[str, Any]) -> None:
    """Raise `TypeCheckFailed` with the checker's findings, or return. The source must have passed the guardian."""
    tree = parse_module(source)
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    first = [*function.args.posonlyargs, *function.args.args][0]
    lines = source.split("\n")
    # The annotation goes into the text as it stands, so that the checker's lines are the source's.
    line, column = first.lineno - 1, len(lines[first.lineno - 1].encode()[: first.col_offset].decode()) + len("self")
    if first.annotation is None:
        lines[line] = f"{lines[line][:column]}: {PROTOTYPE}{lines[line][column:]}"
    try:
        options = {"type_check": True, "type_check_format": "concise", "type_check_stubs": stubs(mirror)}
        with sandbox.checkout(script_name=f"{selector}.py", **options) as session:
            session.feed_run("\n".join(lines))
    except MontyTypingError as error:
        # A slot has no type of its own: it may be given another one.
        lines = [line.strip() for line in error.display().splitlines() if ": error[" in line]
        findings = [line for line in lines if "error[invalid-assignment]" not in line]
        if findings:
            raise TypeCheckFailed(selector=selector, reason=" ".join(findings[:MOST_FINDINGS])) from None
    except MontyError as error:
        raise TypeCheckFailed(selector=selector, reason=f"the sandbox cannot read it: {error}") from None
