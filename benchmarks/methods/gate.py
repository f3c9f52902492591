"""What the way to a method costs: its audit and rewrite, and learning it from the message that nobody understood."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, thread_time
from typing import Any

from batos.methods import program
from batos.methods.guardian import audit
from batos.methods.rewrite import rewrite
from batos.runtime.uvm import Uvm
from batos.settings import Settings
from benchmarks.figures import Figure
from benchmarks.rounds import interleaved

# Thirty lines as a model writes them, in the two forms that there are: with plain slots only, and with objects.
REPORT = Path(__file__).with_name("report.py.txt").read_text(encoding="utf-8")
ORDERS = Path(__file__).with_name("orders.py.txt").read_text(encoding="utf-8")
BESIDE = {"with plain slots": "plain", "with objects": "objects", "the rewrite alone": "rewrite"}


def measure(quick: bool) -> Iterator[Figure]:
    yield from _audited(5 if quick else 40)
    yield _learned(3 if quick else 20)


def _audited(rounds: int) -> Iterator[Figure]:
    def ready(source: str, selector: str) -> None:
        program.prepare.__wrapped__(source, selector)  # without the cache that keeps it for the next call

    cases = {
        "guardian": computing(lambda: audit(ORDERS, "orders_")),
        "rewrite": computing(lambda: rewrite(ORDERS)),
        "plain": computing(lambda: ready(REPORT, "report_")),
        "objects": computing(lambda: ready(ORDERS, "orders_")),
    }
    times = interleaved(cases, rounds)
    slower = max(("plain", "objects"), key=times.median)
    beside = ", ".join(f"{what} {times.median(case) * 1000:.2f}" for what, case in BESIDE.items())
    yield Figure(
        "guardian_ms", times.median(slower) * 1000, "guardian and rewrite of 30 lines, ms of a processor", "≤ 2", beside
    )
    yield Figure("audit_ms", times.median("guardian") * 1000, "the guardian alone, ms of a processor")


def computing(work: Callable[[], Any]) -> Callable[[], float]:
    """A case: the processor's seconds for one run of `work`, which waits for nothing. Who else uses the machine, and
    the garbage of the other cases, is left out."""

    def timed() -> float:
        gc.collect()
        begun = thread_time()
        work()
        return thread_time() - begun

    return timed


def _learned(objects: int) -> Figure:
    """A message by convention to an object that does not understand it, until its sender has the answer."""
    taken = []
    with TemporaryDirectory(prefix="batos-benchmark-") as folder:
        settings = replace(Settings(), approvals=f"{folder}/approvals.json", heartbeat=False)
        with Uvm(f"sqlite:{folder}/a.image", settings=settings) as uvm:
            for number in range(objects + 1):
                learner = uvm.create(f"learner{number}", {"name": "Ada", "age": number})
                begun = perf_counter()
                assert learner.get_name() == "Ada"
                taken.append((perf_counter() - begun) * 1000)
    beside = f"least {min(taken[1:]):.0f}, most {max(taken[1:]):.0f}, the first in the process {taken[0]:.0f}"
    what = "not understood → answered by convention, ms"
    return Figure("learn_ms", statistics.median(taken[1:]), what, "≤ 60", beside)
