"""Missions that wait for a slow model, in a process of their own, whose memory and threads are looked at.

Run as `python -m benchmarks.cycle.waiting MISSIONS SECONDS FOLDER`.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from benchmarks.cycle.work import Instant, opened, submit

IN_FLIGHT = 64
WORKERS = 4
INFERENCES = 4


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
