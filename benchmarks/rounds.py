"""Timing beside each other: the cases of a comparison take turns, round after round, so that whatever else the machine
does falls on all of them alike. Ratios are taken within a round, and the median round is quoted."""

from __future__ import annotations

import gc
import statistics
import time
import timeit
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Times:
    """Seconds of each case in each round."""

    rounds: tuple[Mapping[str, float], ...]

    def median(self, case: str) -> float:
        return statistics.median(times[case] for times in self.rounds)

    def ratio(self, case: str, to: str) -> float:
        return statistics.median(times[case] / times[to] for times in self.rounds)


def interleaved(cases: Mapping[str, Callable[[], float]], rounds: int) -> Times:
    """Run every case once per round, after one round that is not counted. A case returns the seconds it took."""
    taken = [{name: case() for name, case in cases.items()} for _ in range(rounds + 1)]
    return Times(tuple(taken[1:]))


WARM_SECONDS = 0.3  # worker processes take some hundred calls until they are as fast as they get


def per_call(statement: str, names: Mapping[str, Any], seconds: float = 0.02) -> Callable[[], float]:
    """A case: the seconds of one run of `statement`, averaged over about `seconds` of them, the loop included."""
    timer = timeit.Timer(statement, globals=dict(names))
    tried = 1
    while (taken := timer.timeit(tried)) < WARM_SECONDS and tried < 1000:
        tried *= 10
    once = max(taken / tried, 1e-9)
    number = max(1, int(seconds / once))
    return lambda: timer.timeit(number) / number


def stopwatch(work: Callable[[], Any]) -> Callable[[], float]:
    """A case: the seconds of one run of `work`, without the garbage of the others."""

    def timed() -> float:
        gc.collect()
        begun = time.perf_counter()
        work()
        return time.perf_counter() - begun

    return timed
