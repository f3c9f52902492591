"""A thousand missions that wait for a slow model: how far from the ideal they end, and what each holds meanwhile.

Run as `python -m benchmarks.cycle.crowd MISSIONS SECONDS FOLDER` for a process of its own, whose memory is looked at.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.cycle.driving import REPOSITORY
from benchmarks.cycle.work import Instant, opened, submit
from benchmarks.environments import answer_of
from benchmarks.figures import Figure

IN_FLIGHT = 64
WORKERS = 4
INFERENCES = 4


def measure(quick: bool, folder: Path) -> Iterator[Figure]:
    missions, latency = (100, 0.5) if quick else (1000, 2.0)
    command = [sys.executable, "-m", "benchmarks.cycle.crowd", missions, latency, folder]
    found = answer_of([str(part) for part in command], cwd=REPOSITORY)
    what = f"{missions} missions of {INFERENCES} inferences of {latency:g} s, {IN_FLIGHT} at a time ÷ ideal"
    beside = f"{found['wall']:.1f} s ÷ {found['ideal']:.1f} s; {WORKERS} workers, {found['most']} at a time at most"
    yield Figure("suspended_ratio", found["wall"] / found["ideal"], what, "≤ 1.15", beside)
    beside = f"{found['waiting']} waiting, {found['threads']} threads"
    yield Figure("suspended_kb", found["kb"], "resident memory per suspended mission, kB", "≤ 64", beside)


def main() -> None:
    missions, latency, folder = int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])
    backend = Instant(latency)
    with opened(folder / "crowd.image", backend, 256, workers=WORKERS, performers=IN_FLIGHT) as (system, targets):
        before, begun = _resident(), time.monotonic()
        filed = [submit(system, targets, "two rounds", number) for number in range(missions)]
        waiting, held, threads = 0, before, 0
        while system.store.counts()["done"] == 0 or waiting == 0:
            now = system.store.counts()["waiting"]
            if now > waiting:
                waiting, held, threads = now, _resident(), _threads()
            time.sleep(0.05)
        for mission in filed:
            mission.result(3600)
        wall = time.monotonic() - begun
    ideal = missions * INFERENCES * latency / IN_FLIGHT
    print(
        json.dumps(
            {
                "wall": wall, "ideal": ideal, "most": backend.most, "waiting": waiting, "threads": threads,
                "kb": (held - before) / waiting,
            }
        )
    )  # fmt: skip


def _resident() -> int:
    """kB that this process holds in memory."""
    return _status("VmRSS:")


def _threads() -> int:
    return _status("Threads:")


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


if __name__ == "__main__":
    main()
