"""The cycle: what it costs to make thinking durable, beside LangGraph and DBOS, and what a waiting mission holds.

One cycle is a mission with four inferences of a model that takes no time, from its enqueuing to its acknowledged end.
The peers run the same four answers through their checkpoints, and have no enqueuing but DBOS's queue.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure


def measure(quick: bool, data: Path | None = None) -> Iterator[Figure]:
    from benchmarks.cycle import against, alone, crowd, floor  # the peers' modules are run by themselves, without these

    for part in (alone, floor, against, crowd):
        with tempfile.TemporaryDirectory(prefix="batos-benchmark-") as folder:
            yield from part.measure(quick, Path(folder))
