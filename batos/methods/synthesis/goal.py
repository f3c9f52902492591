"""What a search is after: the results of the examples. Watches what the search keeps and collects what fits.

An expression whose values are the results is a candidate. Some candidates are put together instead of found: by
arithmetic from both ends, by writing out a list or record part by part, and by the two covers of `cover`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from batos.methods.synthesis import cover
from batos.methods.synthesis.nodes import Entry, Node, Shape
from batos.methods.synthesis.operations import Operation, named
from batos.methods.synthesis.values import LISTS, MISSING, Column, key_of, same, type_of_column
from batos.methods.synthesis.words import Words

WIDEST_SHAPE = 5
Key = TypeVar("Key")

INVERSES: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda result, known: result - known,
    "subtract": lambda result, known: result + known,
    "multiply": lambda result, known: result / known if result % known else result // known,
}
"""For an operation: what its first operand must be, given the result and its second operand."""


@dataclass
class Goal:
    """`results` of the examples, in order. `candidates` grows while the search runs.

    `prices` are those of operations and forms by name; `constants` says whether a constant may be the answer;
    `shown` is all text of the inputs of each example, in lower case.
    """

    results: Column
    words: Words
    prices: dict[str, int]
    constants: bool = False
    shown: tuple[str, ...] = ()
    candidates: list[Entry] = field(default_factory=list)
    partial: dict[int, Entry] = field(default_factory=dict)
    tests: dict[int, Entry] = field(default_factory=dict)
    pieces: dict[tuple[str, ...], Entry] = field(default_factory=dict)
    known: dict[tuple[str, int], Entry] = field(default_factory=dict)
    numbers: list[Entry] = field(default_factory=list)
    patterns: dict[tuple[bool, ...], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.kind = type_of_column(self.results)
        self.count = len(self.results)
        self.all = (1 << self.count) - 1

    def see(self, kind: str, entry: Entry) -> None:
        given = entry.column[: self.count]
        _keep(self.known, (kind, key_of(given)), entry)
        if kind == "flag":
            self._see_test(given, entry)
        if kind == "number" == self.kind:
            self.numbers.append(entry)
        if self.kind == "text" and kind in ("text", "number"):
            self._see_piece(kind, given, entry)
        if not self._comparable(kind):
            return
        right = self._right(given)
        if right == self.all:
            self.offer(entry)
        elif right:
            self.partial.setdefault(right, entry)

    def see_partial(self, entry: Entry) -> None:
        if right := self._right(entry.column[: self.count]):
            self.partial.setdefault(right, entry)

    def offer(self, entry: Entry) -> None:
        """A candidate; one that reads nothing is a constant."""
        if entry.reads or self.constants:
            self.candidates.append(entry)

    def inside(self, source: Entry, flat: Column, offsets: list[int]) -> Goal | None:
        """What is wanted of the items of `source`: nothing, unless `push` knows better."""
        return None

    def finish(self, level: int) -> None:
        """After every level: put candidates together from what is known by now."""
        if self.kind == "text":
            cover.concatenation(self, level)
        if self.kind == "number":
            self._calculate()
        if self.kind in ("pair", "record", *LISTS):
            self._write_out(level)
        if self.count > 1 and self.kind != "flag":
            cover.cases(self)

    def saturation(self, cost: int) -> float:
        """For yes/no results: the share of all answer patterns that some expression up to this cost gives."""
        reached = sum(1 for price in self.patterns.values() if price <= cost)
        return float(reached / 2**self.count)

    def _comparable(self, kind: str) -> bool:
        return self.kind in (None, "thing", "things") or kind == self.kind or (kind in LISTS and self.kind in LISTS)

    def _right(self, given: Column) -> int:
        right = 0
        for place, (value, result) in enumerate(zip(given, self.results, strict=True)):
            if value is not MISSING and same(value, result):
                right |= 1 << place
        return right

    def _see_test(self, given: Column, entry: Entry) -> None:
        self.patterns.setdefault(tuple(given), entry.cost)
        true = sum(1 << place for place, value in enumerate(given) if value)
        if 0 < true < self.all:
            self.tests.setdefault(true, entry)

    def _see_piece(self, kind: str, given: Column, entry: Entry) -> None:
        if kind == "number":
            texts = [str(value) for value in entry.column]
            entry = Entry(
                [text if value is not MISSING else MISSING for text, value in zip(texts, entry.column, strict=True)],
                (named("text_of"), entry.node),
                entry.cost + 1,
                entry.reads,
            )
            given = texts[: self.count]
        if all(text and text in result for text, result in zip(given, self.results, strict=True)):
            _keep(self.pieces, tuple(given), entry)

    def _calculate(self) -> None:
        """result = first op second, where the second was found since the last level and the first at any."""
        for second in self.numbers:
            for name, inverse in INVERSES.items():
                try:
                    pairs = zip(self.results, second.column, strict=False)
                    key = key_of([inverse(result, value) for result, value in pairs])
                except (ArithmeticError, TypeError):
                    continue
                if (first := self.known.get(("number", key))) is not None:
                    self.offer(_applied(named(name), self.prices[name], first, second))
        self.numbers.clear()

    def _write_out(self, level: int) -> None:
        """A list, tuple or record of fixed shape whose every part is known."""
        first = self.results[0]
        if isinstance(first, dict):
            keys = tuple(first)
            if any(tuple(result) != keys for result in self.results):
                return
            shape, columns = Shape("record", keys), [[result[key] for result in self.results] for key in keys]
        else:
            if any(len(result) != len(first) for result in self.results):
                return
            shape = Shape("list" if isinstance(first, list) else "tuple")
            columns = [[result[place] for result in self.results] for place in range(len(first))]
        if not (1 if shape.keys else 2) <= len(columns) <= WIDEST_SHAPE:
            return
        parts = [self._part(column) for column in columns]
        found = [part for part in parts if part is not None]
        if len(found) < len(parts) or max(part.cost for part in found) < level:
            return
        rows = zip(*(part.column for part in found), strict=True)
        column = [MISSING if MISSING in row else shape.value(row) for row in rows]
        node: Node = (shape, *(part.node for part in found))
        self.offer(Entry(column, node, sum(part.cost for part in found) + 2, _reads(found)))

    def _part(self, column: Column) -> Entry | None:
        kind = type_of_column(column)
        return self.known.get((kind, key_of(column))) if kind is not None else None


def _keep(kept: dict[Key, Entry], key: Key, entry: Entry) -> None:
    """Of the expressions with these values for the examples the first, or one hardly dearer that fails less often."""
    known = kept.get(key)
    if known is None or (entry.cost <= known.cost + 1 and entry.column.count(MISSING) < known.column.count(MISSING)):
        kept[key] = entry


def _applied(operation: Operation, price: int, *operands: Entry) -> Entry:
    column = operation.apply(0, *(operand.column for operand in operands))
    node: Node = (operation, *(operand.node for operand in operands))
    return Entry(column or [], node, price + sum(operand.cost for operand in operands), _reads(list(operands)))


def _reads(entries: list[Entry]) -> int:
    reads = 0
    for entry in entries:
        reads |= entry.reads
    return reads
