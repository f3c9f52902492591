"""What the object has learned already, and what the objects in its slots understand, as operations of a search:
`self.initials_(a)` and `self.account.fee_(a)` beside `a.upper()`.

Their sources may be anyone's, so they run in the sandbox, on a receiver of plain slots that they cannot write. Only
methods that the words of the task speak for are tried, since each trial costs as much as many expressions.
"""

from __future__ import annotations

import ast
import marshal
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from batos.errors import BatosError
from batos.methods.host import ObjectHost
from batos.methods.sandbox import Limits, Sandbox
from batos.methods.synthesis.brief import Brief, Case, Known
from batos.methods.synthesis.leaves import Start
from batos.methods.synthesis.nodes import Leaf
from batos.methods.synthesis.operations import OPERANDS, Apply, Operation, bounded
from batos.methods.synthesis.templates import parse
from batos.methods.synthesis.values import MISSING, Column, type_of, type_of_column
from batos.methods.synthesis.words import Words
from batos.objects.records import Method
from batos.objects.sending import activating, send
from batos.objects.uvm_object import UvmObject, put
from batos.objects.values import plain
from batos.parsing import parse_module

SPOKEN, HINTED = 1, 3
"""What a method costs whose words all occur in the task, and one of which only some do."""

WORTH = 200
"""A trial in the sandbox counts as so many expressions."""

MOST_TRIALS = 400
LIMITS = Limits(seconds=0.2, wall_seconds=1.0, host_calls=200)


@dataclass
class Learned:
    """The methods of one brief that its words speak for, by what is said to `self`, as are their prices. Use as a
    context manager: it may start a sandbox.

    `everything` is what all of the objects understand, since a method may send another one.
    """

    methods: dict[str, Known]
    prices: dict[str, int]
    everything: tuple[Known, ...] = ()
    trials: int = 0
    _known: dict[bytes, Any] = field(default_factory=dict)
    _sandbox: Sandbox | None = None

    @classmethod
    def of(cls, brief: Brief, words: Words) -> Learned:
        prices = {}
        for known in brief.learned:
            own = Words(known.selector).listed
            spoken = sum(words.speak_for([word]) for word in own)
            if spoken and not _mentions(known.source, brief.selector):
                prices[known.name] = SPOKEN if spoken == len(own) else HINTED
        return cls({known.name: known for known in brief.learned if known.name in prices}, prices, brief.learned)

    def __enter__(self) -> Learned:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._sandbox is not None:
            self._sandbox.close()

    def operations(self, cases: list[Case]) -> tuple[tuple[Operation, int], ...]:
        """The methods with arguments, each with its price, over the slots of `cases`."""
        return tuple(
            (self._operation(known, takes, cases), self.prices[known.name])
            for known in self.methods.values()
            if (takes := _takes(known))
        )

    def starts(self, cases: list[Case], bit: int) -> Iterator[Start]:
        """The methods without arguments: what they answer in each of the cases. They read what no bit below does."""
        for known in self.methods.values():
            if known.arity == 0:
                column = [self.answer(case.slots, known.name, ()) for case in cases]
                kind = type_of_column(column)
                if kind is not None and MISSING not in column:
                    node = (Leaf("slot", f"{known.name}()"),)
                    yield Start(self.prices[known.name], kind, column, node, bit, True)
                    bit <<= 1

    def answer(self, slots: dict[str, Any], name: str, args: tuple[Any, ...]) -> Any:
        """What the method of that name answers to plain values, or MISSING. `slots` are those of the object itself."""
        known = self.methods[name]
        seen = known.slots if known.holder else slots
        key = marshal.dumps([name, list(args), sorted(seen.items())], 2)
        if key not in self._known:
            self.trials += 1
            self._known[key] = self._answer(known, seen, args) if self.trials <= MOST_TRIALS else MISSING
        return self._known[key]

    def _answer(self, asked: Known, slots: dict[str, Any], args: tuple[Any, ...]) -> Any:
        if self._sandbox is None:
            self._sandbox = Sandbox(LIMITS)
        sandbox, host = self._sandbox, ObjectHost(lambda _: "it is only asked what it answers")
        receiver = UvmObject([])
        for name, value in slots.items():
            put(receiver, name, value)
        for known in self.everything:
            if known.holder == asked.holder:
                put(receiver, known.selector, Method(known.selector, known.source))
        try:
            with activating(lambda method, obj, given, named: sandbox.activate(method, obj, given, named, host)):
                value = plain(send(receiver, asked.selector, *args))
        except BatosError:  # it fails here, or would write, or ask for more than there is
            return MISSING
        known_kind = type_of(value) is not None
        return (bounded(value) if isinstance(value, (str, list, dict)) else value) if known_kind else MISSING

    def _operation(self, known: Known, takes: tuple[str, ...], cases: list[Case]) -> Operation:
        def at(owners: list[int]) -> Apply:
            return lambda needed, *columns: applied(needed, owners, columns)

        def applied(needed: int, owners: list[int], columns: tuple[Column, ...]) -> Column | None:
            out: Column = []
            for owner, operands in zip(owners, zip(*columns, strict=True), strict=True):
                slots = cases[owner].slots if known.reads and not known.holder else {}
                value = MISSING if MISSING in operands else self.answer(slots, known.name, operands)
                if value is MISSING and len(out) < needed:
                    return None
                out.append(value)
            return out

        call = f"self.{known.name}({', '.join(OPERANDS[: len(takes)])})"
        return Operation(
            name=known.name, takes=takes, gives=None, cost=HINTED, words=Words(known.selector).listed, implies=(),
            swaps=False, feeds=True, twice=True, splits=False, settles=False, flat=False, final=False, varied=False,
            template=parse(call), worth=WORTH,
            apply=at(list(range(len(cases)))), inside=at,
        )  # fmt: skip


def _takes(known: Known) -> tuple[str, ...]:
    """The types of the arguments, from the method's own examples; nothing if they are unknown or of several types."""
    if not 1 <= known.arity <= len(OPERANDS) or not known.examples:
        return ()
    kinds = [{type_of(value) for value in column} for column in zip(*known.examples, strict=True)]
    first = [next(iter(kind)) for kind in kinds]
    return tuple(kind for kind in first if kind) if all(len(kind) == 1 for kind in kinds) and all(first) else ()


def _mentions(source: str, selector: str) -> bool:
    """Whether a source sends the selector that is to be learned; calling it would go in a circle."""
    try:
        tree = parse_module(source)
    except SyntaxError:
        return True
    return any(isinstance(node, ast.Attribute) and node.attr == selector for node in ast.walk(tree))
