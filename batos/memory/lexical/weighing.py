"""Weighing: rows by BM25 of the expressions that they match, and the heaviest of them.

The weights are those of SQLite's FTS5. Expressions are taken from the rarest on. As soon as what is left could not lift
a row of its own among the heaviest, it only adds to rows that stand there already, and its many others are never looked
at (the MaxScore of Turtle and Flood, 1995). What is found is the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from batos.memory.lexical.postings import Array

# As FTS5 has them. A word that is in half of all rows or more tells next to nothing.
K1, B, LEAST_IDF = 1.2, 0.75, 1e-6
FEW = 2_000  # rows that are weighed sooner than it is found out whether they have to be
ROUNDED = 1 + 1e-9  # sums of weights may differ by less, depending on their order


@dataclass(frozen=True, slots=True)
class Matches:
    """The rows that an expression matches, ascending, and how often each; there is at least one."""

    rows: Array
    counts: Array


class Scale:
    """What the rows weigh of which these are the `sizes` in tokens, at least `smallest`; the `living` ones have so many
    `tokens`."""

    def __init__(self, sizes: Array, smallest: int, living: int, tokens: int) -> None:
        self._sizes = sizes
        self._smallest = smallest
        self._living = living
        self._usual = tokens / living

    def weights(self, matches: Matches, places: Array | None = None) -> Array:
        """Those of all matches, or of the ones at these places."""
        rows, counts = matches.rows, matches.counts
        if places is not None:
            rows, counts = rows.take(places), counts.take(places)
        found: Array = self._weights(matches, counts, self._sizes.take(rows))
        return found

    def most(self, matches: Matches) -> float:
        """No row weighs more by these matches."""
        return float(self._weights(matches, float(matches.counts.max()), self._smallest))

    def _weights(self, matches: Matches, counts: Any, sizes: Any) -> Any:
        number = len(matches.rows)
        idf = max(math.log((self._living - number + 0.5) / (number + 0.5)), LEAST_IDF)
        return idf * (K1 + 1) * counts / (counts + (K1 * (1 - B) + (K1 * B / self._usual) * sizes))


class Weighing:
    """Keeps the memory that it sums weights in. Not for several threads at once."""

    def __init__(self) -> None:
        self._sums: Array = np.empty(0)

    def heaviest(self, scale: Scale, found: Sequence[Matches], rows: int, most: int) -> tuple[Array, Array]:
        """(rows, weights) of the `most` heaviest and of those that weigh the same as the lightest of them, in no order.

        `found` begins with the rarest; all rows are below `rows`.
        """
        if len(self._sums) < rows:
            self._sums = np.zeros(rows)
        sums = self._sums
        touched: Array = np.empty(0, np.intp)
        try:
            for number, matches in enumerate(found):
                if most <= len(touched) and len(matches.rows) > FEW:
                    rest = sum(map(scale.most, found[number:])) * ROUNDED
                    weights = sums.take(touched)
                    least = _least_of(weights, most)
                    if least > rest:
                        hopeful = weights + rest >= least
                        kept = touched[hopeful].astype(np.uint32)  # as matches have them
                        return _added(scale, found[number:], kept, weights[hopeful], most)
                places = matches.rows.astype(np.intp)
                weights = sums.take(places)
                touched = np.concatenate([touched, places[weights == 0]])
                sums[places] = weights + scale.weights(matches)
            return _of_least(touched, sums.take(touched), most)
        finally:
            sums[touched] = 0


def among(scale: Scale, found: Sequence[Matches], rows: Array) -> tuple[Array, Array]:
    """(rows, weights) of those of these rows that match any expression; they are ascending, each once."""
    return _added(scale, found, rows, np.zeros(len(rows)), len(rows))


def _added(scale: Scale, found: Sequence[Matches], rows: Array, weights: Array, most: int) -> tuple[Array, Array]:
    """The heaviest of rows that weigh so much, when what they weigh by these matches is added."""
    for matches in found:
        places = matches.rows.searchsorted(rows)
        places[places == len(matches.rows)] = 0
        held = np.flatnonzero(matches.rows.take(places) == rows)
        weights[held] += scale.weights(matches, places.take(held))
    matching = weights > 0
    return _of_least(rows[matching], weights[matching], most)


def _of_least(rows: Array, weights: Array, most: int) -> tuple[Array, Array]:
    if most >= len(rows):
        return rows, weights
    kept = weights >= _least_of(weights, most)
    return rows[kept], weights[kept]


def _least_of(weights: Array, most: int) -> float:
    """What the lightest of the `most` heaviest weighs. The first are of the rarest words, so hardly any of the others
    weighs more than the lightest of the heaviest among them."""
    for count in (8 * most, len(weights)):
        beginning = weights[:count]
        least = float(np.partition(beginning, len(beginning) - most)[len(beginning) - most])
        weights = weights[weights >= least]
    return least
