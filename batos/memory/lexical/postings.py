"""Postings: which rows hold a token, and how often, as arrays. Knows no words, no texts and no file.

A row has a number, higher than those of all rows before it. The postings of a token lie together, its rows in order;
the tokens are in the order of their numbers. A page is a part of that, small enough to be read for one question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

PAGE = 512  # postings that a page has at least, unless it is the last: 3 KiB, and with their tokens some 5
SIZES = Struct("=II")  # of a page: tokens, postings

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Postings:
    """`tokens` (int64) ascending; those of `tokens[i]` are `rows` (uint32) and `counts` (uint16) from `starts[i]` up to
    `starts[i + 1]`. A count is how often the row holds the token, weighted."""

    tokens: Array
    starts: Array
    rows: Array
    counts: Array

    def of(self, token: int) -> tuple[Array, Array] | None:
        """(rows, counts) of a token; None if no row holds it."""
        place = int(self.tokens.searchsorted(token))
        if place == len(self.tokens) or self.tokens[place] != token:
            return None
        part = slice(int(self.starts[place]), int(self.starts[place + 1]))
        return self.rows[part], self.counts[part]

    @property
    def size(self) -> int:
        return int(self.tokens.nbytes + self.starts.nbytes + self.rows.nbytes + self.counts.nbytes)

    def packed(self) -> bytes:
        parts = (self.tokens, self.starts, self.rows, self.counts)
        body = b"".join((SIZES.pack(len(self.tokens), len(self.rows)), *(part.tobytes() for part in parts)))
        return crc32(body).to_bytes(4, "big") + body

    def pages(self) -> Iterator[Postings]:
        """The same in parts; all postings of a token are in one of them."""
        if 0 < len(self.rows) <= PAGE:
            yield self
            return
        cuts = self.starts.searchsorted(np.arange(0, len(self.rows), PAGE), "left")
        cuts = np.unique(np.append(cuts, len(self.tokens)))
        for first, last in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
            begin, end = int(self.starts[first]), int(self.starts[last])
            starts = self.starts[first : last + 1] - np.uint32(begin)
            yield Postings(self.tokens[first:last], starts, self.rows[begin:end], self.counts[begin:end])


def unpacked(data: bytes) -> Postings | None:
    """What `Postings.packed` made; None if it is damaged."""
    if len(data) < 12 or crc32(memoryview(data)[4:]) != int.from_bytes(data[:4], "big"):
        return None
    tokens, rows = SIZES.unpack_from(data, 4)
    starts = 12 + 8 * tokens
    first = starts + 4 * (tokens + 1)
    return Postings(
        np.frombuffer(data, np.int64, tokens, 12),
        np.frombuffer(data, np.uint32, tokens + 1, starts),
        np.frombuffer(data, np.uint32, rows, first),
        np.frombuffer(data, np.uint16, rows, first + 4 * rows),
    )


def gathered(tokens: Array, rows: Array, weights: Array) -> Postings:
    """The postings of occurrences in the order of their rows: each is a token in a row, and weighs something."""
    order = tokens.argsort(kind="stable")
    tokens, rows, weights = tokens[order], rows[order], weights[order]
    other_token = _differs(tokens)
    firsts = np.flatnonzero(other_token | _differs(rows))  # of each token in each row
    counts = np.minimum(np.add.reduceat(weights, firsts), 65_535) if len(firsts) else weights
    starts = firsts.searchsorted(np.flatnonzero(other_token))
    return Postings(
        tokens[other_token],
        np.append(starts, len(firsts)).astype(np.uint32),
        rows[firsts].astype(np.uint32),
        counts.astype(np.uint16),
    )


def _differs(values: Array) -> Array:
    """Where a value is another than the one before it; the first always is."""
    differs = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=differs[1:])
    return differs


def merged(parts: Sequence[Postings], living: Array) -> Postings:
    """The postings of all parts, which hold ever higher rows, without the rows whose entry in `living` is false."""
    rows = np.concatenate([part.rows for part in parts])
    counts = np.concatenate([part.counts for part in parts])
    tokens = np.concatenate([part.tokens for part in parts])
    sizes = np.concatenate([np.diff(part.starts) for part in parts]).astype(np.int64)
    order = tokens.argsort(kind="stable")
    tokens, sizes, starts = tokens[order], sizes[order], (np.cumsum(sizes) - sizes)[order]
    # Where each posting of the result stands now: blocks of neighbours, put into the order of their tokens.
    moved = np.repeat(starts - (np.cumsum(sizes) - sizes), sizes) + np.arange(len(rows))
    rows, counts = rows[moved], counts[moved]
    kept = living[rows]
    if not kept.all():
        sizes = np.add.reduceat(kept.astype(np.int64), np.cumsum(sizes) - sizes)
        rows, counts, tokens, sizes = rows[kept], counts[kept], tokens[sizes > 0], sizes[sizes > 0]
    firsts = np.flatnonzero(_differs(tokens))
    starts = (np.cumsum(sizes) - sizes)[firsts]
    return Postings(tokens[firsts], np.append(starts, len(rows)).astype(np.uint32), rows, counts)
