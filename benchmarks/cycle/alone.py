"""One cycle by itself: the CPU of its attempts, its replay, and facets that are asked at the same time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from batos.inference.port import Answer, Request
from benchmarks.cycle.work import Instant, opened, submit
from benchmarks.figures import Figure


def measure(quick: bool, folder: Path) -> Iterator[Figure]:
    yield from _attempts(folder / "attempts.image", cycles=20 if quick else 200)
    yield from _facets(folder / "facets.image", seconds=0.1 if quick else 1.0)


def _attempts(path: Path, cycles: int) -> Iterator[Figure]:
    """CPU seconds of the threads that run attempts, as the system counts them: others' time on the machine is not in
    them, but the caches that others use are."""
    with opened(path, Instant(), workers=1) as (system, targets):
        for number in range(10):
            submit(system, targets, "two rounds", number).result(30)
        attempts = _timed(system._workers._attempts, "run")
        checks = _timed(system.store, "check_budgets")
        begun = time.process_time()
        for number in range(10, 10 + cycles):
            mission = submit(system, targets, "two rounds", number)
            mission.result(30)
        whole = (time.process_time() - begun) / cycles
        each = [sum(attempts[at : at + 3]) / 3 for at in range(0, len(attempts), 3)]
        budget = statistics.median(checks) * len(checks) / len(attempts)
        best = 1000 * (min(each) + budget)
        beside = f"the best of {cycles}: {best:.2f} ms; the whole process {1000 * whole:.1f} ms a cycle"
        what = "CPU of an attempt, journal read, schemas, trace, budget check and commit included, ms"
        yield Figure("attempt_cpu_ms", 1000 * (statistics.median(each) + budget), what, "≤ 0.5", beside)
        yield Figure("replay_ms", 1000 * _replay(system, mission.id), "replaying a journaled cycle, ms", "≤ 10")


def _timed(owner: Any, name: str) -> list[float]:
    """CPU seconds of each call of a method from now on, in the thread that made it."""
    taken: list[float] = []
    method = getattr(owner, name)

    def timed(*args: Any, **kwargs: Any) -> Any:
        begun = time.thread_time()
        try:
            return method(*args, **kwargs)
        finally:
            taken.append(time.thread_time() - begun)

    setattr(owner, name, timed)
    return taken


def _replay(system: Any, mission: str) -> float:
    taken = []
    for _ in range(20):
        begun = time.perf_counter()
        assert system.replay(mission).same
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


class SlowFacets(Instant):
    """A model that only facets take time of."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self.planned_at = 0.0

    def generate(self, request: Request) -> Answer:
        if request.purpose == "facet":
            time.sleep(self._seconds)
        answer = super().generate(request)
        if request.purpose == "plan":
            self.planned_at = time.perf_counter()
        return answer


def _facets(path: Path, seconds: float) -> Iterator[Figure]:
    backend = SlowFacets(seconds)
    taken = []
    with opened(path, backend) as (system, targets):
        for number in range(3):
            submit(system, targets, "two rounds", number).result(60)
            taken.append(time.perf_counter() - backend.planned_at)
    what = f"three facets of {seconds:g} s each: from the plan's answer to the mission's end, s"
    yield Figure("facets_s", statistics.median(taken), what, "≤ 1.2")
