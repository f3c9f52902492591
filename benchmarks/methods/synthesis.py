"""How many small tasks the built-in synthesiser gets right, as `batos bench-model builtin` counts them."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

from batos.methods.tasks import public_tasks, read_tasks
from batos.runtime.bench import bench_model, by_family, summary
from benchmarks.figures import Figure

QUICK = 24


def measure(quick: bool, data: Path | None) -> Iterator[Figure]:
    tasks = read_tasks(data) if data is not None else public_tasks()
    if quick:
        tasks = tasks[:: max(1, len(tasks) // QUICK)]
    results = bench_model("builtin", tasks)
    found = summary(results)
    families = ", ".join(f"{family} {each.right:.1%}" for family, each in by_family(results).items())
    times = [each.seconds for each in results]
    spread = f"most {max(times):.1f} s, all {sum(times):.0f} s"
    yield Figure("synthesis_rate", found.right, f"right of {len(tasks)} tasks", "≥ 0.95", families)
    yield Figure("synthesis_silent", found.wrong, "wrong and silent", "≤ 0.02")
    yield Figure("synthesis_refused", found.refused, "refused, or asked more than two questions")
    yield Figure("synthesis_questions", found.questions, "questions asked per task", "≤ 0.3")
    yield Figure("synthesis_seconds", statistics.median(times), "the median task, s", "", spread)
