"""A thousand missions that wait for a slow model: how far from the ideal they end, and what each holds meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.cycle.driving import REPOSITORY
from benchmarks.cycle.waiting import IN_FLIGHT, INFERENCES, WORKERS
from benchmarks.environments import answer_of
from benchmarks.figures import Figure


def measure(quick: bool, folder: Path) -> Iterator[Figure]:
    missions, latency = (100, 0.5) if quick else (1000, 2.0)
    command = [sys.executable, "-m", "benchmarks.cycle.waiting", missions, latency, folder]
    found = answer_of([str(part) for part in command], cwd=REPOSITORY)
    what = f"{missions} missions of {INFERENCES} inferences of {latency:g} s, {IN_FLIGHT} at a time ÷ ideal"
    beside = f"{found['wall']:.1f} s ÷ {found['ideal']:.1f} s; {WORKERS} workers, {found['most']} at a time at most"
    yield Figure("suspended_ratio", found["wall"] / found["ideal"], what, "≤ 1.15", beside)
    beside = f"{found['waiting']} waiting, {found['threads']} threads"
    yield Figure("suspended_kb", found["kb"], "resident memory per suspended mission, kB", "≤ 64", beside)
