"""Answers put together from parts that are each right somewhere.

`concatenation` cuts the result texts into pieces that are known expressions or literals: the shortest path over
positions, after Gulwani, FlashFill (POPL 2011). `cases` chooses by tests among expressions that are right on some of
the examples, after Alur et al., EUSolver (TACAS 2017).
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator
from functools import reduce
from itertools import count
from operator import or_
from typing import TYPE_CHECKING, NamedTuple

from batos.methods.synthesis.nodes import CHOICE, Entry, Node, constant
from batos.methods.synthesis.operations import named
from batos.methods.synthesis.values import MISSING, Column

if TYPE_CHECKING:
    from batos.methods.synthesis.goal import Goal

POSITIONS = 3000
"""So many combinations of positions are visited before a cut is given up."""

LONGEST_LITERAL = 14
COPIED = 8
MARKS = 3
"""A literal of so many marks costs as one; a longer one is more likely made than written out."""
SLACK = 12
"""A concatenation may cost this much more than the level that has been searched."""

EXPRESSIONS, TESTS, DEPTH, FEW = 60, 120, 3, 8
"""For cases: the cheapest expressions and tests that are combined, how deep, and up to how many examples."""


class _Cut(NamedTuple):
    """A part of a concatenation and the positions it leads to."""

    part: Entry
    ends: tuple[int, ...]


def concatenation(goal: Goal, level: int) -> None:
    """Offer the cheapest concatenation that gives every result, if there is one."""
    if not goal.pieces:
        return
    first = _by_first_position(goal)
    start = (0,) * goal.count
    ends = tuple(len(result) for result in goal.results)
    order = count(1)
    heap: list[tuple[int, int, tuple[int, ...], tuple[Entry, ...]]] = [(0, 0, start, ())]
    done: set[tuple[int, ...]] = set()
    while heap and len(done) <= POSITIONS:
        cost, _, positions, parts = heapq.heappop(heap)
        if positions in done:
            continue
        done.add(positions)
        if positions == ends:
            if len(parts) > 1:
                goal.offer(_joined(parts, cost))
            return
        for part, there in _cuts(goal, first, positions, parts):
            price = cost + part.cost + 1
            if price <= level + SLACK:
                heapq.heappush(heap, (price, next(order), there, (*parts, part)))


def _by_first_position(goal: Goal) -> dict[int, list[tuple[tuple[str, ...], Entry]]]:
    """The pieces by the positions at which they occur in the first result."""
    found: dict[int, list[tuple[tuple[str, ...], Entry]]] = defaultdict(list)
    for given, entry in goal.pieces.items():
        at = goal.results[0].find(given[0])
        while at >= 0:
            found[at].append((given, entry))
            at = goal.results[0].find(given[0], at + 1)
    return found


def _cuts(
    goal: Goal,
    first: dict[int, list[tuple[tuple[str, ...], Entry]]],
    positions: tuple[int, ...],
    parts: tuple[Entry, ...],
) -> Iterator[_Cut]:
    for given, entry in first.get(positions[0], ()):
        places = zip(goal.results, positions, given, strict=True)
        if all(result.startswith(text, place) for result, place, text in places):
            yield _Cut(entry, tuple(place + len(text) for place, text in zip(positions, given, strict=True)))
    if parts and not parts[-1].reads:
        return  # two literals in a row are one literal
    rest = [result[place : place + LONGEST_LITERAL] for result, place in zip(goal.results, positions, strict=True)]
    shared = 0
    while shared < len(rest[0]) and all(text[shared : shared + 1] == rest[0][shared] for text in rest):
        shared += 1
    width = len(goal.pieces and next(iter(goal.pieces.values())).column)
    for length in range(1, shared + 1):
        text = rest[0][:length]
        literal = Entry([text] * width, constant(text), _literal_cost(goal, text), 0)
        yield _Cut(literal, tuple(place + length for place in positions))


def _literal_cost(goal: Goal, text: str) -> int:
    """Letters are dear, because a literal of letters may be memory instead of method."""
    letters = sum(letter.isalnum() for letter in text)
    word = text.strip(" ,.!?:").lower()
    if not letters:
        return max(1, len(text) - MARKS)
    if word in goal.words.known:
        return 2
    if goal.shown and all(word in shown for shown in goal.shown):
        return COPIED  # more likely a part of the input than a constant
    return 2 + letters if goal.count > 1 else 3 + 2 * letters


def _joined(parts: tuple[Entry, ...], cost: int) -> Entry:
    concat = named("concat")

    def join(left: Node, right: Node) -> Node:
        return (concat, left, right)

    rows = zip(*(part.column for part in parts), strict=True)
    column: Column = [MISSING if MISSING in texts else "".join(texts) for texts in rows]
    reads = reduce(or_, (part.reads for part in parts))
    return Entry(column, reduce(join, (part.node for part in parts)), cost, reads)


def cases(goal: Goal) -> None:
    """Offer the cheapest choice by tests that is right on every example, if there is one."""
    branches = sorted((*goal.partial.items(), *_constant_results(goal)), key=lambda item: item[1].cost)[:EXPRESSIONS]
    tests = sorted(goal.tests.items(), key=lambda item: item[1].cost)[:TESTS]
    if branches and tests:
        depth = min(DEPTH if goal.count <= FEW else 1, goal.count - 1)
        best = _Cases(branches, tests, 1 if goal.words.conditional else 3).best(goal.all, depth)
        if best is not None:
            goal.offer(best)


class _Cases:
    """The cheapest expression that is right on a set of examples (a bit mask)."""

    def __init__(self, branches: list[tuple[int, Entry]], tests: list[tuple[int, Entry]], price: int) -> None:
        self.branches, self.tests, self.price = branches, tests, price
        self.memory: dict[tuple[int, int], Entry | None] = {}

    def best(self, mask: int, depth: int) -> Entry | None:
        key = (mask, depth)
        if key not in self.memory:
            self.memory[key] = self._best(mask, depth)
        return self.memory[key]

    def _best(self, mask: int, depth: int) -> Entry | None:
        found = next((entry for right, entry in self.branches if right & mask == mask), None)
        for true, test in self.tests if depth else ():
            if not mask & true or not mask & ~true:
                continue
            then = self.best(mask & true, depth - 1)
            other = self.best(mask & ~true, depth - 1) if then is not None else None
            if then is None or other is None:
                continue
            cost = test.cost + then.cost + other.cost + self.price
            if found is None or cost < found.cost:
                found = _chosen(test, then, other, cost)
        return found


def _chosen(test: Entry, then: Entry, other: Entry, cost: int) -> Entry:
    column: Column = [
        MISSING if flag is MISSING else one if flag else two
        for flag, one, two in zip(test.column, then.column, other.column, strict=True)
    ]
    return Entry(column, (CHOICE, test.node, then.node, other.node), cost, test.reads | then.reads | other.reads)


def _constant_results(goal: Goal) -> Iterator[tuple[int, Entry]]:
    """Results that may stand as constants in a branch; dear where they occur once, because that is memory."""
    width = len(next(iter(goal.tests.values())).column) if goal.tests else 0
    seen: dict[tuple[type, object], int] = {}
    for place, result in enumerate(goal.results):
        if isinstance(result, (str, int, bool, type(None))):
            key = (type(result), result)
            seen[key] = seen.get(key, 0) | 1 << place
    for (_, result), mask in seen.items():
        often = mask.bit_count() > 1
        if mask == goal.all or (type(result) is int and result not in (0, 1, -1) and not often):
            continue
        cost = _constant_cost(goal, result, often)
        if mask not in goal.partial or goal.partial[mask].cost > cost:
            yield mask, Entry([result] * width, constant(result), cost, 0)


def _constant_cost(goal: Goal, result: object, often: bool) -> int:
    if result in ("", None, 0, 1) or (isinstance(result, str) and result.lower() in goal.words.known):
        return 2
    return 3 if often else 4 + (len(result) if isinstance(result, str) else 2)
