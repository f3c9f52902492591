"""Goals pushed into lists: where a result has one part for each item of a list, the parts are a goal of their own.

So conditionals and concatenations, which are made for goals, are made inside comprehensions too. After Feser et al.,
lambda2 (PLDI 2015).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from batos.methods.synthesis.enumerate import READS_INNER
from batos.methods.synthesis.forms import form
from batos.methods.synthesis.goal import Goal
from batos.methods.synthesis.nodes import Entry, Node, constant
from batos.methods.synthesis.operations import named
from batos.methods.synthesis.values import MISSING, Column

SEPARATORS = (", ", "\n", " ", "-", ",", "_", "; ", "/", ".", " | ", "&", "")


@dataclass(frozen=True)
class Push:
    """The parts laid end to end; how a node for one part becomes one for the whole, and a value; the price of that."""

    parts: Column
    wrap: Callable[[Node], Node]
    whole: Callable[[Any, Column], Any]
    price: int


@dataclass
class Pushed(Goal):
    """The goal for the items of `source`; what fits is wrapped and offered to `outer`."""

    outer: Goal = field(kw_only=True)
    source: Entry = field(kw_only=True)
    offsets: list[int] = field(kw_only=True)
    push: Push = field(kw_only=True)

    def offer(self, entry: Entry) -> None:
        if not entry.reads & READS_INNER or MISSING in entry.column:
            return
        column: Column = []
        for owner, items in enumerate(self.source.column):
            parts = entry.column[self.offsets[owner] : self.offsets[owner + 1]]
            column.append(MISSING if items is MISSING else self.push.whole(items, parts))
        reads = (entry.reads | self.source.reads) & ~READS_INNER
        cost = entry.cost + self.source.cost + self.push.price
        self.outer.offer(Entry(column, self.push.wrap(entry.node), cost, reads))


class WholeGoal(Goal):
    """A goal that is pushed into the lists that the search looks into."""

    def inside(self, source: Entry, flat: Column, offsets: list[int]) -> Goal | None:
        given = source.column[: self.count]
        found = _list(self, source, given) or _text(self, source, given) or _record(self, source, given)
        if found is None or not found.parts:
            return None
        return Pushed(found.parts, self.words, self.prices, outer=self, source=source, offsets=offsets, push=found)


def _list(outer: Goal, source: Entry, given: Column) -> Push | None:
    for result, items in zip(outer.results, given, strict=True):
        if not isinstance(result, list) or len(result) != len(items):
            return None
    parts = [part for result in outer.results for part in result]
    each = form("each")
    return Push(parts, lambda node: (each, source.node, node), lambda items, parts: parts, outer.prices["each"])


def _text(outer: Goal, source: Entry, given: Column) -> Push | None:
    if outer.kind != "text" or max(map(len, given)) < 2:
        return None
    each, join = form("each"), named("join")
    for separator in SEPARATORS:
        cut = [result.split(separator) if separator else list(result) for result in outer.results]
        if [len(parts) for parts in cut] == [len(items) for items in given]:
            break
    else:
        return None
    return Push(
        [part for parts in cut for part in parts],
        lambda node: (join, constant(separator), (each, source.node, node)),
        lambda items, parts: separator.join(parts),
        outer.prices["each"] + outer.prices["join"] + 2,
    )


def _record(outer: Goal, source: Entry, given: Column) -> Push | None:
    for result, items in zip(outer.results, given, strict=True):
        hashable = all(isinstance(item, (str, int)) for item in items)
        if not isinstance(result, dict) or not hashable or set(result) != set(items):
            return None
    parts = [result[item] for result, items in zip(outer.results, given, strict=True) for item in items]
    record_of = form("record_of")
    return Push(
        parts,
        lambda node: (record_of, source.node, node),
        lambda items, parts: dict(zip(items, parts, strict=True)),
        outer.prices["record_of"],
    )
