"""Methods: what it costs to run one, to audit one, and to learn one; and how many small tasks a writer gets right.

The figures are those of the table in issue 3. The tasks beside this file are described in `README.md`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.methods import gate, running, synthesis


def measure(quick: bool, data: Path | None = None) -> Iterator[Figure]:
    yield from running.measure(quick)
    yield from gate.measure(quick)
    yield from synthesis.measure(quick, data)
