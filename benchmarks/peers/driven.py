"""How a peer's process is driven: it prints `ready`, then runs N cycles for each line `go N` and answers in JSON.

The process stays up, so that rounds of several peers can be interleaved. What a cycle is to think is the same for all:
four answers of a model that takes no time.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import sys
import time
from collections.abc import Callable

QUESTION = "How does a suspended mission find its answers again, and what does it hold while it waits for them? " * 3
ANSWER = "A suspended mission holds nothing: its answers stand in the journal, and the next attempt reads them. " * 10
FACETS = ("literal_facet_", "sage_facet_", "tech_facet_")
WARM_UP = 5


def drive(cycle: Callable[[int], None], close: Callable[[], None]) -> None:
    """`cycle` is called with a number that it has not been called with before."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints must not mix in
    numbers = itertools.count(time.time_ns() // 1000 * 1000)

    def run(cycles: int) -> None:
        for number in itertools.islice(numbers, cycles):
            cycle(number)

    run(WARM_UP)
    print("ready", file=answers)
    for line in sys.stdin:
        asked, _, count = line.partition(" ")
        if asked != "go":
            break
        gc.collect()
        cpu, begun = time.process_time(), time.perf_counter()
        run(int(count))
        seconds = time.perf_counter() - begun
        print(json.dumps({"seconds": seconds, "cpu": time.process_time() - cpu}), file=answers)
    close()
