"""Vectors in memory, and the nearest of them to a question.

Up to `EXACT` vectors all are compared. Beyond, the signs of their numbers are compared first, 64 at a time, and only
the nearest by that are compared in full: a thirtieth of the memory is read, nothing has to be built, and a vector can
be added or removed at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXACT = 4_096
# Of the sketches, so many are compared in full: more in a larger crowd, where more strangers are close by chance.
LEAST_COMPARED, SHARE_COMPARED = 400, 1_000
SAMPLED = 512  # vectors that stand for all
BLOCK = 65_536  # sketches compared at a time, so that what is computed stays in the processor's cache
SUMMED = 3  # words of a sketch whose differing signs are summed in 8 bits
SAMPLED_DIFFERENCES = 4_096
GATHERED = 2_048  # vectors for which there is room to be compared in full at once


class Matrix:
    """`serial` is up to what change of the index it was read."""

    def __init__(self, dimension: int) -> None:
        self.serial = 0
        self.dimension = dimension
        self._words = (dimension + 63) // 64
        self._size = 0
        self._ids: NDArray[np.int64] = np.empty(0, np.int64)
        self._values: NDArray[np.float32] = np.empty((0, dimension), np.float32)
        self._sketches: NDArray[np.uint64] = np.empty((self._words, 0), np.uint64)
        self._places: dict[int, int] = {}
        self._sample: NDArray[np.float32] | None = None  # of the values, next to each other
        # Memory that is used again by each comparison: to be given new pages by the system takes as long as it does.
        self._gathered: NDArray[np.float32] = np.empty((GATHERED, dimension), np.float32)
        self._differing: NDArray[np.uint16] = np.empty(0, np.uint16)
        self._near: NDArray[np.bool_] = np.empty(0, np.bool_)
        self._scratch = (np.empty(BLOCK, np.uint64), np.empty(BLOCK, np.uint8), np.empty(BLOCK, np.uint8))

    def __len__(self) -> int:
        return self._size

    def __contains__(self, id_: int) -> bool:
        return id_ in self._places

    def add(self, ids: Sequence[int], values: bytes) -> None:
        """Take in vectors, `values` being their 16-bit floats one after the other. A known id gets the new one."""
        new = np.frombuffer(values, np.float16).reshape(len(ids), self.dimension).astype(np.float32)
        for id_ in ids:
            if id_ in self._places:
                self.remove(id_)
        self._sample = None
        start, self._size = self._size, self._size + len(ids)
        self._grow()
        self._ids[start : self._size] = ids
        self._values[start : self._size] = new
        self._sketches[:, start : self._size] = self._sketch(new).T
        self._places.update(zip(ids, range(start, self._size), strict=True))

    def remove(self, id_: int) -> None:
        """Drop a vector; the last one takes its place."""
        place = self._places.pop(id_, None)
        if place is None:
            return
        self._sample = None
        self._size -= 1
        if place != self._size:
            last = int(self._ids[self._size])
            self._ids[place] = last
            self._values[place] = self._values[self._size]
            self._sketches[:, place] = self._sketches[:, self._size]
            self._places[last] = place

    def nearest(self, question: NDArray[np.float32], count: int) -> list[tuple[int, float]]:
        """The `count` ids with the largest cosines, and these; largest first, equals by id."""
        if not self._size:
            return []
        places = self._candidates(question, count) if self._size > EXACT else slice(0, self._size)
        ids = self._ids[places] if not isinstance(places, slice) else self._ids[: self._size]
        scores = self._compare(question, places)
        if len(scores) > count:
            best = np.argpartition(-scores, count - 1)[:count]
            ids, scores = ids[best], scores[best]
        order = np.lexsort((ids, -scores))
        return list(zip(ids[order].tolist(), scores[order].tolist(), strict=True))

    def cosines(self, question: NDArray[np.float32], ids: Sequence[int]) -> dict[int, float]:
        """The cosines of those of `ids` that have vectors."""
        held = [id_ for id_ in ids if id_ in self._places]
        if not held:
            return {}
        scores = self._compare(question, np.array([self._places[id_] for id_ in held]))
        return dict(zip(held, scores.tolist(), strict=True))

    def floor(self, question: NDArray[np.float32]) -> float:
        """The lowest cosine among vectors spread over all: that of a chunk which has nothing to do with the
        question."""
        if not self._size:
            return 0.0
        if self._sample is None:
            self._sample = self._values[: self._size : -(-self._size // SAMPLED)].copy()
        return float(_products(self._sample, question).min())

    def _compare(self, question: NDArray[np.float32], places: Any) -> NDArray[np.float32]:
        if isinstance(places, slice) or len(places) > GATHERED:
            return _products(self._values[places], question)
        gathered = self._gathered[: len(places)]
        self._values.take(places, axis=0, out=gathered, mode="clip")  # with "raise" it would be copied once more
        return _products(gathered, question)

    def _candidates(self, question: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        """Places of the vectors whose signs agree most with those of the question."""
        wanted = max(LEAST_COMPARED, self._size // SHARE_COMPARED, 2 * count)
        if wanted >= self._size:
            return np.arange(self._size)
        differing = self._differences(question)
        sampled = differing[:: max(1, self._size // SAMPLED_DIFFERENCES)]
        rank = min(2 * wanted * len(sampled) // self._size + 2, len(sampled) - 1)
        limit = np.partition(sampled, rank)[rank]
        near = np.flatnonzero(np.less_equal(differing, limit, out=self._near[: self._size]))
        if len(near) < wanted:
            near = np.arange(self._size)
        theirs = differing[near]
        return near[theirs <= np.searchsorted(np.cumsum(np.bincount(theirs)), wanted)]

    def _differences(self, question: NDArray[np.float32]) -> NDArray[np.uint16]:
        """In how many signs each vector differs from the question."""
        sought = self._sketch(question[np.newaxis])[0]
        total = self._differing[: self._size]
        total[:] = 0
        for start in range(0, self._size, BLOCK):
            block = slice(start, min(start + BLOCK, self._size))
            mixed, counts, summed = (part[: block.stop - start] for part in self._scratch)
            for word in range(self._words):
                np.bitwise_xor(self._sketches[word, block], sought[word], out=mixed)
                np.bitwise_count(mixed, out=counts)
                if word % SUMMED == 0:
                    summed[:] = 0
                summed += counts
                if word % SUMMED == SUMMED - 1 or word == self._words - 1:
                    total[block] += summed
        return total

    def _sketch(self, values: NDArray[Any]) -> NDArray[np.uint64]:
        """The signs as bits, shape (vectors, words)."""
        bits = np.zeros((len(values), self._words * 64), np.bool_)
        bits[:, : self.dimension] = values >= 0
        return np.packbits(bits, axis=1).view(np.uint64)

    def _grow(self) -> None:
        room = len(self._ids)
        if self._size <= room:
            return
        more = max(self._size, room + room // 2, 1_024) - room
        self._ids = np.concatenate([self._ids, np.empty(more, np.int64)])
        self._values = np.concatenate([self._values, np.empty((more, self.dimension), np.float32)])
        self._sketches = np.concatenate([self._sketches, np.empty((self._words, more), np.uint64)], axis=1)
        self._differing, self._near = np.empty(room + more, np.uint16), np.empty(room + more, np.bool_)


def _products(values: NDArray[np.float32], question: NDArray[np.float32]) -> NDArray[np.float32]:
    # Not by a library of linear algebra: for so few rows its threads cost more than they save.
    found: NDArray[np.float32] = np.einsum("ij,j->i", values, question)
    return found
