"""Memory: recall of evidence, and what remembering and searching cost. `--data` names a file in LoCoMo's form.

Without data only the costs are measured.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from batos.memory.encoders.minilm import open_minilm, set_up
from benchmarks.figures import Figure
from benchmarks.memory.recall import measure_recall
from benchmarks.memory.speed import measure_speed


def measure(quick: bool, data: Path | None) -> Iterator[Figure]:
    set_up(lambda told: print(told, file=sys.stderr))
    embedder = open_minilm()
    if data is not None:
        yield from measure_recall(data, embedder, quick)
    yield from measure_speed(embedder, quick)
