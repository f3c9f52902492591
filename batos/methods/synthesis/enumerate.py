"""Bottom-up, cost-ordered, typed enumeration of expressions with observational equivalence.

All expressions of cost 1 are made, then of cost 2, and so on; of those that have the same values on all inputs only
the first, cheapest, is kept. Lists are looked into by an inner search of the same kind over their items, laid end to
end. After Albarghouthi et al., Escher (CAV 2013), and Feser et al., lambda2 (PLDI 2015).

The search knows nothing about results; it shows what it keeps to an `Observer`. Its budget is counted in expressions,
never in seconds, so that a replay finds the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from batos.methods.synthesis.budget import Budget, Prices
from batos.methods.synthesis.forms import Form
from batos.methods.synthesis.leaves import Start
from batos.methods.synthesis.nodes import INDEX_NODE, ITEM_NODE, Entry, Node
from batos.methods.synthesis.operations import Operation, accepts
from batos.methods.synthesis.values import LISTS, MISSING, Column, key_of, type_of_column

READS_ITEM, READS_INDEX = 1 << 40, 1 << 41
READS_INNER = READS_ITEM | READS_INDEX
LONGEST_FLAT = 64
"""Lists with more items than this, over all inputs, are not looked into."""

BROADCAST = 3
"""Expressions up to this cost that do not read the item may stand beside it inside a form."""


class Observer(Protocol):
    def see(self, kind: str, entry: Entry) -> None:
        """An expression that has a value for every example was kept."""
        ...

    def see_partial(self, entry: Entry) -> None:
        """An expression failed on some of the examples."""
        ...

    def finish(self, level: int) -> None:
        """Every expression up to this cost was made."""
        ...

    def inside(self, source: Entry, flat: Column, offsets: list[int]) -> Observer | None:
        """Who watches the search over the items of `source`, laid end to end in `flat`; None for nobody."""
        ...


class _Inside(NamedTuple):
    """The inner search of one list; `offsets[i]` is where the items of input i start."""

    search: Search
    offsets: list[int]


@dataclass
class Search:
    """Enumeration over the first `needed` inputs, the examples, followed by the probes.

    Operations are applied only where the result reads something of `wanted`: an argument or slot, or the item.
    `longest` bounds the texts worth making, by example; empty for no bound. In a search over items, `owners` are the
    inputs that they belong to.
    """

    starts: tuple[Start, ...]
    prices: Prices
    budget: Budget
    needed: int
    observer: Observer | None = None
    outermost: bool = True
    wanted: int = -1
    longest: tuple[int, ...] = ()
    owners: list[int] = field(default_factory=list)
    level: int = 0
    bank: dict[str, dict[int, list[Entry]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    seen: set[tuple[str, int]] = field(default_factory=set)
    sources: list[tuple[str, Entry]] = field(default_factory=list)
    insides: dict[int, _Inside | None] = field(default_factory=dict)

    def advance(self) -> None:
        """Make every expression of the next higher cost. Raises Exhausted."""
        self.level += 1
        for start in self.starts:
            if start.cost == self.level:
                self._keep(start.kind, Entry(start.column, start.node, start.cost, start.reads), start.feeds)
        for operation, price in self.prices.operations:
            if self.level - price >= len(operation.takes):
                self._operate(operation, self.level - price)
        if self.outermost:
            for kind, source in tuple(self.sources):
                if source.cost < self.level - 1:
                    self._look_into(kind, source)
        if self.observer is not None:
            self.observer.finish(self.level)

    def entries(self, types: tuple[str, ...], cost: int) -> Iterator[Entry]:
        """What is kept of these types (("any",) for all) at this cost."""
        for kind in tuple(self.bank) if types == ("any",) else types:
            if (by_cost := self.bank.get(kind)) is not None:
                yield from by_cost.get(cost, ())

    def _keep(self, kind: str | None, entry: Entry, feeds: bool = False) -> None:
        column = entry.column
        self.budget.count(len(column))
        if MISSING in column[: self.needed]:
            if self.observer is not None:
                self.observer.see_partial(entry)
            return
        if kind is None and (kind := type_of_column(column)) is None:
            return
        if kind == "text" and entry.reads and self._too_long(column):
            return
        try:
            key = (kind, key_of(column))
        except ValueError:  # a value from outside the types that the writer computes with
            return
        if key in self.seen:
            return
        self.seen.add(key)
        self.budget.kept_cells += len(column)
        self.bank[kind][entry.cost].append(entry)
        if feeds and self.outermost and kind in LISTS:
            self.sources.append((kind, entry))
        if self.observer is not None:
            self.observer.see(kind, entry)

    def _too_long(self, column: Column) -> bool:
        return any(len(text) > longest for text, longest in zip(column, self.longest, strict=False))

    def _operate(self, operation: Operation, rest: int) -> None:
        """All applications whose operands cost `rest` together."""
        needed, level, wanted = self.needed, self.level, self.wanted
        strict = 0 if self.outermost else needed
        apply, gives, feeds, choosy = operation.apply, operation.gives, operation.feeds, operation.choosy
        if operation.inside is not None and self.owners:
            apply = operation.inside(self.owners)
        for operands in self._operands(operation, rest):
            reads = 0
            for operand in operands:
                reads |= operand.reads
            if not reads & wanted or (choosy and operation.refuses(operands)):
                continue
            if operation.worth > 1:
                self.budget.spend(operation.worth)
            column = apply(strict, *[operand.column for operand in operands])
            if column is None:
                self.budget.count(needed)
                continue
            if operation.splits and all(len(parts) == 1 for parts in column[:needed] if parts is not MISSING):
                continue
            node = (operation, *[operand.node for operand in operands])
            self._keep(gives, Entry(column, node, level, reads), feeds)

    def _operands(self, operation: Operation, rest: int) -> Iterator[tuple[Entry, ...]]:
        """Operands of the right types that cost `rest` together."""
        types = tuple(accepts(pattern) for pattern in operation.takes)
        if len(types) == 1:
            yield from ((one,) for one in self.entries(types[0], rest))
            return
        for left in range(1, rest - len(types) + 2):
            if operation.swaps and left > rest - left:
                break
            ones = list(self.entries(types[0], left))
            for others in self._splits(types[1:], rest - left) if ones else ():
                for one in ones:
                    for more in others:
                        if operation.twice or one is not more[0]:
                            yield (one, *more)

    def _splits(self, types: tuple[tuple[str, ...], ...], cost: int) -> Iterator[list[tuple[Entry, ...]]]:
        """The operands of these types that cost `cost` together: one list per way to share the cost."""
        if len(types) == 1:
            found: list[tuple[Entry, ...]] = [(entry,) for entry in self.entries(types[0], cost)]
            if found:
                yield found
            return
        for left in range(1, cost):
            seconds = list(self.entries(types[0], left))
            thirds = list(self.entries(types[1], cost - left)) if seconds else []
            if thirds:
                yield [(second, third) for second in seconds for third in thirds]

    def _look_into(self, kind: str, source: Entry) -> None:
        """All forms over one list that reach this level's cost."""
        if (inside := self._inside(source)) is None:
            return
        rest = self.level - source.cost
        while inside.search.level < rest - 1:
            inside.search.advance()
        for form, price in self.prices.forms:
            if kind in form.over and rest > price:
                for parts in _parts(form, inside.search, rest - price):
                    self._apply_form(form, source, inside.offsets, parts)

    def _inside(self, source: Entry) -> _Inside | None:
        key = id(source.node)
        if key not in self.insides:
            self.insides[key] = self._opened(source)
        return self.insides[key]

    def _opened(self, source: Entry) -> _Inside | None:
        flat: Column = []
        owners: list[int] = []
        places: list[int] = []
        offsets = [0]
        for owner, items in enumerate(source.column):
            if items is not MISSING:
                flat += items
                owners += [owner] * len(items)
                places += range(len(items))
            offsets.append(len(flat))
        needed = offsets[self.needed]
        kind = type_of_column(flat)
        if needed < 1 or len(flat) > LONGEST_FLAT or kind is None:
            return None
        starts = [
            Start(1, kind, flat, ITEM_NODE, READS_ITEM, False),
            Start(self.prices.index, "number", places, INDEX_NODE, READS_INDEX, False),
        ]
        constants = [start for start in self.starts if not start.reads]
        starts += [start._replace(column=[start.column[owner] for owner in owners]) for start in constants]
        for kind, cost, entry in self._cheap():
            spread = [entry.column[owner] for owner in owners]
            starts.append(Start(cost + 1, kind, spread, entry.node, entry.reads, False))
        observer = self.observer.inside(source, flat, offsets) if self.observer is not None else None
        inner = Search(
            tuple(starts), self.prices, self.budget, needed, observer,
            outermost=False, wanted=READS_INNER, owners=owners,
        )  # fmt: skip
        return _Inside(inner, offsets)

    def _cheap(self) -> Iterator[tuple[str, int, Entry]]:
        """The cheapest expressions that read an argument or slot."""
        for kind, by_cost in self.bank.items():
            for cost in range(1, min(BROADCAST, self.level - 1) + 1):
                yield from ((kind, cost, entry) for entry in by_cost.get(cost, ()) if entry.reads)

    def _apply_form(self, form: Form, source: Entry, offsets: list[int], parts: tuple[Entry, ...]) -> None:
        bodies = parts[0].column if form.body else ()
        tests = parts[-1].column if form.test else ()
        column: Column = []
        for owner, items in enumerate(source.column):
            if items is MISSING:
                column.append(MISSING)
                continue
            here = slice(offsets[owner], offsets[owner + 1])
            try:
                column.append(form.value(items, bodies[here], tests[here]))
            except Exception:  # as with operations: no value here
                column.append(MISSING)
        reads = source.reads
        for part in parts:
            reads |= part.reads
        node: Node = (form, source.node, *(part.node for part in parts))
        self._keep(None, Entry(column, node, self.level, reads & ~READS_INNER), feeds=False)


def _parts(form: Form, inner: Search, rest: int) -> Iterator[tuple[Entry, ...]]:
    """The bodies and tests for a form that cost `rest` together."""
    if not form.test:
        yield from ((body,) for body in _bodies(form, inner, rest))
    elif not form.body:
        yield from ((test,) for test in _tests(form, inner, rest))
    else:
        for cost in range(2, rest):
            tests = list(_tests(form, inner, cost))
            for body in _bodies(form, inner, rest - cost) if tests else ():
                yield from ((body, test) for test in tests)


def _usable(form: Form, entry: Entry) -> bool:
    reads = READS_INNER if form.indexed else READS_ITEM
    return bool(entry.reads & reads) and not (entry.reads & READS_INNER & ~reads) and MISSING not in entry.column


def _bodies(form: Form, inner: Search, cost: int) -> Iterator[Entry]:
    for entry in inner.entries(form.body, cost):
        plain_copy = entry.node is ITEM_NODE and form.name not in ("sum_of_those", "joined", "groups")
        if _usable(form, entry) and not plain_copy:
            yield entry


def _tests(form: Form, inner: Search, cost: int) -> Iterator[Entry]:
    for entry in inner.entries(("flag",), cost):
        if _usable(form, entry):
            given = entry.column[: inner.needed]
            if form.mixed or (True in given and False in given):
                yield entry
