"""Our cycle as a driven process: `python -m benchmarks.cycle.ours MANNER FOLDER`.

MANNER is `two` or `three` (rounds), or `sandboxed`: two rounds, with facets that run in the sandbox.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

from benchmarks.cycle.work import Instant, opened, submit
from benchmarks.peers.driven import drive

SHAPES = {"two": "two rounds", "three": "three rounds", "sandboxed": "two rounds"}


def main() -> None:
    manner, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        trusted = manner != "sandboxed"
        system, targets = stack.enter_context(opened(folder / "ours.image", Instant(), trusted=trusted))
        drive(lambda number: submit(system, targets, SHAPES[manner], number).result(30), stack.close)


if __name__ == "__main__":
    main()
