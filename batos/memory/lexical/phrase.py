"""Phrases: the tokens of each row in their order, looked through for several next to each other.

A sequence is the number of tokens in the title, those, a zero, and those of the body, in 32 bits each.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from batos.image.derived import ONE_OF, Listed, Rows
from batos.memory.lexical.postings import Array
from batos.memory.query import BODY_WEIGHT, TITLE_WEIGHT

ZERO = b"\0" * 4
LONGEST_PHRASED = 5_000  # rows that hold all words of a phrase, and are looked through for it


def sequences(tokens: Array, sizes: Array) -> list[bytes]:
    """The sequences of rows whose `tokens` are given one after the other; `sizes` are those in the title and those in
    the body of each row in turn."""
    data, ends = _shortened(tokens).tobytes(), np.cumsum(4 * sizes).tolist()
    parts = zip([0, *ends[1::2]], ends[::2], ends[1::2], strict=False)
    return [
        ((middle - start) // 4).to_bytes(4, "little") + data[start:middle] + ZERO + data[middle:end]
        for start, middle, end in parts
    ]


def followed(
    database: Rows, prefix: str, tokens: Sequence[int], parts: Sequence[tuple[Array, Array]]
) -> tuple[Array, Array]:
    """(rows, counts) of these tokens next to each other. None are told where too many rows hold all of them: the words
    of a phrase are sought each by itself too."""
    rows = parts[0][0]
    for others, _ in parts[1:]:
        rows = np.intersect1d(rows, others, assume_unique=len(set(tokens)) == len(tokens))
    if len(rows) > LONGEST_PHRASED:
        return rows[:0], rows[:0]
    pattern = _shortened(np.array(tokens, np.int64)).tobytes()
    statement = f"select row, tokens from {prefix}sequence where row {ONE_OF} order by row"
    found = [(row, _times(data, pattern)) for row, data in database.execute(statement, (Listed(rows.tolist()),))]
    kept = [pair for pair in found if pair[1]]
    return np.array([row for row, _ in kept], np.uint32), np.array([count for _, count in kept], np.uint16)


def _shortened(tokens: Array) -> Array:
    """The tokens in 32 bits, for comparing within a row; none becomes zero, which stands between title and body."""
    return np.maximum(tokens.astype(np.uint32), 1)


def _times(sequence: bytes, pattern: bytes) -> int:
    """How often the pattern stands in a row's sequence, weighted."""
    titles = int.from_bytes(sequence[:4], "little")
    count, start = 0, 4
    while (at := sequence.find(pattern, start)) >= 0:
        if at % 4 == 0:
            count += TITLE_WEIGHT if at // 4 <= titles else BODY_WEIGHT
        start = at + 4 - at % 4
    return count
