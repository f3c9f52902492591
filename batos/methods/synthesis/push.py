"""Goals pushed into lists: where a result has one part for each item of a list, the parts are a goal of their own.

So conditionals and concatenations, which are made for goals, are made inside comprehensions too. After Feser et al.,
lambda2 (PLDI 2015).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from batos.methods.synthesis import goal as goals
from batos.methods.synthesis.enumerate import READS_INNER
from batos.methods.synthesis.forms import forms
from batos.methods.synthesis.nodes import Entry, Node, constant
from batos.methods.synthesis.operations import named
from batos.methods.synthesis.values import MISSING, Column

SEPARATORS = (", ", "\n", " ", "-", ",", "_", "; ", "/", ".", " | ", "&", "")


@dataclass
class Pushed(goals.Goal):
    """The goal for the items of `source`; what fits is wrapped and offered to `outer`."""

    outer: goals.Goal = field(kw_only=True)
    source: Entry = field(kw_only=True)
    offsets: list[int] = field(kw_only=True)
    wrap: Callable[[Node], Node] = field(kw_only=True)
    whole: Callable[[Any, Column], Any] = field(kw_only=True)
    price: int = field(kw_only=True)

    def offer(self, entry: Entry) -> None:
        if not entry.reads & READS_INNER or MISSING in entry.column:
            return
        column: Column = []
        for owner, items in enumerate(self.source.column):
            parts = entry.column[self.offsets[owner] : self.offsets[owner + 1]]
            column.append(MISSING if items is MISSING else self.whole(items, parts))
        reads = (entry.reads | self.source.reads) & ~READS_INNER
        self.outer.offer(Entry(column, self.wrap(entry.node), entry.cost + self.source.cost + self.price, reads))

    def inside(self, source: Entry, flat: Column, offsets: list[int]) -> None:
        return None


def pushed(outer: goals.Goal, source: Entry, flat: Column, offsets: list[int]) -> Pushed | None:
    """The goal for the items of `source`, or None if the results do not have one part for each."""
    given = source.column[: outer.count]
    parts, wrap, whole, price = _list(outer, source, given) or _text(outer, source, given) or _record(outer, source, given) or _NONE
    if not parts:
        return None
    return Pushed(
        parts, outer.words, outer.prices, outer=outer, source=source, offsets=offsets, wrap=wrap, whole=whole, price=price
    )


Push = tuple[Column, Callable[[Node], Node], Callable[[Any, Column], Any], int]
"""The parts laid end to end; how a node for one part becomes one for the whole, and a value; the price of that."""

_NONE: Push = ([], lambda node: node, lambda items, parts: parts, 0)


def _form(name: str) -> Any:
    return next(form for form in forms() if form.name == name)


def _list(outer: goals.Goal, source: Entry, given: Column) -> Push | None:
    if not all(isinstance(result, list) and len(result) == len(items) for result, items in zip(outer.results, given, strict=True)):
        return None
    parts = [part for result in outer.results for part in result]
    each = _form("each")
    return parts, lambda node: (each, source.node, node), lambda items, parts: parts, outer.prices["each"]


def _text(outer: goals.Goal, source: Entry, given: Column) -> Push | None:
    if outer.kind != "text" or max(map(len, given)) < 2:
        return None
    each, join = _form("each"), named("join")
    for separator in SEPARATORS:
        cut = [result.split(separator) if separator else list(result) for result in outer.results]
        if [len(parts) for parts in cut] == [len(items) for items in given]:
            return (
                [part for parts in cut for part in parts],
                lambda node, text=separator: (join, constant(text), (each, source.node, node)),  # type: ignore[misc]
                lambda items, parts, text=separator: text.join(parts),  # type: ignore[misc]
                outer.prices["each"] + outer.prices["join"] + 2,
            )
    return None


def _record(outer: goals.Goal, source: Entry, given: Column) -> Push | None:
    for result, items in zip(outer.results, given, strict=True):
        if not isinstance(result, dict) or not all(isinstance(item, (str, int)) for item in items) or set(result) != set(items):
            return None
    parts = [result[item] for result, items in zip(outer.results, given, strict=True) for item in items]
    record_of = _form("record_of")
    return (
        parts,
        lambda node: (record_of, source.node, node),
        lambda items, parts: dict(zip(items, parts, strict=True)),
        outer.prices["record_of"],
    )
