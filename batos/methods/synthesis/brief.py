"""What is asked of the writer, read out of a request: selector, intent, slots, examples, the caller's own message.

Values arrive as frozen JSON and are thawed here. A slot that holds another object stays visible by name but has no
value to compute with. This module knows nothing about how a method is found.
"""

from __future__ import annotations

import ast
import keyword
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from batos.errors import BackendRefused
from batos.inference.port import Request
from batos.objects.values import thaw
from batos.parsing import parse_module

ABSENT: Any = type("Absent", (), {"__repr__": lambda self: "absent"})()
"""Stands for a result that an example does not state."""


LARGEST = 4000
"""Examples and slots with more characters than this, written out, are not computed with."""


class _HoldsObject(Exception):
    """A value refers to a prototype object."""


def _no_object(oid: bytes) -> Any:
    raise _HoldsObject


@dataclass(frozen=True)
class Case:
    """One example: inputs, and what came of them. `kwargs` keep the order in which they were given; `asked` says
    that it answers a question."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    slots: dict[str, Any]
    result: Any = ABSENT
    raises: str | None = None
    slots_after: dict[str, Any] | None = None
    asked: bool = False

    @property
    def inputs(self) -> tuple[Any, ...]:
        return (*self.args, *self.kwargs.values())

    @property
    def size(self) -> int:
        """Characters of the arguments and the result, written out."""
        return len(repr(self.inputs)) + len(repr(self.result))

    def changed(self, change: Callable[[Any], Any]) -> Case:
        """The inputs with `change` made to each argument and slot, without results."""
        return Case(
            args=tuple(change(value) for value in self.args),
            kwargs={name: change(value) for name, value in self.kwargs.items()},
            slots={name: change(value) for name, value in self.slots.items()},
        )


@dataclass(frozen=True)
class Known:
    """A method that the object has learned already, or that the object in slot `holder` understands, whose own slots
    are `slots` then. `examples` are the arguments of those that its contract holds."""

    selector: str
    source: str
    arity: int
    examples: tuple[tuple[Any, ...], ...]
    reads: bool
    """Whether its answer depends on the object, not on the arguments alone."""
    holder: str = ""
    slots: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What is said to `self` to send it."""
        return f"{self.holder}.{self.selector}" if self.holder else self.selector


@dataclass(frozen=True)
class Brief:
    """The whole task. `slots` are the data slots with values; `opaque` names those that hold objects.

    `refusals` are sources that were written for it before, with the reason why they were refused; `asked` counts the
    questions that were asked before.
    """

    selector: str
    intent: str
    owner: str
    slots: dict[str, Any]
    opaque: tuple[str, ...]
    cases: tuple[Case, ...]
    message: Case | None
    is_facet: bool
    refusals: dict[str, str]
    learned: tuple[Known, ...] = ()
    asked: int = 0

    @property
    def arity(self) -> int:
        """How many arguments the method takes."""
        told = self.cases[0] if self.cases else self.message
        return len(told.inputs) if told is not None else 0

    @property
    def keywords(self) -> tuple[str, ...]:
        told = self.cases[0] if self.cases else self.message
        return tuple(told.kwargs) if told is not None else ()


def is_name(text: str) -> bool:
    """Whether generated source may use `text` as the name of a slot or an argument."""
    return text.isidentifier() and not keyword.iskeyword(text) and not text.startswith("_")


def refused(reason: str) -> BackendRefused:
    return BackendRefused(backend="builtin", reason=reason)


def read(request: Request) -> Brief:
    """The brief of a request with purpose "method". Raises BackendRefused for one that no method can answer."""
    materials: dict[str, Any] = dict(request.materials)
    selector = str(materials.get("selector") or "")
    if not selector.isidentifier() or keyword.iskeyword(selector):
        raise refused(f"{selector!r} is no name that a Python method can have. Choose another selector.")
    mirror = materials.get("object") or {}
    contract = materials.get("contract") or {}
    slots, opaque = _thawed_slots(mirror.get("slots") or {})
    intent = contract.get("intent") or (mirror.get("intents") or {}).get(selector) or ""
    try:
        cases = tuple(_case(example, slots) for example in contract.get("examples") or ())
    except _HoldsObject:
        raise refused(
            f"An example of {selector!r} holds another object, and the built-in backend computes with plain values "
            "only. Give examples with plain values, or configure a model backend such as `openai:URL#MODEL`."
        ) from None
    return Brief(
        selector=selector,
        intent=str(intent),
        owner=str(mirror.get("name") or "the object"),
        slots=slots,
        opaque=opaque,
        cases=cases,
        message=_message(materials.get("message") or {}, slots),
        is_facet=bool(materials.get("is_facet")),
        refusals={str(each.get("source")): str(each.get("reason")) for each in materials.get("feedback") or ()},
        learned=tuple(_learned(materials, opaque)),
        asked=int(materials.get("asked") or 0),
    )


def _thawed_slots(frozen: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    slots: dict[str, Any] = {}
    opaque = []
    for name, value in frozen.items():
        if not is_name(name):
            continue
        if isinstance(value, dict) and set(value) == {"$kind"}:  # how a mirror shows what cannot be frozen
            opaque.append(name)
            continue
        try:
            slots[name] = thaw(value, _no_object)
        except _HoldsObject:
            opaque.append(name)
    return slots, tuple(opaque)


def _case(example: dict[str, Any], slots: dict[str, Any]) -> Case:
    before = thaw(example.get("slots") or {}, _no_object)
    after = example.get("slots_after")
    return Case(
        args=tuple(thaw(list(example.get("args") or ()), _no_object)),
        kwargs=thaw(example.get("kwargs") or {}, _no_object),
        slots={**slots, **before},
        result=thaw(example["result"], _no_object) if "result" in example else ABSENT,
        raises=example.get("raises"),
        slots_after=thaw(after, _no_object) if after is not None else None,
        asked=bool(example.get("asked")),
    )


def _learned(materials: dict[str, Any], opaque: tuple[str, ...]) -> Iterator[Known]:
    """The methods of the object, and of the objects in its slots."""
    held: dict[str, Any] = materials.get("held") or {}
    groups: list[tuple[str, dict[str, Any], Any]] = [("", {}, materials.get("learned") or ())]
    groups += [
        (name, _thawed_slots(held[name].get("slots") or {})[0], held[name].get("methods") or ())
        for name in opaque
        if name in held
    ]
    for holder, slots, methods in groups:
        for each in methods:
            if (found := _known(each, holder, slots)) is not None:
                yield found


def _known(method: dict[str, Any], holder: str, slots: dict[str, Any]) -> Known | None:
    """A learned method as an operation may use it: positional arguments only. None for another one."""
    selector, source = str(method.get("selector")), str(method.get("source"))
    try:
        (function,) = parse_module(source).body
        examples = tuple(
            tuple(thaw(list(example.get("args") or ()), _no_object))
            for example in method.get("examples") or ()
            if not example.get("kwargs") and not example.get("raises")
        )
    except (SyntaxError, ValueError, _HoldsObject):
        return None
    if not isinstance(function, ast.FunctionDef) or not is_name(selector):
        return None
    arity = len(function.args.args) - 1
    uses = [node for node in ast.walk(function) if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)]
    reads = any(isinstance(use.value, ast.Name) and use.value.id == "self" for use in uses)
    return Known(selector, source, arity, tuple(args for args in examples if len(args) == arity), reads, holder, slots)


def _message(message: dict[str, Any], slots: dict[str, Any]) -> Case | None:
    if "args" not in message and "kwargs" not in message:
        return None
    try:
        return _case({"args": message.get("args"), "kwargs": message.get("kwargs")}, slots)
    except _HoldsObject:
        return None
