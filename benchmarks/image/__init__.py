"""The living image: what a read, a commit, the disk, history, a command and a large image cost.

The figures are those of the table in issue 2, then the programs of `benchmarks.programs`, which show what the object
model costs where a program does nothing but send messages.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import programs
from benchmarks.figures import Figure
from benchmarks.image import disk, opening, past, reads


def measure(quick: bool, data: Path | None = None) -> Iterator[Figure]:
    for part in (reads, disk, past, opening):
        with tempfile.TemporaryDirectory(prefix="batos-benchmark-") as folder:
            yield from part.measure(quick, Path(folder))
    yield from programs.measure(quick)
